# The commands of this project. `make run` and `make test` set up what they need.
PYTHON ?= python3
VENV := .venv/bin

.PHONY: run check test test-long bench demo-models lock help

run: ## set up .venv/ and serve the web UI at http://127.0.0.1:7860 (ASR_PORT changes it)
	@$(PYTHON) deploy/setup_env.py run
	@exec $(VENV)/python app.py serve

check: ## formatter, linter, types, layers
	@$(PYTHON) deploy/setup_env.py test
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/basedpyright
	$(VENV)/python -m pytest -q tests/unit/test_layers.py

test: ## every test but the long ones
	@$(PYTHON) deploy/setup_env.py test
	$(VENV)/python -m pytest -m "not long" --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

test-long: ## what takes too long for each change, a history of 10 million rows, and chaos (hours; 60 GB of disk)
	@$(PYTHON) deploy/setup_env.py test
	$(VENV)/python -m pytest -m long --timeout 3600
	$(VENV)/python benchmarks/history.py --rows 10000000
	$(VENV)/python benchmarks/chaos.py

bench: ## the benchmarks of docs/benchmarks.md
	@$(PYTHON) deploy/setup_env.py test
	$(VENV)/python benchmarks/one_machine.py
	$(VENV)/python benchmarks/healthz.py
	$(VENV)/python benchmarks/faithful.py
	$(VENV)/python benchmarks/itn.py
	$(VENV)/python benchmarks/history.py
	$(VENV)/python benchmarks/cache.py
	$(VENV)/python benchmarks/exports.py
	$(VENV)/python benchmarks/scheduling.py
	$(VENV)/python benchmarks/pool.py
	$(VENV)/python benchmarks/long.py

demo-models: ## train the small models of models/ anew, from synthetic speech (about 45 minutes on 2 cores)
	@$(PYTHON) deploy/setup_env.py test
	$(VENV)/python -m training

lock: ## pin what is installed in .venv/ now
	@(echo '# Every package of `make run`, `make check` and `make test`, pinned. Written by `make lock`.'; \
	  $(VENV)/python -m pip freeze --exclude uv | sed 's/+cpu//') > requirements/constraints.txt

help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 13
