# Every target sets up what it needs. Everything below .venv comes from the pinned, hashed requirement files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DOCKER ?= docker
IMAGE ?= ml-service
PIP = .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all:

# Read when Python and its libraries start, so they are set here and not in Python (see docs/design.md).
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export LOKY_MAX_CPU_COUNT ?= 1
export MALLOC_ARENA_MAX ?= 2

.PHONY: help serve train test test-image test-clients lint image docs lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## */\1\t/' | expand -t 14

serve: .venv/train.stamp $(if $(MODEL_DIR),,bundle/manifest.json)  ## serve MODEL_DIR, or a reference model made here, on PORT (8000)
	@exec .venv/bin/gunicorn

train: .venv/train.stamp  ## fit the reference model on iris and pack it in ./bundle
	@.venv/bin/python -m model train --output bundle >&2

bundle/manifest.json:
	@$(MAKE) --no-print-directory train

test: .venv/dev.stamp  ## unit, http and system tests (real gunicorn); needs Python 3.11 only
	.venv/bin/pytest -m "not image and not clients"

test-image: .venv/dev.stamp  ## build the image and run it; needs a Docker engine
	DOCKER=$(DOCKER) .venv/bin/pytest -m image --timeout 900

test-clients: .venv/dev.stamp .venv-clients/stamp  ## run public clients of the protocols (tritonclient, KServe's, MLflow's)
	.venv/bin/pytest -m clients

lint: .venv/dev.stamp  ## ruff, mypy strict, hadolint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/hadolint Dockerfile

image:  ## build the container image
	DOCKER_BUILDKIT=1 $(DOCKER) build $(BUILD_FLAGS) --tag $(IMAGE) \
	  --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git show -s --format=%cI HEAD) .

docs: .venv/dev.stamp  ## generate docs/conformance.md
	.venv/bin/python -m tests.conformance

lock: .venv/dev.stamp  ## compile the requirement files from pyproject.toml
	for extras in "" "--extra train" "--extra train --extra dev"; do \
	  case "$$extras" in *dev) name=-dev;; *train) name=-train;; *) name=;; esac; \
	  .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	    $(LOCK_FLAGS) $$extras pyproject.toml -o requirements$$name.txt || exit 1; \
	done
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  $(LOCK_FLAGS) tests/clients/requirements.in -o tests/clients/requirements.txt

clean:  ## remove the environment and the reference bundle
	rm -rf .venv .venv-clients bundle

.venv-clients/stamp: tests/clients/requirements.txt
	@test -x .venv-clients/bin/python || $(PYTHON) -m venv .venv-clients
	@.venv-clients/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r $< >&2
	@touch $@

.venv/%.stamp: requirements-%.txt
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@$(PIP) -r $< >&2
	@touch $@
