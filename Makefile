# Each target does its own set-up; a second run sets nothing up again.
PYTHON ?= python3
BOARD ?= versa_ecp5_5g
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Whole files to each of two workers, in the order that tests/conftest.py gives them: the longest first.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: run test lint cosim formal bench bitstream docs faults fuzz setup lock clean help

help:
	@echo "make run         trade for a bounded time on the simulated exchange, through the compiled NIC"
	@echo "make test        every test that needs no root and no extra package"
	@echo "make setup       .venv with the pinned dependencies; then .venv/bin/tickgate"
	@echo "make lint        ruff and mypy"
	@echo "make cosim       the cocotb testbenches alone"
	@echo "make faults      SEEDS=2000 of lost, repeated, late and damaged market data: books exact or flagged"
	@echo "make fuzz        BATCHES=200 of 500 mutated frames: the NIC agrees with its models, and never stalls"
	@echo "make formal      the proofs, and the mutants that must fail them"
	@echo "make bench       the figures, to build/bench.json"
	@echo "make bitstream   place and route BOARD=$(BOARD)"
	@echo "make docs        the documentation site with the generated reference, to build/docs/site"

setup: $(READY)

$(READY): requirements.lock pyproject.toml .ci/setup
	@PYTHON=$(PYTHON) VENV=$(VENV) sh .ci/setup
	@touch $@

run: setup
	@$(BIN)/tickgate run

test: setup
	@$(PYTEST)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/mypy

cosim: setup
	@$(PYTEST) -m cosim

formal: setup
	@$(BIN)/tickgate formal

faults: setup
	@$(BIN)/python -m sim.faults $(if $(SEEDS),--seeds $(SEEDS))

fuzz: setup
	@$(BIN)/python -m sim.fuzz $(if $(BATCHES),--batches $(BATCHES))

bench: setup
	@mkdir -p build
	@$(BIN)/tickgate bench --json build/bench.json

bitstream: setup
	@$(BIN)/tickgate bitstream build $(BOARD)

docs: setup
	@$(BIN)/tickgate docs

lock:
	@test -x $(BIN)/pip-compile || $(MAKE) setup
	@$(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
	    --extra dev --allow-unsafe --strip-extras --no-header -o requirements.lock pyproject.toml

clean:
	rm -rf build $(VENV)
