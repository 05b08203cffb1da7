# make demo: set up, then find anomalies in rendered video with the embedded model
# make test: set up, then lint, types, import contracts, docs and all tests
# make docs: build the documentation into build/docs
# make soak: the tests that draw their inputs, at their full size
# make quick: lint, types and the tests of a minute, to run while working
PYTHON ?= python3
# The build of torch: on a machine with a CUDA GPU the index's own build, `make setup TORCH_INDEX=<url>` takes another.
TORCH ?= torch==2.13.0
TORCH_INDEX ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
DEMO ?= demo-out

.PHONY: setup demo docs test soak quick parity contract-oldest check format build bench gpu clean

setup: .venv/.ready

.venv/.ready: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "vadkit needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(PIP) install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -c 'import torch' 2>/dev/null || $(PIP) install --quiet $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(PIP) install --quiet --editable . --group dev --group docs
	touch $@

demo: setup
	$(BIN)/vadkit demo --out $(DEMO)

# One thread a process: on two cores two processes of two threads each keep waiting for each other.
test: check docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

# What the suite tries with a few inputs, tried with thousands.
soak: setup
	HEADHUNT_SOAK=1 OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m soak

# What is quick and breaks first: the nouns, the configurations, the stages on made-up features, the command line's face.
QUICK := tests/configs tests/artefacts tests/metrics tests/saliency tests/sinks tests/scorers tests/datasets \
	tests/stages/test_chain.py tests/stages/test_fit.py tests/stages/test_select_heads.py tests/stages/test_score.py \
	tests/stages/test_localize.py tests/stages/test_evaluate.py tests/stages/test_labelled_rows.py \
	tests/cli/test_surface.py tests/test_events.py tests/test_frames.py tests/test_fingerprint.py tests/test_ranking.py \
	tests/test_registry.py tests/test_segments.py tests/test_library.py tests/test_first_edition.py \
	tests/test_architecture.py tests/docs/test_generated.py tests/docs/test_reference.py
CONTRACT := tests/models/test_contract.py tests/models/test_positions.py tests/extraction/test_passes.py \
	tests/cli/test_families.py
quick: setup
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .
	$(BIN)/mypy
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q $(QUICK)

# The families' contract with the oldest transformers that is supported, in an environment of its own.
contract-oldest: setup
	test -x .oldest/bin/python || $(PYTHON) -m venv .oldest
	.oldest/bin/python -c 'import torch' 2>/dev/null || .oldest/bin/python -m pip install --quiet $(TORCH) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	.oldest/bin/python -m pip install --quiet --editable . --group dev transformers==5.17.0
	OMP_NUM_THREADS=1 .oldest/bin/python -m pytest $(CONTRACT)

# Pixels and tokens against transformers' own processor: an optional environment, for torchvision has no CPU build.
parity: setup
	$(PIP) install --quiet --upgrade --no-deps --target .parity torchvision==0.28.0 pillow
	PYTHONPATH=.parity $(BIN)/python -m pytest tests/models/test_parity.py

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Generated pages must be as the code has them, and every link must hold; nothing is fetched.
docs: setup
	$(BIN)/python docs/generate.py --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: setup
	$(BIN)/python -m build

bench: setup
	for script in extract fit select_heads world decode store kills mutated still; do echo "== $$script"; $(BIN)/python benchmarks/$$script.py || exit 1; done

# On a machine with a CUDA device: what needs one, tests first; each step's output is kept in build/on_gpu.
gpu: setup
	PATH="$(CURDIR)/$(BIN):$$PATH" bash benchmarks/on_gpu.sh build/on_gpu

clean:
	rm -rf .venv build dist $(DEMO) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .parity .oldest
