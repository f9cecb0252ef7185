# Thin verbs; each line also works as a plain command.
PYTHON ?= python3
export PYTHON
BIN = .venv/bin
STACKS = gunicorn haproxy nginx-light nodejs openjdk-17-jdk-headless postgresql python3-psycopg2 python3-redis redis-server

.PHONY: help setup run test test-fast test-machines check bench fidelity truth mutants serve stack lock frontend fuzz cut

help:
	@echo "make run    set up, run one experiment end to end, say where to look"
	@echo "make test   set up, install the servers that tests need, run everything"
	@echo "make test-fast  what needs no server, no sandbox and no clock, in about a minute"
	@echo "make test-machines  every fault in guests of other kinds: systemd, cgroup v2, ordinary users, Docker, Podman (hours)"
	@echo "make check  lint, types, import contracts, schema freshness"
	@echo "make bench  ratios against what one would use instead"
	@echo "make fidelity  docs/fidelity.md anew: every fault, asked and delivered"
	@echo "make truth  docs/truth.md anew: real stacks under real faults, the verdict beside what their own clients saw"
	@echo "make mutants  every safety net of the demo shop taken away in turn: which experiments notice"
	@echo "make frontend  the console's pages anew, from frontend/ (needs Node 20.19 or later)"
	@echo "make fuzz   the REST API, asked by schemathesis with the token of each role, 50 times each operation (minutes)"
	@echo "make cut    a worker in a network of its own, its cable pulled for 20 s, the console killed: what arrives (needs root)"
	@echo "make stack  Grafana, Prometheus, Prefect on Postgres and a worker, in containers (needs Docker)"
	@echo "make serve  the Prefect server and its UI, in the background"

setup:
	@scripts/setup

run: setup
	$(BIN)/chaoslab run experiments/hello.yaml

test: check
	@scripts/packages chromium iproute2 libseccomp2 podman postgresql prometheus runc util-linux $(STACKS)
	@scripts/tests

# What needs no server, no browser and no clock of its own.
FAST_OF = analysis events explain/test_gate.py explain/test_rules.py explain/test_words.py game_days gitops history host house journals live manifests planning report runs statistics text
test-fast: setup
	@$(BIN)/pytest -q -n 2 -m "not e2e and not alone and not paired" --ignore-glob "*browser*" --ignore tests/house/test_installed.py $(addprefix tests/, $(FAST_OF))

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
	$(BIN)/python scripts/journal_page.py --check docs/journal.md
	$(BIN)/python scripts/openapi_page.py --check docs/openapi.json
	$(BIN)/python scripts/frontend.py --check

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

fuzz: setup
	SCHEMATHESIS_EXAMPLES=50 $(BIN)/python -m pytest -q --timeout 1800 tests/flows/console/test_schemathesis.py tests/flows/console/test_fuzz.py

cut: setup
	CUT_S=20 $(BIN)/python -m pytest -q -s tests/flows/console/test_apart.py

serve: setup
	$(BIN)/chaoslab up

frontend: setup
	cd frontend && npm ci && npm run types && npm run check && npm test && npm run build
	$(BIN)/python scripts/frontend.py --write

stack:
	@scripts/stack

lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --all-extras \
		pyproject.toml requirements/lock.in -o requirements/lock.txt
