# train → build → serve: the serving image holds what serving needs, and the model that training made.
# Pin it by digest for your registry: --build-arg BASE=python:3.11-slim@sha256:…
ARG BASE=python:3.11-slim

FROM ${BASE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
ENV OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
WORKDIR /src


FROM tools AS train
COPY requirements-train.txt ./
RUN pip install --require-hashes --only-binary=:all: --no-compile -r requirements-train.txt
COPY model/ model/
RUN python -m model train --output /model


FROM tools AS build
COPY requirements.txt ./
RUN pip install --require-hashes --only-binary=:all: --no-compile --prefix=/install -r requirements.txt
# What nothing imports at run time: the packages' tests, headers, sources of extensions, stubs and sample data.
RUN find /install -depth -type d -name tests ! -path '*/numpy/_core/tests' -exec rm -rf {} + \
 && find /install -path '*/numpy/_core/tests/*' ! -name __init__.py ! -name _natype.py -delete \
 && find /install -type f \( -name '*.pyi' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' \
      -o -name '*.c' -o -name '*.cpp' -o -name '*.tp' -o -name '*.a' \) -delete \
 && find /install -depth -path '*/sklearn/datasets/*' -type d \( -name data -o -name images -o -name descr \) \
      -exec rm -rf {} +
COPY model/ app/model/
COPY service/ app/service/
COPY wsgi.py gunicorn.conf.py app/
WORKDIR /src/app/model
RUN rm training.py packing.py reading.py remembering.py sampling.py sources.py
COPY --from=train /model /model
# Starting the application once proves that nothing it needs was stripped, and leaves the bytecode of what it imports.
WORKDIR /src/app
RUN PYTHONPATH=/install/lib/python3.11/site-packages PYTHONDONTWRITEBYTECODE='' MODEL_DIR=/model \
    python -m gunicorn --check-config


FROM ${BASE} AS serve
# Nobody installs anything here: no pip, and no program that runs as somebody else than its caller.
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && groupadd --gid 10001 app && useradd --no-log-init --uid 10001 --gid app --no-create-home --home-dir /app app
COPY --from=build /install /usr/local
COPY --from=build /src/app /app
COPY --from=train /model /model
COPY entrypoint.sh /usr/local/bin/
WORKDIR /app
# The default of MODEL_DIR: not a setting, so that a platform's place for models comes before it.
RUN ln -s /model bundle
# The thread limits and the allocator's arenas are read before Python runs a line of ours.
ENV OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1 MALLOC_ARENA_MAX=2 \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-m", "service.healthcheck"]
ENTRYPOINT ["entrypoint.sh"]
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="ml-service" \
      org.opencontainers.image.description="A production prediction server for fitted scikit-learn models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
