# Every target sets up what it needs. Everything below .venv comes from the pinned, hashed requirement files.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
DOCKER ?= docker
IMAGE ?= ml-service
PIP = .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all:

# Read by the allocator when Python starts; model/thread_limits.py sets what is read later.
export MALLOC_ARENA_MAX ?= 2

# What was compiled once is kept, whatever the machine's default: importing scikit-learn takes 5 seconds without, not 2.
export PYTHONDONTWRITEBYTECODE =

.PHONY: help serve train test test-image test-bench test-clients test-deploy test-kubernetes test-swarm test-models test-install test-openapi test-prometheus test-proxies test-proxies-alone test-proxies-beside test-pythons test-pythons-full test-arm64 test-traces test-storage \
  test-score test-cluster bench-cluster java test-browser pictures dashboards engine debootstrap proxies prometheus chromium soak fuzz reliability lint format check coverage image image-compiled docs bench bench-capacity wrk wheel sbom reproduce audit \
  lock environments environments-first clean

help:  ## list the targets
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## */\1\t/' | expand -t 16

serve: .venv/train.stamp $(if $(MODEL_DIR),,bundle/manifest.json)  ## serve MODEL_DIR, or a reference model made here, on PORT (8000)
	@bin=$$(.venv/bin/python -m model environment) && exec $$bin/gunicorn

train: .venv/train.stamp  ## fit the reference model on iris and pack it in ./bundle
	@.venv/bin/python -m model train --output bundle >&2

bundle/manifest.json:
	@$(MAKE) --no-print-directory train

PYTEST = .venv/bin/pytest
test: .venv/dev.stamp  ## unit, http and system tests (real gunicorn); needs Python 3.11 only
	$(PYTEST) --ignore tests/system --ignore tests/fuzz --numprocesses 2 --dist load
	$(PYTEST) tests/system/test_*.py -m "not image and not bench and not clients and not score" \
	  --numprocesses 4 --dist loadfile

test-image: .venv/dev.stamp .venv-models/boosting.stamp .venv-supply/stamp  ## build the image and run it; needs a Docker engine
	DOCKER=$(DOCKER) .venv/bin/pytest tests/system -m image --timeout 900 --numprocesses 2 --dist loadfile

test-bench: .venv/dev.stamp .venv-peers/fastapi.stamp .venv-peers/chart.stamp wrk  ## a short `make bench`; needs two cores
	.venv/bin/pytest tests/system/test_bench.py -m bench --timeout 900

test-clients: .venv/dev.stamp .venv-clients/stamp  ## run public clients of the protocols (tritonclient, KServe's, MLflow's), and MLflow's registry
	.venv/bin/pytest tests/system/test_clients.py tests/system/test_mlflow_registry.py -m clients

test-deploy: .venv/dev.stamp .venv-deploy/stamp .venv-clients/stamp  ## the manifests of deploy/kubernetes: kustomize, rules, and schemas
	.venv/bin/pytest tests/system/deploy -m deploy

test-kubernetes: .venv/dev.stamp .venv-kubernetes/stamp .venv-deploy/stamp .venv-clients/stamp .venv-storage/stamp engine  ## deploy/kubernetes on a cluster of Kubernetes 1.20, which the first run builds from source; needs root
	DOCKER=$(DOCKER) .venv/bin/pytest tests/system/kubernetes -m kubernetes --timeout 1800

test-swarm: .venv/dev.stamp .venv-swarm/stamp engine  ## deploy/compose.yaml by Docker Compose and on a Swarm of three engines; needs root
	DOCKER=$(DOCKER) .venv/bin/pytest tests/system/swarm -m swarm --timeout 900 --numprocesses 2 --dist loadfile

test-score: .venv/dev.stamp  ## score files by the command: killed, without room, beside a real server
	.venv/bin/pytest tests/system/test_score.py -m score --numprocesses 2

test-cluster: .venv/dev.stamp .venv-cluster/stamp java  ## score on Ray and Spark: on this machine, and on clusters of two nodes
	.venv/bin/pytest tests/system/cluster -m cluster --numprocesses 2 --dist loadfile --timeout 600

