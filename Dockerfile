# train → build → serve: the serving image holds what serving needs, and the model that training made.
# Pin it by digest for your registry: --build-arg BASE=python:3.11-slim@sha256:…
ARG BASE=python:3.11-slim

# A bundle is the same for every processor: the building machine makes it once, and all images hold the same one.
FROM --platform=$BUILDPLATFORM ${BASE} AS train
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0
WORKDIR /src
# The scikit-learn that is served; by default the one of requirements.txt (`make image BUNDLE=…` finds a bundle's).
ARG SKLEARN=
COPY model/__init__.py model/
COPY model/environments/ model/environments/
COPY requirements-train.txt ./
RUN python -m model.environments.pins "$SKLEARN" requirements-train.txt > pinned.txt \
 && pip install --require-hashes --only-binary=:all: --no-compile -r pinned.txt
COPY model/ model/
# Seconds since 1970 that replace every date, so that two builds differ only in the dates of files.
ARG SOURCE_DATE_EPOCH
RUN python -m model train --output /model


FROM ${BASE} AS tools
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONDONTWRITEBYTECODE=1 \
    PYTHONHASHSEED=0
COPY image/start-once image/strip-packages /usr/local/bin/
WORKDIR /src
ARG SKLEARN=
COPY model/__init__.py model/
COPY model/environments/ model/environments/


FROM tools AS code
COPY model/ app/model/
COPY service/ app/service/
COPY wsgi.py gunicorn.conf.py app/
WORKDIR /src/app
RUN rm -r model/environments model/onnx_export model/packing
# Dockerflow's version object, for /__version__ and for whoever inspects the image.
ARG SOURCE=
ARG VERSION=unknown
ARG REVISION=unknown
ARG BUILD=
RUN printf '{"source":"%s","version":"%s","commit":"%s","build":"%s"}\n' "$SOURCE" "$VERSION" "$REVISION" "$BUILD" > version.json


# Starting the application once proves that nothing it needs was stripped, and leaves the bytecode of what it imports.
FROM tools AS any
# Further requirements to install, each the NAME of a requirements-NAME.txt: `storage` (docs/object-storage.md).
ARG EXTRAS=
COPY requirements.txt requirements-storage.txt ./
RUN python -m model.environments.pins "$SKLEARN" requirements.txt > pinned.txt \
 && for each in $EXTRAS; do cat "requirements-$each.txt" >> pinned.txt; done \
 && pip install --require-hashes --only-binary=:all: --no-compile --prefix=/install --report installed.json \
    -r pinned.txt && strip-packages
COPY --from=code /src/app app
COPY --from=train /model /model
WORKDIR /src/app
ARG SOURCE_DATE_EPOCH
RUN start-once ENGINE=scikit-learn && start-once ENGINE=auto


FROM tools AS compiled
ARG EXTRAS=
COPY requirements-compiled.txt requirements-storage.txt ./
RUN cp requirements-compiled.txt pinned.txt \
 && for each in $EXTRAS; do cat "requirements-$each.txt" >> pinned.txt; done \
 && pip install --require-hashes --only-binary=:all: --no-compile --prefix=/install --report installed.json \
    -r pinned.txt && strip-packages
COPY --from=code /src/app app
COPY --from=train /model /model
WORKDIR /src/app
ARG SOURCE_DATE_EPOCH
RUN rm -r model/sklearn_runtime && start-once ENGINE=auto


FROM ${BASE} AS runtime
# Nobody installs anything in this image, so it has no pip; and no program runs as another user than its caller (setuid).
RUN rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && groupadd --gid 10001 app \
 && SOURCE_DATE_EPOCH=86400 useradd --no-log-init --uid 10001 --gid app --no-create-home --home-dir /app app
COPY entrypoint.sh /usr/local/bin/
WORKDIR /app
# The default of MODEL_DIR. It is a link and not a setting, so that a platform's own model directory takes precedence.
RUN ln -s /model bundle
# The allocator reads the number of its arenas before Python runs any of our code.
ENV MALLOC_ARENA_MAX=2 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["python", "-S", "-m", "service.server.healthcheck"]
# The kernel does not deliver signals that have no handler to the first process of a container. As that process, Python
# could not be stopped while it starts, nor during a long step in native code.
ENTRYPOINT ["dumb-init", "--single-child", "entrypoint.sh"]
ARG VERSION=unknown
ARG REVISION=unknown
ARG CREATED=unknown
ENV BUILD_REVISION=${REVISION}
LABEL org.opencontainers.image.title="ml-service" \
      org.opencontainers.image.description="A production prediction server for fitted scikit-learn models" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      ml-service.sbom="/usr/share/sbom/ml-service.cdx.json"


# The tool that lists what is installed in an image (SBOM). No image contains the tool itself.
FROM ${BASE} AS sbom-tools
COPY image/sbom/requirements.txt /tools/
RUN pip install --no-cache-dir --root-user-action=ignore --require-hashes --only-binary=:all: --no-compile \
    --target /tools -r /tools/requirements.txt
COPY image/sbom/make_sbom.py /tools/


FROM runtime AS compiled-content
COPY --from=compiled /install /usr/local
COPY --from=compiled /src/app /app
COPY --from=train /model /model


FROM compiled-content AS compiled-sbom
COPY --from=sbom-tools /tools /tools
COPY --from=compiled /src/installed.json /tools/
ARG VERSION=unknown
ARG CREATED=unknown
RUN python /tools/make_sbom.py /tools /tools/installed.json /model "$VERSION" "$CREATED" > /tmp/sbom.cdx.json


# Serves models that have a compiled form, and holds no scikit-learn (`--target serve-compiled`).
FROM compiled-content AS serve-compiled
COPY --from=compiled-sbom --chown=0:0 /tmp/sbom.cdx.json /usr/share/sbom/ml-service.cdx.json


FROM runtime AS any-content
COPY --from=any /install /usr/local
COPY --from=any /src/app /app
COPY --from=train /model /model


FROM any-content AS any-sbom
COPY --from=sbom-tools /tools /tools
COPY --from=any /src/installed.json /tools/
ARG VERSION=unknown
ARG CREATED=unknown
RUN python /tools/make_sbom.py /tools /tools/installed.json /model "$VERSION" "$CREATED" > /tmp/sbom.cdx.json


# Serves any model.
FROM any-content AS serve
COPY --from=any-sbom --chown=0:0 /tmp/sbom.cdx.json /usr/share/sbom/ml-service.cdx.json
