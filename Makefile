# One command each; every target sets itself up.
.DEFAULT_GOAL := help
PYTHON ?= python3.13
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
NODE_MODULES := node_modules/.ready
CHECKOV := $(VENV)-checkov/.ready
BENCH := $(VENV)-bench/.ready
DOTNET_RUNTIME ?= linux-x64
CORE_TOOLS ?= 4.15.1
LOCK := $(VENV)-lock/bin/uv pip compile --quiet --python-version 3.13 --universal --generate-hashes --no-header --no-annotate

.PHONY: help run serve query simulate chaos bench test test-engine test-engine-all test-core-tools format map build package sbom screenshots azurite checkov durable-host core-tools lock clean

help:  ## List the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 17

$(READY): requirements.txt requirements-dev.txt
	@echo "Setting up $(VENV) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# Node and npm come from a wheel in $(VENV); they are to trust what this machine trusts, as pip does.
$(NODE_MODULES): package.json package-lock.json | $(READY)
	@echo "Installing Azurite and the Kusto language service ..."
	@NODE_USE_SYSTEM_CA=1 $(BIN)/npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null
	@touch $@

# It wants older versions of what is in $(VENV), so it has its own.
$(CHECKOV): requirements-checkov.txt
	@echo "Installing checkov ..."
	@$(PYTHON) -m venv --clear $(VENV)-checkov
	@$(VENV)-checkov/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements-checkov.txt
	@touch $@

# The peers that `bench` measures want versions that the app does not.
$(BENCH): benchmarks/requirements.txt
	@echo "Installing the peers ..."
	@$(PYTHON) -m venv --clear $(VENV)-bench
	@$(VENV)-bench/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

run: $(READY)  ## Do the main job in the local environment, check it and exit
	@$(BIN)/python -m local run $(ARGS)

serve: $(READY) $(NODE_MODULES)  ## Keep the local environment running on the real schedule, until Ctrl-C
	@$(BIN)/python -m local serve $(ARGS)

query: $(READY)  ## Ask what the last run left: make query KQL="OnePasswordSignins() | count", or ARGS=--rules
	@$(BIN)/python -m local query $${KQL:+"$$KQL"} $(ARGS)

simulate: $(READY)  ## Run only the simulators and print the settings for `func start`
	@$(BIN)/python -m local simulate $(ARGS)

chaos: $(READY) $(NODE_MODULES)  ## Break everything in turn, and count what was lost and doubled: make chaos ARGS="--minutes 5"
	@$(BIN)/python -m local chaos $(ARGS)

bench: $(READY) $(BENCH)  ## Measure against what people use, and write the numbers into the documents: ARGS="--rounds 3"
	@$(BIN)/python -m benchmarks $(ARGS)

test: $(READY) $(NODE_MODULES) $(CHECKOV)  ## Format check, lint, types, all tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

test-engine: $(READY) $(NODE_MODULES)  ## On Microsoft's Durable extension: the tests that show where the engines differ
	@$(BIN)/python -m pytest -n 2 --dist worksteal --engine azure-storage -m engine tests/engine tests/e2e tests/core_tools $(ARGS)

test-engine-all: $(READY) $(NODE_MODULES)  ## On Microsoft's Durable extension: every end-to-end test
	@$(BIN)/python -m pytest -n 2 --dist worksteal --engine azure-storage tests/engine tests/e2e tests/core_tools $(ARGS)

# Core Tools on the path come before those of `make core-tools`.
test-core-tools: $(READY) $(NODE_MODULES)  ## On Azure Functions Core Tools: the main job (needs func on the path, or make core-tools)
	@PATH="$$PATH:$(CURDIR)/dist/core-tools/bin" $(BIN)/python -m pytest --engine func tests/core_tools $(ARGS)

format: $(READY)  ## Format and fix what can be fixed
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .

map: $(READY)  ## Write the functions map for Durable Functions Monitor anew
	@$(BIN)/python -m local.function_map

build: $(READY)  ## Put azuredeploy.json together anew from deploy/ and sentinel/
	@$(BIN)/python -m deploy

package: $(READY)  ## Build what Azure runs: dist/released-package*.zip, with their SHA-256
	@$(BIN)/python -m deploy.package

sbom: $(READY)  ## List what the package consists of: dist/released-package.cdx.json (CycloneDX)
	@$(BIN)/python -m deploy.sbom dist/released-package.cdx.json

screenshots: $(READY) $(NODE_MODULES)  ## Draw the documents' pictures of the status page anew
	@$(BIN)/python -m local.screenshots

azurite: $(NODE_MODULES)  ## Install what comes from npm: Azurite, in which the tests keep blobs, and the Kusto language service

checkov: $(CHECKOV)  ## Install checkov, which looks for weak settings in the template

durable-host:  ## Build the real durable engine for the tests (needs the .NET SDK 10): dist/durable-host/durable-host
	@command -v dotnet >/dev/null || { \
		echo "dotnet is missing: durable-host is written in C#. Install the .NET SDK 10, then run make durable-host again." >&2; \
		exit 1; }
	@rm -rf dist/durable-host
	@dotnet publish durable-host -c Release -r $(DOTNET_RUNTIME) --self-contained -o dist/durable-host

# The npm package downloads the program when it is installed. Node is that of $(VENV).
core-tools: $(READY)  ## Install Azure Functions Core Tools: dist/core-tools/bin/func
	@PATH="$(CURDIR)/$(BIN):$$PATH" NODE_USE_SYSTEM_CA=1 npm install --global --prefix dist/core-tools --no-audit --no-fund --loglevel=error azure-functions-core-tools@$(CORE_TOOLS)

lock:  ## Resolve pyproject.toml into the four requirements files, with hashes
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip install -qq --disable-pip-version-check uv
	@$(LOCK) pyproject.toml -o requirements.txt
	@$(LOCK) pyproject.toml --group dev -c requirements.txt -o requirements-dev.txt
	@$(LOCK) --group checkov -o requirements-checkov.txt
	@$(LOCK) --group bench -o benchmarks/requirements.txt
	@rm -rf $(VENV)-lock

clean:  ## Remove what the other targets made
	@rm -rf $(VENV) $(VENV)-checkov $(VENV)-bench node_modules dist durable-host/bin durable-host/obj .local .pytest_cache .mypy_cache .ruff_cache .hypothesis