test-openapi: .venv/dev.stamp .venv-openapi/stamp  ## the OpenAPI document: validators, Schemathesis, generated clients
	.venv/bin/pytest -m openapi tests/system/openapi --numprocesses 2 --dist load --timeout 600

# Each is a folder of tests/system/models, whose tests run in the environment of tests/models/requirements-FOLDER.txt.
LIBRARIES = boosting thirdparty
test-models: .venv/dev.stamp .venv-models/compiled.stamp $(LIBRARIES:%=.venv-models/%.stamp)  ## models of other libraries (XGBoost, LightGBM, CatBoost, imbalanced-learn, …)
	for each in $(LIBRARIES); do \
	  .venv-models/$$each/bin/python -m pytest -m models tests/system/models/$$each --numprocesses 2 --dist loadfile --timeout 600 || exit 1; \
	done
	.venv/bin/pytest -m models tests/system/models/guide --numprocesses 2
	.venv/bin/pytest -m models tests/system/models/versions --numprocesses 2 --timeout 600

# The environments that the wheel is installed into: newest libraries and Jupyter, the oldest, and no pandas.
INSTALLED = current oldest bare
INSTALL = tests/system/install
test-install: .venv/dev.stamp $(INSTALLED:%=.venv-install/%.stamp)  ## build the wheel, install it, run its command and serve from Jupyter
	.venv/bin/pytest $(INSTALL) -m install --numprocesses 2 --dist load --timeout 600

# uv finds 3.12 or gets it; where the others come from is beside .venv-pythons/%.stamp.
PYTHONS = 3.12 3.13 3.14
ON = tests/system/pythons/in-release $(1) .venv-pythons/$(1)/bin/python
# What depends on Python: processes and forks, the server's start, stop and reload, and splines, whose form depends on the version of scipy.
RUNS = tests/system/test_start_and_stop.py::test_
OF_PYTHON = tests/unit/test_forking.py tests/unit/test_gunicorn_contract.py tests/unit/test_worker_contract.py tests/unit/test_splines.py \
  tests/http/test_predict.py \
  $(RUNS)nothing_is_left_behind $(RUNS)a_request_in_flight_is_answered_when_the_server_stops \
  $(RUNS)a_reload_replaces_the_workers_and_drops_nothing tests/system/test_reload.py::test_the_openapi_document_follows_a_reload
test-pythons: .venv/dev.stamp $(PYTHONS:%=.venv-pythons/%.stamp)  ## wheels for each Python and processor; some tests on other Pythons
	.venv/bin/pytest tests/system/pythons -m pythons --numprocesses 2
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(PYTHONS:%=test-python-%)

test-python-%: .venv-pythons/%.stamp
	$(call ON,$*) -m pytest $(OF_PYTHON)

test-pythons-full: .venv/dev.stamp $(PYTHONS:%=.venv-pythons/%.stamp)  ## all of `make test` on each of PYTHONS
	for each in $(PYTHONS); do $(MAKE) test PYTEST="$(call ON,$$each) -m pytest" || exit 1; done

test-storage: .venv/dev.stamp .venv-storage/stamp  ## fetch bundles from servers of S3, Google and Azure that are slow, break off, refuse and change
	$(PYTEST) tests/system/storage -m storage --numprocesses 2 --dist load

test-arm64: .venv/dev.stamp .venv-arm64/stamp  ## build the image for x86-64 and ARM64 by buildx, emulate ARM64, and compare the answers; needs root
	$(ARM64)/emulating .venv/bin/pytest tests/system/arm64 -m arm64 -rP

test-traces: .venv/dev.stamp .venv-traces/stamp  ## spans by OpenTelemetry's SDK, received by a collector; in an environment of their own
	PYTHONPATH=.venv-traces/python .venv/bin/pytest tests/system/traces -m traces --numprocesses 2 --dist loadfile

RELIABILITY_TESTS = .venv/bin/pytest tests/system/reliability --timeout 600
test-proxies: test-proxies-alone test-proxies-beside  ## overload, restarts, faults, hostile clients, behind nginx and HAProxy

