# Thin verbs; each line also works as a plain command.
PYTHON ?= python3
export PYTHON
BIN = .venv/bin
STACKS = gunicorn haproxy nginx-light nodejs openjdk-17-jdk-headless postgresql python3-psycopg2 python3-redis redis-server

.PHONY: help setup run test test-machines check bench fidelity truth mutants serve stack lock

help:
	@echo "make run    set up, run one experiment end to end, say where to look"
	@echo "make test   set up, install the servers that tests need, run everything"
	@echo "make test-machines  every fault in guests of other kinds: systemd, cgroup v2, ordinary users, Docker, Podman (hours)"
	@echo "make check  lint, types, import contracts, schema freshness"
	@echo "make bench  ratios against what one would use instead"
	@echo "make fidelity  docs/fidelity.md anew: every fault, asked and delivered"
	@echo "make truth  docs/truth.md anew: real stacks under real faults, the verdict beside what their own clients saw"
	@echo "make mutants  every safety net of the demo shop taken away in turn: which experiments notice"
	@echo "make stack  Grafana, Prometheus, Prefect on Postgres and a worker, in containers (needs Docker)"
	@echo "make serve  the Prefect server and its UI, in the background"

setup:
	@scripts/setup

run: setup
	$(BIN)/chaoslab run experiments/hello.yaml

test: check
	@scripts/packages chromium iproute2 libseccomp2 podman postgresql prometheus runc util-linux $(STACKS)
	@scripts/tests

test-machines: setup
	@scripts/machines

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/chaoslab schema --check experiments/schema.json
	$(BIN)/python scripts/syscall_filter.py --check
	$(BIN)/python scripts/providers_page.py --check docs/sandboxes.md
	$(BIN)/python scripts/openapi_page.py --check docs/openapi.json

bench: setup
	@scripts/packages stress-ng
	@for name in latency memory chaos_toolkit load overhead diagnosis aa gitops gitops_push gitops_scale; do echo "== bench/$$name.py"; $(BIN)/python -m bench.$$name || exit 1; done

fidelity: setup
	@mkdir -p runs
	$(BIN)/python -m bench.fidelity > runs/fidelity.md && mv runs/fidelity.md docs/fidelity.md

truth: setup
	@scripts/packages $(STACKS)
	@mkdir -p runs
	$(BIN)/python -m bench.truth > runs/truth.md; status=$$?; [ -s runs/truth.md ] && mv runs/truth.md docs/truth.md; exit $$status

mutants: setup
	$(BIN)/python -m bench.mutants

serve: setup
	$(BIN)/chaoslab up

stack:
	@scripts/stack

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras \
		pyproject.toml requirements/lock.in -o requirements/lock.txt
