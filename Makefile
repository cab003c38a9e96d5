# Gauntlet's commands for people; `make help` lists them. Each is a thin face: the work is in scripts/, tests/, bench/
# and in build/release/bin/gauntlet.
SHELL := /bin/bash
.DEFAULT_GOAL := help
BIN := build/release/bin
GAUNTLET := $(BIN)/gauntlet
# AUTO_PORTS=1: where another program has one of the stack's ports, take the next free one.
UP_FLAGS := $(if $(AUTO_PORTS),--auto-ports)
# Objects are compiled one per core; a core per 2 GB of memory is what the largest of them needs.
JOBS ?= $(shell n=$$(nproc); m=$$(awk '/MemAvailable/ {print int($$2/2000000)+1}' /proc/meminfo); echo $$((n<m ? n : m)))

.PHONY: help demo build python test fuzz screenshots package bench bench-engine bench-events soak soak-users faults faults-claims faults-stack faults-failover faults-fleet test-containers test-kubernetes plans dev-up dev-ps dev-restart dev-down dev-logs dev-clean format lint clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## install, build, start the stack, run the guide's scenarios 1 to 3, show one table
	@$(GAUNTLET) demo $(DEMO_FLAGS)

build: ## install what is missing and build the release programs into build/release/bin
	@scripts/install-deps
	@mkdir -p build
	@cmake --preset release >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@ninja -C build/release -j $(JOBS) gauntlet challenge-service challenge-event-handler

python: # two commands below are written in it; they install the rest themselves
	@command -v python3 >/dev/null || scripts/install-deps

test: python ## build and run every test; ends with "N passed, N failed"
	@tests/run

fuzz: python ## feed every parser with libFuzzer, TIME seconds each: make fuzz TIME=60
	@tests/fuzz/run --seconds $(or $(TIME),60)

bench: build ## measure us beside the peers found on this machine; PEERS=1 installs them into build/peers first
	@$(if $(PEERS),scripts/install-peers ||) true
	@bench/run

bench-engine: build ## the engine beside wrk, h2load and hey, and a k6 that K6=/path names
	@bench/run engine

bench-events: build ## measure the event handler: CPU an event, scenario 2 by rate, modes, the ceiling
	@bench/run events

soak: build ## does anything grow? scenario 3 for SECONDS (1800): memory, descriptors, threads, table, WAL, logs, the page
	@scripts/install-deps --browser
	@tests/run --venv
	@build/venv/bin/pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@build/venv/bin/python bench/run soak --seconds $(or $(SECONDS),1800) --write-docs

soak-users: build ## does a generator of 100,000 idle users (USERS) and 1,000 GETs/s grow? for SECONDS (900)
	@build/venv/bin/python bench/run soak_users --seconds $(or $(SECONDS),900)

plans: build ## hold the plan of the events' UPDATE with EXPLAIN at ROWS table rows: make plans ROWS=10000000
	@ninja -C build/release --quiet unit_events
	@GAUNTLET_PLAN_ROWS=$(or $(ROWS),10000000) $(BIN)/unit_events --gtest_filter='*the_plan_is_pinned*'

screenshots: build ## photograph the live page and the reports for README and docs
	@scripts/install-deps --browser
	@tests/run --venv
	@build/venv/bin/python scripts/screenshots

package: build ## make the Debian package, its bill of materials and checksums into build/package; with IMAGES=1 the images, too
	@scripts/package $(if $(IMAGES),--images)

faults: build ## break the event handler N times under load and count what is lost or doubled: make faults N=1000
	@ninja -C build/release --quiet event-faults
	@$(BIN)/event-faults --faults $(or $(N),1000) --long 1

faults-claims: build ## break challenge-service N times under claims and count the rewards: make faults-claims N=300
	@ninja -C build/release --quiet challenge-service-with-faults
	@tests/fault/claim_campaign.py --faults $(or $(N),300)
	@tests/fault/claim_campaign.py --faults $(or $(N),300) --at-most-once

faults-stack: build ## kill parts of a stack N times and see it come back: make faults-stack N=100
	@tests/run --venv
	@build/venv/bin/python tests/fault/stack_campaign.py --faults $(or $(N),100)

test-containers: build ## the stack in Docker, for real, with the guide's docker commands as printed: root, ten minutes; three with QUICK=1
	@scripts/install-deps --containers
	@tests/run --venv
	@tests/support/enclosed build/venv/bin/python -m pytest -q -p no:cacheprovider tests/containers

test-kubernetes: build ## the backend on a cluster of two nodes: root, ten minutes, and fifteen once to build the cluster's programs
	@scripts/install-deps --kubernetes
	@tests/run --venv
	@GAUNTLET_KUBERNETES=$$(tests/kubernetes/build) && export GAUNTLET_KUBERNETES \
	  && tests/support/enclosed build/venv/bin/python -m pytest -q -p no:cacheprovider tests/kubernetes

faults-failover: build ## fail PostgreSQL over N times under load, also under Patroni (root), and count what is lost or doubled: make faults-failover N=100
	@scripts/install-deps --failover
	@ninja -C build/release --quiet full-disk
	@tests/run --venv
	@build/venv/bin/python tests/fault/failover_campaign.py --faults $(or $(N),100)
	@build/venv/bin/python tests/fault/failover_campaign.py --faults $(or $(N),100) --asynchronous
	@build/venv/bin/python tests/fault/failover_campaign.py --faults $(or $(N),100) --patroni
	@build/venv/bin/python tests/fault/failover_campaign.py --faults $$(( $(or $(N),100) / 5 + 1 )) --patroni --pgbouncer
	@build/venv/bin/python tests/fault/failover_campaign.py --faults $$(( $(or $(N),100) / 5 + 1 )) --patroni --asynchronous

faults-fleet: build ## break tests of three agents N times and count hangs and double counts: make faults-fleet N=200
	@tests/fault/fleet_campaign.py --faults $(or $(N),200)

$(GAUNTLET):
	@$(MAKE) --no-print-directory build

dev-up: $(GAUNTLET) ## start PostgreSQL, Redis and both services; AUTO_PORTS=1 where a port is taken
	@$(GAUNTLET) up $(UP_FLAGS)

dev-ps: $(GAUNTLET) ## say how they are
	@$(GAUNTLET) ps

dev-restart: $(GAUNTLET) ## restart both services with .env and the challenge files as they are now
	@$(GAUNTLET) restart $(UP_FLAGS)

dev-down: $(GAUNTLET) ## stop them; the database stays on disk
	@$(GAUNTLET) down

dev-logs: $(GAUNTLET) ## follow a log: make dev-logs NAME=challenge-event-handler
	@$(GAUNTLET) logs -f $(or $(NAME),challenge-service)

dev-clean: $(GAUNTLET) ## stop them and delete database and logs
	@$(GAUNTLET) down --wipe

format: ## format all C++, as make test wants it
	@scripts/install-deps
	@git ls-files '*.cpp' '*.hpp' | xargs -P $(JOBS) -n 40 clang-format-14 -i

lint: python ## headers compiled alone, and clang-tidy on what changed; on everything: make lint BASE=COMMIT
	@BASE=$(BASE) tests/run --only tidy,lint

clean: ## delete what was built; the stack's data stays (make dev-clean)
	@rm -rf build