test-proxies-alone: .venv/dev.stamp proxies  ## those of them that compare times, for which nothing else may run
	$(RELIABILITY_TESTS) -m "proxies and alone"

test-proxies-beside: .venv/dev.stamp proxies  ## the others, beside each other
	$(RELIABILITY_TESTS) -m "proxies and not alone" --numprocesses 3 --dist worksteal

test-prometheus: .venv/dev.stamp prometheus  ## alerts and dashboards: promtool, real Prometheus and Alertmanager
	.venv/bin/pytest tests/system/prometheus -m prometheus --numprocesses 2 --dist loadfile

test-browser: .venv/dev.stamp .venv-browser/stamp proxies chromium  ## the pages in a real browser (Chromium, Playwright, axe-core)
	PYTHONPATH=.venv-browser/python .venv/bin/pytest tests/system/browser -m browser --numprocesses 2 --dist loadfile

soak: .venv/dev.stamp proxies  ## 400,000 good and bad requests, and ten minutes of a random schedule of faults
	RELIABILITY=full .venv/bin/pytest tests/system/reliability/test_soak.py \
	  tests/system/reliability/test_schedule.py --timeout 1800

FUZZ_SECONDS ?= 300
fuzz: .venv/dev.stamp  ## look for bodies that cost too much, for FUZZ_SECONDS in all; FUZZ_SEED repeats a run
	FUZZ_SECONDS=$(FUZZ_SECONDS) .venv/bin/pytest tests/fuzz --timeout 1800

# As root, what is measured runs before everything else on the machine.
FIRST = $(shell [ $$(id -u) = 0 ] && echo nice -n -19)
reliability: .venv/dev.stamp proxies  ## all of test-proxies at full length; writes docs/reliability.md
	rm -f .venv/figures.jsonl
	RELIABILITY=full RELIABILITY_FIGURES=.venv/figures.jsonl $(FIRST) .venv/bin/pytest tests/system/reliability -m proxies --timeout 1800
	.venv/bin/python -m tests.system.reliability.figures .venv/figures.jsonl docs/reliability.md

# invoke-rc.d starts no service in runlevel 1: they are programs for the tests here.
proxies:
	@PATH="$$PATH:/usr/sbin" which nginx haproxy faketime envsubst >/dev/null \
	  || { apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	       nginx-light haproxy faketime gettext-base; } >&2

prometheus:
	@which prometheus promtool prometheus-alertmanager >/dev/null \
	  || { apt-get update -q && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	       prometheus prometheus-alertmanager; } >&2

debootstrap:
	@which mmdebstrap >/dev/null && $(MIRROR) >/dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends mmdebstrap; } >&2

engine:
	@PATH="$$PATH:/usr/sbin" which dockerd ip iptables nsenter >/dev/null \
	  || { apt-get update -q && RUNLEVEL=1 apt-get install -qy --no-install-recommends docker.io iproute2 iptables; } >&2

java:
	@which java >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	  openjdk-17-jre-headless; } >&2

pictures: .venv/dev.stamp .venv-browser/stamp chromium  ## make the pictures of README, docs/images
	PICTURES=docs/images PYTHONPATH=.venv-browser/python .venv/bin/pytest tests/system/browser/test_pictures.py

# A load run of 100 seconds; the queries' answers are drawn where matplotlib is.
dashboards: .venv/dev.stamp .venv-peers/chart.stamp prometheus  ## make the pictures of the dashboards, docs/images
	mkdir -p .bench/dashboards
	ANSWERS=.bench/dashboards STORY_SECONDS=100 $(FIRST) .venv/bin/pytest tests/system/prometheus/test_dashboards.py --timeout 600
	.venv-peers/chart/bin/python -m tests.pictures .bench/dashboards docs/images

chromium:
	@which chromium >/dev/null || { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
	  chromium fonts-liberation; } >&2

lint: .venv/dev.stamp  ## ruff, mypy strict, hadolint, zizmor
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/hadolint Dockerfile
	.venv/bin/zizmor --offline --quiet .github

