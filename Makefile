# One command for each intent. `make` alone lists them.

PYTHON ?= python3
PROFILE ?= cpu
VENV := .venv
BIN := $(VENV)/bin
LOCKS := adapter/requirements.lock tests/requirements.lock
PINNED := --universal --generate-hashes --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links --quiet
COMPILE := $(BIN)/uv pip compile pyproject.toml $(PINNED)
COMPILE_SERVICES := $(BIN)/uv pip compile compose/services/pyproject.toml $(PINNED) \
	--extra postgres --extra redis --extra traces
COMPILE_LOCAL := $(BIN)/uv pip compile compose/services/pyproject.toml $(PINNED) \
	--extra wordllama --extra ask

.DEFAULT_GOAL := help
.PHONY: help serve ask up verify down phase1 engine test check bench bench-vllm bench-peers eval lint format docs lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' Makefile

serve: export override DOCS := $(value DOCS)
serve: ## everything from nothing: the adapter and a real vLLM on this machine's CPU; DOCS=folder to ask
	@PYTHONPATH=vllm_image exec $(PYTHON) -m launcher up

ask: export override QUESTION := $(value Q)
ask: ## a question to the documents of `make serve DOCS=folder`: Q="…"
	@test -x $(VENV)/services/bin/python || \
		{ echo "error: nothing to ask yet, start it: make serve DOCS=folder" >&2; exit 78; }
	@exec $(VENV)/services/bin/python docs/tutorial/ask.py "$$QUESTION"

up: ## the stack in containers: PROFILE=cpu,vision,rag,monitoring
	@sh compose/tools/stack.sh up $(PROFILE)

verify: ## the checks of a healthy stack, as a table
	@PYTHON=$(PYTHON) sh compose/tools/stack.sh verify

down: ## stop the stack; volumes stay
	@sh compose/tools/stack.sh down

phase1: ## plain Ollama in the adapter's place
	@sh compose/tools/stack.sh phase1

test: lint engine ## the whole suite, real engine included
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --fail-under=90

lint: $(VENV)/dev.stamp ## format, lint, types, layers
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	PYTHONPATH=compose $(BIN)/lint-imports --no-cache

check: lint ## the same and the fast tests, in under a minute
	$(BIN)/pytest -q -m "not vllm and not node and not clients" tests/unit tests/docs tests/vllm_image

bench: $(VENV)/dev.stamp ## what the adapter costs, in ratios; BENCH=--quick for a minute, --help for more
	@exec $(BIN)/python -m tests.load.bench $(BENCH)

bench-vllm: engine ## the adapter beside the real engine alone, in three minutes
	@exec $(BIN)/python -m tests.load.bench_vllm $(BENCH)

bench-peers: $(VENV)/dev.stamp ## other adapters, for `make bench` to compare with
	@exec $(BIN)/python -m tests.load.peers

eval: $(VENV)/dev.stamp ## how good retrieval is; CRANFIELD=folder for that collection, too
	@PYTHONPATH=compose exec $(BIN)/python -m tests.services.eval $(if $(CRANFIELD),--cranfield $(CRANFIELD)) $(EVAL)

format: $(VENV)/dev.stamp ## what `check` would complain of and a machine can mend
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

docs: $(VENV)/dev.stamp ## the reference pages that are printed from the code
	$(BIN)/python docs/generate.py

engine: $(VENV)/dev.stamp ## the CPU engine that the tests drive
	@PYTHONPATH=vllm_image $(PYTHON) -m launcher install

lock: $(VENV)/dev.stamp ## the newest allowed versions, with hashes
	$(COMPILE) --upgrade --group build --output-file adapter/requirements.lock
	$(COMPILE) --upgrade --group dev --constraint adapter/requirements.lock \
		--output-file tests/requirements.lock
	$(COMPILE_SERVICES) --upgrade --constraint tests/requirements.lock \
		--output-file compose/services/requirements.lock
	$(COMPILE_LOCAL) --upgrade --constraint tests/requirements.lock \
		--constraint compose/services/requirements.lock \
		--output-file compose/services/local.lock
	$(BIN)/python -m tests.clients.environments

clean: ## everything that was made, engine and models included
	rm -rf $(VENV) .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/dev.stamp: $(LOCKS) pyproject.toml
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement tests/requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
