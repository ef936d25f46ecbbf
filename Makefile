# `make demo` and `make test` set up everything they need: Python 3.11 or newer is all they expect.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_LIMIT ?= 40
# Some machines set it; then each of the many processes compiles torch and transformers anew.
unexport PYTHONDONTWRITEBYTECODE

# The first import of torch and transformers compiles them, which takes longer than to load the models.
LOAD := from tspo_bench.features import load_encoder; from tspo_bench.mllms import load_mllm; \
  load_encoder('reference', 'cpu'); load_mllm('reference')

.PHONY: setup demo leaderboard bench test test-slow lint clean

setup: $(STAMP)

# uv resolves a torch and torchvision that fit each other; plain pip does not on every machine. It is
# unpacked into a folder of its own, so a locked or pip-less system Python is no obstacle.
$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: $(PYTHON) is missing or older than 3.11; name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || uv --version >/dev/null 2>&1 || { \
	  echo "make: $(PYTHON) cannot make virtual environments (no venv or ensurepip);"; \
	  echo "      install them (Debian: apt-get install python3-venv) or install uv"; exit 1; }
	@if uv --version >/dev/null 2>&1; then uv venv --quiet --allow-existing --python $(PYTHON) $(VENV); \
	  else $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --disable-pip-version-check uv; fi
	@if uv --version >/dev/null 2>&1; then UV=uv; else UV=$(BIN)/uv; fi; echo "installing tspo-bench into $(VENV) (about 7 GB: torch)"; \
	  "$$UV" pip install --quiet --python $(BIN)/python --editable '.[dev,lmms-eval,openai]'
	@$(BIN)/python -c "$(LOAD)"
	@touch $@

demo: setup
	$(BIN)/tspo-bench run --task haystack --sampler uniform,clip-topk,bin-max,aks,word-rule,tspo,tspo-q,oracle --frames 8 --limit $(DEMO_LIMIT)
	@echo 'as a page: . $(VENV)/bin/activate && tspo-bench report runs/ --html out/'

leaderboard: setup
	$(BIN)/python -m benchmarks.leaderboard

# How fast each stage is (docs/performance.md). ffmpeg has to be installed.
bench: setup
	for name in scan fetch features task lmms_eval agent training mllm; do $(BIN)/python -m benchmarks.speed.$$name || failed=1; done; \
	  $(BIN)/python -m benchmarks.speed.tables && test -z "$$failed"

test: setup
	$(BIN)/python -m pytest -n auto

test-slow: setup
	$(BIN)/python -m pytest -n auto -m 'slow or hypothesis' --hypothesis-profile random

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