check: lint  ## lint, and the fast tests of what changed since SINCE (by default since the upstream branch)
	.venv/bin/pytest --numprocesses 2 --exitfirst --quiet $$(.venv/bin/python -m tests.changed $(SINCE))

coverage: .venv/dev.stamp  ## which lines and branches the unit and http tests run, as a table and in coverage.xml
	.venv/bin/pytest --ignore tests/system --ignore tests/fuzz --numprocesses 2 --dist load --quiet \
	  --cov --cov-report term --cov-report xml

format: .venv/dev.stamp  ## format the code, and correct what ruff can correct
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

image:  ## build the container image; with BUNDLE, of the scikit-learn that it needs; with EXTRAS=storage, with the client of object storage
	sklearn=$(if $(BUNDLE),$$($(PYTHON) -m model.environments.serving $(BUNDLE))) && \
	DOCKER_BUILDKIT=1 $(DOCKER) build $(BUILD_FLAGS) --tag $(IMAGE) --build-arg SKLEARN=$$sklearn --build-arg EXTRAS="$(EXTRAS)" \
	  --build-arg VERSION=$$(sed -n 's/^VERSION = "\(.*\)"/\1/p' service/__init__.py) \
	  --build-arg REVISION=$$(git rev-parse HEAD) --build-arg CREATED=$$(git show -s --format=%cI HEAD) \
	  --build-arg SOURCE_DATE_EPOCH=$$(git show -s --format=%ct HEAD) .

image-compiled:  ## build the image without scikit-learn, for models that are compiled
	@$(MAKE) --no-print-directory image IMAGE=$(IMAGE):compiled BUILD_FLAGS="$(BUILD_FLAGS) --target serve-compiled"

wheel: .venv/dev.stamp  ## build the source distribution and the wheel into ./dist, with pinned build tools
	.venv/bin/uv build --quiet --no-create-gitignore --require-hashes --build-constraints $(INSTALL)/build.txt --out-dir dist

sbom:  ## print the image's bill of materials (CycloneDX)
	@$(DOCKER) run --rm --network none --entrypoint cat $(IMAGE) /usr/share/sbom/ml-service.cdx.json

reproduce: .venv/dev.stamp  ## build the image twice without caches, from two clones, and compare all but dates
	rm -rf .bench/clones && for each in 1 2; do git clone -q . .bench/clones/$$each || exit 1; done
	for each in 1 2; do \
	  $(MAKE) -C .bench/clones/$$each image DOCKER=$(DOCKER) IMAGE=$(IMAGE):build-$$each BUILD_FLAGS="$(BUILD_FLAGS) --no-cache" || exit 1; \
	done; rm -rf .bench/clones
	DOCKER=$(DOCKER) .venv/bin/python -m tests.reproduce $(IMAGE):build-1 $(IMAGE):build-2

# Where known vulnerabilities are asked for: OSV's interface. What cannot be asked fails.
AUDIT_URL ?= https://api.osv.dev/v1/query
AUDITED ?= requirements.txt requirements-compiled.txt requirements-storage.txt requirements-train.txt image/sbom/requirements.txt requirements-dev.txt
audit: .venv-supply/stamp  ## look for known vulnerabilities of pinned packages; needs the database of OSV
	.venv-supply/bin/pip-audit --strict --disable-pip --progress-spinner off --vulnerability-service osv --osv-url $(AUDIT_URL) \
	  $(AUDITED:%=--requirement %) $$(sed -n 's/^\([A-Za-z][^ ]*\) .*/--ignore-vuln \1/p' tests/supply/accepted.txt)

docs: .venv/dev.stamp  ## generate docs/conformance.md, docs/parity.md, the schema of the prediction log, and the PrometheusRule
	.venv/bin/python -m tests.prometheusrule
	.venv/bin/python -m tests.loglines
	.venv/bin/python -m tests.conformance
	.venv/bin/python -m tests.parity

# What `make bench` compares with (folders of benchmarks/peers), on which models, in how many rounds of how many seconds.
PEERS ?= fastapi mlserver bentoml litserve mlflow kserve rayserve
MODELS ?= logistic forest boosting
ROUNDS ?= 3
SECONDS ?= 3
PARTS ?= forest speed libraries formats memory
RESULTS ?= benchmarks/results.md
ROWS ?= 1000000

