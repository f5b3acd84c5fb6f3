# train → build → serve: the serving image holds what serving needs, and the model that training made.
# Pin it by digest for your registry: --build-arg BASE=python:3.11-slim@sha256:…
ARG BASE=python:3.11-slim

FROM ${BASE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1
COPY image/ /usr/local/bin/
WORKDIR /src
# The scikit-learn that is served; by default the one of requirements.txt (`make image BUNDLE=…` finds a bundle's).
ARG SKLEARN=
COPY model/__init__.py model/
COPY model/environments/ model/environments/


FROM tools AS train
COPY requirements-train.txt ./
RUN python -m model.environments.pins "$SKLEARN" requirements-train.txt > pinned.txt \
 && pip install --require-hashes --only-binary=:all: --no-compile -r pinned.txt
COPY model/ model/
RUN python -m model train --output /model


FROM tools AS code
COPY model/ app/model/
COPY service/ app/service/
COPY wsgi.py gunicorn.conf.py app/
WORKDIR /src/app
RUN rm -r model/environments model/onnx_export model/packing
# Dockerflow's version object, for /__version__ and whoever looks into the image.
ARG SOURCE=
ARG VERSION=unknown
ARG REVISION=unknown
ARG BUILD=
RUN printf '{"source":"%s","version":"%s","commit":"%s","build":"%s"}\n' "$SOURCE" "$VERSION" "$REVISION" "$BUILD" > version.json


# Starting the application once proves that nothing it needs was stripped, and leaves the bytecode of what it imports.
FROM tools AS any
# What else is installed, by the names of requirements-NAME.txt: `storage` (docs/object-storage.md).
ARG EXTRAS=
COPY requirements.txt requirements-storage.txt ./
RUN python -m model.environments.pins "$SKLEARN" requirements.txt > pinned.txt \
 && for each in $EXTRAS; do cat "requirements-$each.txt" >> pinned.txt; done \
 && pip install --require-hashes --only-binary=:all: --no-compile --prefix=/install -r pinned.txt && strip-packages
COPY --from=code /src/app app
COPY --from=train /model /model
WORKDIR /src/app
RUN start-once ENGINE=scikit-learn && start-once ENGINE=auto


FROM tools AS compiled
ARG EXTRAS=
COPY requirements-compiled.txt requirements-storage.txt ./
RUN cp requirements-compiled.txt pinned.txt \
 && for each in $EXTRAS; do cat "requirements-$each.txt" >> pinned.txt; done \
 && pip install --require-hashes --only-binary=:all: --no-compile --prefix=/install -r pinned.txt && strip-packages
COPY --from=code /src/app app
COPY --from=train /model /model
WORKDIR /src/app
RUN rm -r model/sklearn_runtime && start-once ENGINE=auto


FROM ${BASE} AS runtime
# Nobody installs anything here: no pip, and no program that runs as somebody else than its caller.
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && groupadd --gid 10001 app && useradd --no-log-init --uid 10001 --gid app --no-create-home --home-dir /app app
COPY entrypoint.sh /usr/local/bin/
WORKDIR /app
# The default of MODEL_DIR: not a setting, so that a platform's place for models comes before it.
RUN ln -s /model bundle
# The allocator reads the number of its arenas before Python runs a line of ours.
ENV MALLOC_ARENA_MAX=2 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-S", "-m", "service.server.healthcheck"]
# The kernel keeps signals that nothing handles from the first process of a container: as that, Python could not be stopped
# while it starts, nor within a long step in native code.
ENTRYPOINT ["dumb-init", "--single-child", "entrypoint.sh"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ENV BUILD_REVISION=${REVISION}
LABEL org.opencontainers.image.title="ml-service" \
      org.opencontainers.image.description="A production prediction server for fitted scikit-learn models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"


# Serves models that have a compiled form, and holds no scikit-learn (`--target serve-compiled`).
FROM runtime AS serve-compiled
COPY --from=compiled /install /usr/local
COPY --from=compiled /src/app /app
COPY --from=train /model /model


# Serves any model.
FROM runtime AS serve
COPY --from=any /install /usr/local
COPY --from=any /src/app /app
COPY --from=train /model /model