bench: .venv/dev.stamp .venv-peers/chart.stamp .venv-models/boosting.stamp wrk  ## compare with PEERS on this machine: benchmarks/results.md and .png
	@$(MAKE) --no-print-directory --keep-going $(PEERS:%=.venv-peers/%.stamp) .venv-peers/libraries.stamp || echo "not every peer could be installed" >&2
	$(FIRST) .venv/bin/python -m benchmarks --peers $(PEERS) --models $(MODELS) --rounds $(ROUNDS) --seconds $(SECONDS) --parts $(PARTS) \
	  --rows $(ROWS) --output $(RESULTS)
	$(if $(findstring speed,$(PARTS)),.venv-peers/chart/bin/python -m benchmarks.chart .bench/results.json benchmarks/results.png)

# With SIMULATE=1, nothing is measured: the days are simulated with the figures that are there.
bench-capacity: .venv/dev.stamp .venv-peers/chart.stamp wrk proxies prometheus  ## what one replica does, and what its surroundings cost: docs/scale.md
	$(FIRST) .venv/bin/python -m benchmarks.capacity --seconds $(SECONDS) $(if $(SIMULATE),--simulate)
	.venv-peers/chart/bin/python -m benchmarks.capacity.picture .bench/capacity/day.json docs/images/autoscaling.png

bench-cluster: .venv/dev.stamp .venv-cluster/stamp java wrk  ## rows per second of ROWS rows on Ray and Spark, beside `score`: benchmarks/cluster.md
	$(FIRST) .venv/bin/python -m benchmarks.cluster --rows $(ROWS) --output benchmarks/cluster.md

wrk:
	@which wrk openssl > /dev/null || { apt-get update -qq && apt-get install -y -qq wrk openssl > /dev/null; }

COMPILE = .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-strip-extras $(LOCK_FLAGS)
# All but `tracing` and `storage`: the tests show that nothing else needs them.
PACKING = --extra data --extra mlflow --extra versions
lock: .venv/dev.stamp  ## compile the requirement files from pyproject.toml
	printf '%s\n' onnx rich > .venv/packing.txt; printf '%s\n' onnx rich scikit-learn skops > .venv/estimators.txt
	for set in "-compiled:--group image --excludes .venv/estimators.txt" ":--group image --excludes .venv/packing.txt" \
	  "-train:$(PACKING)" "-dev:$(PACKING) --group dev"; do \
	  $(COMPILE) $${set#*:} pyproject.toml -o requirements$${set%%:*}.txt || exit 1; \
	done
	.venv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["storage"], sep="\n")' > .venv/storage.in
	$(COMPILE) -c requirements.txt -c requirements-compiled.txt .venv/storage.in -o requirements-storage.txt
	.venv/bin/python -m model.environments.lock .venv/bin/uv $(LOCK_FLAGS)
	$(COMPILE) image/sbom/requirements.in -o image/sbom/requirements.txt
	$(COMPILE) tests/supply/requirements.in -o tests/supply/requirements.txt
	$(COMPILE) tests/clients/requirements.in -o tests/clients/requirements.txt
	$(COMPILE) -c requirements-dev.txt tests/system/browser/requirements.in -o tests/system/browser/requirements.txt
	$(COMPILE) -c requirements-dev.txt tests/system/traces/requirements.in -o tests/system/traces/requirements.txt
	$(COMPILE) tests/system/storage/requirements.in -o tests/system/storage/requirements.txt
	for each in browser storage; do \
	  (cd tests/system/$$each && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --silent) || exit 1; \
	done
	$(COMPILE) --extra data pyproject.toml tests/cluster/requirements.in -o tests/cluster/requirements.txt
	$(COMPILE) tests/openapi/requirements.in -o tests/openapi/requirements.txt
	$(COMPILE) tests/deploy/requirements.in -o tests/deploy/requirements.txt
	$(COMPILE) tests/swarm/requirements.in -o tests/swarm/requirements.txt
	for each in $(LIBRARIES); do \
	  $(COMPILE) $(PACKING) --group dev pyproject.toml tests/models/requirements-$$each.in \
	    -c requirements-dev.txt -o tests/models/requirements-$$each.txt || exit 1; \
	done
	$(COMPILE) $(INSTALL)/build.in -o $(INSTALL)/build.txt
	$(COMPILE) $(PACKING) -c requirements-dev.txt pyproject.toml $(INSTALL)/current.in -o $(INSTALL)/current.txt
	$(COMPILE) --extra data --resolution lowest-direct pyproject.toml $(INSTALL)/oldest.in -o $(INSTALL)/oldest.txt
	$(COMPILE) -c requirements-dev.txt pyproject.toml -o $(INSTALL)/bare.txt

# Each target installs what it needs by itself; `.ci/run` has them installed while something else runs.
environments-first: proxies java .venv-cluster/stamp chromium .venv-browser/stamp  ## of these, what `.ci/run` needs first
environments: environments-first .venv-models/compiled.stamp $(LIBRARIES:%=.venv-models/%.stamp) .venv-openapi/stamp \
  .venv-peers/fastapi.stamp .venv-peers/chart.stamp wrk .venv-supply/stamp .venv-clients/stamp .venv-deploy/stamp \
  $(INSTALLED:%=.venv-install/%.stamp) prometheus .venv-traces/stamp .venv-storage/stamp .venv-swarm/stamp engine $(PYTHONS:%=.venv-pythons/%.stamp)  ## install all that the test targets need
	.venv/bin/python -c 'from tests.system.models.versions import matrix; [matrix.environment(each) for each in matrix.VERSIONS]'

clean:  ## remove the environments and the reference bundle
	rm -rf .venv .venv-peers .venv-browser .venv-clients .venv-cluster .venv-deploy .venv-install .venv-kubernetes .venv-models .venv-openapi .venv-arm64 .venv-pythons .venv-supply .venv-storage .venv-swarm .venv-traces .bench bundle

NPM = @which npm > /dev/null || { apt-get update -q && apt-get install -qy --no-install-recommends npm; } >&2
NPM_CI = npm ci --ignore-scripts --no-audit --no-fund --silent

# Packages beside those of .venv, for PYTHONPATH; axe-core is checked against the digest in package-lock.json.
.venv-browser/stamp: tests/system/browser/requirements.txt tests/system/browser/package-lock.json | .venv/dev.stamp
	$(NPM)
	@rm -rf .venv-browser && mkdir .venv-browser && cp tests/system/browser/package*.json .venv-browser
	@.venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python --target .venv-browser/python -r $< >&2
	@$(NPM_CI) --prefix .venv-browser >&2
	@touch $@

# Packages beside those of .venv, for PYTHONPATH.
.venv-traces/stamp: tests/system/traces/requirements.txt | .venv/dev.stamp
	@rm -rf .venv-traces && mkdir .venv-traces
	@.venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python --target .venv-traces/python -r $< >&2
	@touch $@

# The client, beside the packages of .venv for PYTHONPATH, and the servers: of Python, and Azurite of npm.
.venv-storage/stamp: requirements-storage.txt tests/system/storage/requirements.txt tests/system/storage/package-lock.json | .venv/dev.stamp
	$(NPM)
	@rm -rf .venv-storage && mkdir .venv-storage && cp tests/system/storage/package*.json .venv-storage
	@$(NPM_CI) --prefix .venv-storage >&2
	@.venv/bin/uv pip install --quiet --require-hashes --python .venv/bin/python --target .venv-storage/python -r $< >&2
	@.venv/bin/uv venv --quiet --python .venv/bin/python .venv-storage/servers
	@.venv/bin/uv pip install --quiet --require-hashes --python .venv-storage/servers -r tests/system/storage/requirements.txt >&2
	@touch $@

# pip installs uv, which installs the rest.
.venv/%.stamp: requirements-%.txt
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@test -x .venv/bin/uv || { sed -n '/^uv==/,/[^\\]$$/p' $< > .venv/uv.txt && $(PIP) -r .venv/uv.txt; } >&2
	@.venv/bin/uv pip install --quiet --compile-bytecode --require-hashes --only-binary=:all: --python .venv/bin/python -r $< >&2
	@touch $@

define environment
@.venv/bin/uv venv --quiet --clear --python .venv/bin/python $(basename $@)
@.venv/bin/uv pip install --quiet --python $(basename $@) -r $< >&2
@touch $@
endef

.venv-%/stamp: tests/%/requirements.txt | .venv/dev.stamp
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv-$*
	@.venv/bin/uv pip install --quiet --python .venv-$* --require-hashes --only-binary=:all: -r $< >&2
	@touch $@

# The release of Debian whose /usr has that Python. A mirror may be behind: signatures are checked, and their age is not.
RELEASE_3.13 = trixie
RELEASE_3.14 = forky
MIRROR = apt-get indextargets --format '$$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | grep -m1 .
TOOLS = bash ca-certificates coreutils curl dash findutils gawk git grep gzip libstdc++6 openssl procps sed tar util-linux
.venv-pythons/%.stamp: requirements-dev.txt | .venv/dev.stamp debootstrap
	@rm -rf .venv-pythons/$* .venv-pythons/root-$* && mkdir -p .venv-pythons
	@$(if $(RELEASE_$*),mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
	  --include="python$* $(TOOLS)" $(RELEASE_$*) .venv-pythons/root-$* "$$($(MIRROR))" >&2)
	@tests/system/pythons/in-release $* .venv/bin/uv venv --quiet --python $(if $(RELEASE_$*),/usr/bin/python)$* .venv-pythons/$* >&2
	@tests/system/pythons/in-release $* .venv/bin/uv pip install --quiet --python .venv-pythons/$* --require-hashes --only-binary=:all: -r $< >&2
	@touch $@

.venv-kubernetes/stamp: tests/system/kubernetes/build-kubernetes
	@rm -rf .venv-kubernetes
	@tests/system/kubernetes/build-kubernetes "$$($(MIRROR))" .venv-kubernetes >&2
	@touch $@

# Of a newer release: docker has had no buildx before, and onnxruntime does not start on the qemu of bookworm.
ARM64 = tests/system/arm64
.venv-arm64/stamp: $(ARM64)/make-base $(ARM64)/base/Dockerfile | .venv/dev.stamp debootstrap
	@rm -rf .venv-arm64 && mkdir .venv-arm64 && cp -r $(ARM64)/base .venv-arm64
	@mmdebstrap --quiet --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
	  --include="docker.io docker-cli docker-buildx containerd runc iptables iproute2 ca-certificates qemu-user qemu-user-binfmt" trixie .venv-arm64/engine "$$($(MIRROR))" >&2
	@for each in amd64 arm64; do \
	  $(ARM64)/emulating $(ARM64)/make-base $$each "$$($(MIRROR))" .venv-arm64/base/$$each.tar >&2 || exit 1; \
	done
	@touch $@

# PySpark has no wheel. Ray gives a node 15 seconds to start, which compiling takes.
.venv-cluster/stamp: tests/cluster/requirements.txt | .venv/dev.stamp
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python .venv-cluster
	@.venv/bin/uv pip install --quiet --compile-bytecode --python .venv-cluster --require-hashes --only-binary=:all: \
	  --no-binary=pyspark -r $< >&2
	@touch $@

.venv-install/%.stamp: $(INSTALL)/%.txt | .venv/dev.stamp
	$(environment)

# How fast they start is measured.
.venv-peers/%.stamp: export UV_COMPILE_BYTECODE = 1
.venv-peers/%.stamp: benchmarks/peers/%/requirements.txt | .venv/dev.stamp
	$(environment)

.venv-models/%.stamp: tests/models/requirements-%.txt | .venv/dev.stamp
	$(environment)

.venv-models/compiled.stamp: requirements-compiled.txt | .venv/dev.stamp
	$(environment)

.venv-peers/chart.stamp: benchmarks/requirements.txt | .venv/dev.stamp
	$(environment)
