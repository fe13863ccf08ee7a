.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
SHELL := /bin/sh

# What you may set on the command line, as in `make build ARCH=x86_64`.
ARCH ?= arm64
STACK ?= lethargic-panda
WORLD_PORT ?= 4570
JOURNAL_PORT ?= 4571
WATCH_PORT ?= 9000
ARGS ?=
# How long `make fuzz` plays each of its targets, and which: all, or those that are named.
SECONDS := 60
FUZZ := $(basename $(notdir $(wildcard tests/fuzz/targets/*.rs)))
# What `make mutants` changes: all of the decisions, or one part, or one file.
PART := event failover chaos preflight recovery
FILE :=

# What people say to the panda: make preview, kill, disarm, arm, history. It may be any text, so make does not expand it and no
# shell reads it: its value goes into the environment as it is.
export PANDA_FLEET := $(value FLEET)
export PANDA_REASON := $(value REASON)
export PANDA_DAYS := $(value DAYS)
export PANDA_FAULT := $(value FAULT)
export PANDA_VICTIM := $(value VICTIM)
export PANDA_COUNT := $(value COUNT)
unexport FLEET REASON DAYS FAULT VICTIM COUNT

VENV := .venv
TARGET := $(or $(CARGO_TARGET_DIR),target)
STAGE := $(TARGET)/debug/panda-stage
FUNCTIONS := $(notdir $(wildcard functions/*))
TEMPLATES := template.yaml fleet/template.yaml
SCRIPTS := .ci/run $(wildcard functions/*/*.sh fleet/*.sh fleet/sample-app/scripts/*.sh tests/scenarios/tests/shell/*/*)
# Tools in Rust come from crates.io, each at its version, as the lock file in its package says: built once, without optimisation.
RUST_TOOLS := $(TARGET)/tools
CARGO_DENY := cargo-deny@0.20.2
CARGO_MACHETE := cargo-machete@0.9.2
CARGO_FUZZ := cargo-fuzz@0.13.2
CARGO_MUTANTS := cargo-mutants@27.1.0
WITH_RUST_TOOLS := PATH="$(abspath $(RUST_TOOLS))/bin:$$PATH"
# For tools that start others of the venv: sam starts cargo-lambda, and cargo-lambda the zig linker.
WITH_TOOLS := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" SAM_CLI_TELEMETRY=0

.PHONY: help doctor tools lock test dev lint validate user-data shellcheck dependencies fuzz mutants demo simulate valgrind bench scale soak watch deploy-local build deploy outputs connect teardown leftovers test-live preview kill disarm arm history preflight ci clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "Settings: ARCH=$(ARCH) STACK=$(STACK) WORLD_PORT=$(WORLD_PORT) JOURNAL_PORT=$(JOURNAL_PORT) WATCH_PORT=$(WATCH_PORT) ARGS=\"$(ARGS)\""

# ----- what the machine needs ---------------------------------------------------------------------------------------------

doctor: ## checks what this machine must already have, and says how to get what is missing
	@missing=0; \
	lacks() { echo "missing  $$1"; echo "         get it: $$2"; missing=1; }; \
	has() { echo "ok       $$1"; }; \
	if command -v cargo >/dev/null && version=$$(cargo --version 2>&1); then has "$$version (pinned by rust-toolchain.toml)"; \
		else lacks "cargo, at the version of rust-toolchain.toml" "install rustup from https://rustup.rs; it fetches the pinned toolchain by itself"; fi; \
	if command -v cc >/dev/null; then has "cc, for linking"; else lacks "a C compiler, for linking" "apt-get install gcc libc6-dev, or xcode-select --install"; fi; \
	if python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then has "$$(python3 --version)"; \
		else lacks "python3, 3.10 or later" "apt-get install python3, or https://www.python.org/downloads"; fi; \
	if python3 -c 'import venv, ensurepip' 2>/dev/null; then has "python3 with venv"; else lacks "python3's venv module" "apt-get install python3-venv"; fi; \
	if bash -c '[ "$${BASH_VERSINFO[0]}" -ge 5 ] && [ -d /proc/self ]' 2>/dev/null; then has "bash on Linux, for the tests of the shell scripts"; \
		else lacks "bash 5 on Linux, for the tests of the shell scripts" "on another system run make test in a container with Linux"; fi; \
	if command -v curl >/dev/null; then has "curl, for the same"; else lacks "curl, for the tests of the shell scripts" "apt-get install curl"; fi; \
	if PATH="$$PATH:/usr/sbin" command -v nginx >/dev/null; then has "nginx, for the test of the sample site"; \
		else lacks "nginx, for the test of the sample site" "apt-get install nginx; the test starts one of its own on a free port"; fi; \
	free=$$(df -Pk . | awk 'NR == 2 { print int($$4 / 1048576) }'); \
	if [ "$$free" -ge 8 ]; then has "$$free GiB of free disk"; else lacks "8 GiB of free disk, for target/ and $(VENV)/: there are $$free" "make clean, or a larger disk"; fi; \
	if command -v rustup >/dev/null; then has "rustup, for make build: cargo-lambda adds the other processor's target by itself"; \
		else echo "note     without rustup, make build ARCH=arm64 wants the target aarch64-unknown-linux-gnu in your toolchain"; fi; \
	if ! command -v c++ >/dev/null; then echo "note     make fuzz wants a C++ compiler: apt-get install g++"; fi; \
	if command -v valgrind >/dev/null; then has "valgrind, for make bench"; \
		else echo "note     without valgrind there is no make bench; get it: apt-get install valgrind"; fi; \
	echo "note     all else comes with make tools, from requirements.txt (linker for the other processor: zig)"; \
	exit $$missing

tools: $(VENV)/requirements.txt ## the Python tools, into .venv

# The copy inside says what is installed, so a touched but unchanged file costs nothing. The list is complete, so pip has
# nothing to resolve; `pip check` confirms it.
$(VENV)/requirements.txt: requirements.txt
	@if cmp -s $< $@; then touch $@; else \
		echo "Installing the tools of requirements.txt into $(VENV) (once, about a minute)"; \
		python3 -m venv --clear $(VENV) || { echo "python3 cannot make a venv: see make doctor" >&2; exit 1; }; \
		$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $< && \
		$(VENV)/bin/pip check && cp $< $@; \
	fi

lock: ## compiles requirements.in into requirements.txt: exact versions and hashes, for every platform
	python3 -m venv $(TARGET)/lock
	$(TARGET)/lock/bin/pip install --quiet uv
	$(TARGET)/lock/bin/uv pip compile --quiet --universal --python-version 3.10 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links requirements.in --output-file requirements.txt

# ----- on this machine, without an account --------------------------------------------------------------------------------

# One command with one feature set builds everything, so that the large SDK clients are compiled once for tests and demo.
dev:
	cargo build --workspace --locked

test: tools dev ## every test: laws, verbs, simulations, wire, template, local deployment
	cargo test --workspace --locked

demo: tools dev ## watch the panda kill and the fleet heal, in four minutes; writes target/demo/report.html
	$(STAGE) demo --venv $(VENV) $(ARGS)

simulate: dev ## every scenario, and 100,000 fleet-days of chaos with faults at every call, in a quarter of an hour [ARGS="--seeds 1000"]
	$(STAGE) simulate $(ARGS)

scale: dev ## 1 to 1,000 fleets in one account under AWS's request limits: a table, target/scale/report.json and docs/scale.svg
	$(STAGE) scale --report $(TARGET)/scale/report.json --picture docs/scale.svg $(ARGS)

soak: tools dev ## the deployed functions among faults, deaths and kill -9 for ten minutes, and a judge [ARGS="--minutes 2"]
	$(STAGE) soak --venv $(VENV) $(ARGS)

valgrind:
	@command -v valgrind >/dev/null || { echo "valgrind is missing, which counts the instructions: apt-get install valgrind" >&2; exit 1; }

# One command with one feature set, so that a function measured here is the one that is built for Lambda.
bench: valgrind tools dev ## what each function costs, beside a hello world, and whether that is within its budgets; writes target/bench/report.json
	cargo build --release --locked $(FUNCTIONS:%=--package %) --package hello-lambda
	$(STAGE) bench --venv $(VENV) --binaries $(TARGET)/release --out $(TARGET)/bench/report.json $(ARGS)

# The world plays what the functions act on; moto keeps the panda's journal and takes its messages.
LOCALLY := env -u AWS_PROFILE AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 \
	AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_ENDPOINT_URL=http://127.0.0.1:$(WORLD_PORT) \
	$(foreach service,DYNAMODB SNS EVENTBRIDGE,AWS_ENDPOINT_URL_$(service)=http://127.0.0.1:$(JOURNAL_PORT)) \
	JOURNAL_TABLE=panda-journal TOPIC_ARN=arn:aws:sns:us-east-1:123456789012:panda STOP_AGENT_DOCUMENT=PandaStopAgentDocument \
	RESTART_DOCUMENT=RecoveryRestartAgentDocument CASES_TABLE=recovery-cases

watch: tools dev ## the functions, rebuilt at every change, beside a simulated AWS; then make invoke-EVENT in another terminal
	@$(STAGE) serve --port $(WORLD_PORT) $(ARGS) & world=$$!; \
	$(VENV)/bin/moto_server -H 127.0.0.1 -p $(JOURNAL_PORT) >/dev/null 2>&1 & moto=$$!; \
	trap 'kill $$world $$moto 2>/dev/null' EXIT INT TERM; \
	$(LOCALLY) $(VENV)/bin/python bin/local-journal || exit 1; \
	$(LOCALLY) RUST_LOG=info $(WITH_TOOLS) cargo lambda watch --invoke-address 127.0.0.1 --invoke-port $(WATCH_PORT)

deploy-local: tools dev ## the whole template on this machine: sam deploy to a local CloudFormation, its functions beside a simulated AWS
	$(STAGE) serve --deploy --venv $(VENV) --port $(WORLD_PORT) $(ARGS)

invoke-%: tools ## sends an event of tests/events to make watch, as in make invoke-scheduled-event
	@test -f tests/events/$*.json || { echo "No tests/events/$*.json. There are:"; ls tests/events | sed -n 's/\.json$$//p' | sed 's/^/  make invoke-/'; exit 1; }
	@$(WITH_TOOLS) cargo lambda invoke elastic-ip-failover --invoke-address 127.0.0.1 --invoke-port $(WATCH_PORT) \
		--data-file tests/events/$*.json || { echo "Is make watch running in another terminal?" >&2; exit 1; }

invoke-recovery-%: tools ## sends a command of tests/events/recovery, or an event, to make watch, as in make invoke-recovery-diagnose
	@file=tests/events/recovery/$*.json; test -f $$file || file=tests/events/$*.json; \
	test -f $$file || { echo "No tests/events/recovery/$*.json. There are:"; ls tests/events/recovery | sed -n 's/\.json$$//p' | sed 's/^/  make invoke-recovery-/'; exit 1; }; \
	$(WITH_TOOLS) cargo lambda invoke deployment-recovery --invoke-address 127.0.0.1 --invoke-port $(WATCH_PORT) \
		--data-file $$file || { echo "Is make watch running in another terminal?" >&2; exit 1; }

invoke-panda-%: tools ## sends a command of tests/events/panda to make watch, as in make invoke-panda-preview
	@test -f tests/events/panda/$*.json || { echo "No tests/events/panda/$*.json. There are:"; ls tests/events/panda | sed -n 's/\.json$$//p' | sed 's/^/  make invoke-panda-/'; exit 1; }
	@$(WITH_TOOLS) cargo lambda invoke panda --invoke-address 127.0.0.1 --invoke-port $(WATCH_PORT) \
		--data-file tests/events/panda/$*.json || { echo "Is make watch running in another terminal?" >&2; exit 1; }

invoke-preflight-%: tools ## sends a request of tests/events/preflight to make watch, as in make invoke-preflight-check
	@test -f tests/events/preflight/$*.json || { echo "No tests/events/preflight/$*.json. There are:"; ls tests/events/preflight | sed -n 's/\.json$$//p' | sed 's/^/  make invoke-preflight-/'; exit 1; }
	@$(WITH_TOOLS) cargo lambda invoke launch-preflight --invoke-address 127.0.0.1 --invoke-port $(WATCH_PORT) \
		--data-file tests/events/preflight/$*.json || { echo "Is make watch running in another terminal?" >&2; exit 1; }

lint: tools validate shellcheck dependencies ## formatting, clippy, documentation, template, shell scripts, dependencies: no warnings
	cargo fmt --all -- --check
	cargo clippy --workspace --all-targets --locked -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items --locked

validate: tools ## both templates, by cfn-lint with our own rules and by sam
	$(VENV)/bin/cfn-lint --append-rules tests/lint/rules -- $(TEMPLATES)
	for template in $(TEMPLATES); do $(WITH_TOOLS) AWS_DEFAULT_REGION=us-east-1 sam validate --lint --template $$template || exit 1; done

user-data: ## puts fleet/user-data.sh into fleet/template.yaml
	python3 bin/embed-user-data

shellcheck: tools ## the shell scripts, those that stand in for a server's programs too
	$(VENV)/bin/shellcheck $(SCRIPTS)

# Another version has another stamp, and takes the place of the one before. The first build of a tool warms the next.
$(RUST_TOOLS)/%.installed:
	@echo "Building $* (once)"
	CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_OPT_LEVEL=0 CARGO_INCREMENTAL=0 cargo install --quiet --locked --debug --force \
		--root $(RUST_TOOLS) --target-dir $(RUST_TOOLS)/build $(if $(filter cargo-deny@%,$*),--no-default-features) $*
	@touch $@

# The advisories live in a git repository; a machine that cannot reach it is told what was not checked.
dependencies: $(RUST_TOOLS)/$(CARGO_DENY).installed $(RUST_TOOLS)/$(CARGO_MACHETE).installed ## licences, bans, sources, duplicates, advisories, and who is depended on for nothing
	$(WITH_RUST_TOOLS) cargo deny --locked check --hide-inclusion-graph bans licenses sources
	@if said=$$($(WITH_RUST_TOOLS) cargo deny --locked check advisories 2>&1); then echo "$$said"; \
	elif echo "$$said" | grep -q 'failed to fetch advisory database'; then \
		echo "NOT CHECKED: advisories. Their database, https://github.com/RustSec/advisory-db, cannot be reached from here."; \
	else echo "$$said" >&2; exit 1; fi
	$(WITH_RUST_TOOLS) cargo machete functions shared tests

ci: lint test ## what CI runs

# ----- adversaries: strangers' bytes, and faults put into our own code --------------------------------------------------------

# cargo-fuzz wants a nightly compiler for sanitizers only; this code has no `unsafe` for them to find. What libFuzzer has found so far
# stays in target/fuzz/corpus, so that the next run begins there; an input that breaks a law is in target/fuzz/broken.
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
fuzz: $(RUST_TOOLS)/$(CARGO_FUZZ).installed ## strangers' bytes against decoders, tags and redaction, a minute each: make fuzz [SECONDS=60] [FUZZ="tags redaction"]
	$(WITH_RUST_TOOLS) cargo fuzz build --fuzz-dir tests/fuzz --target-dir $(TARGET)/fuzz --sanitizer none
	@for target in $(FUZZ); do \
		corpus=$(TARGET)/fuzz/corpus/$$target; broken=$(TARGET)/fuzz/broken; seeds=tests/events; most=4096; \
		if [ $$target = redaction ]; then most=1024; fi; \
		if [ -d tests/fuzz/seeds/$$target ]; then seeds="$$seeds tests/fuzz/seeds/$$target"; fi; \
		mkdir -p $$corpus $$broken; echo "--- $$target, $(SECONDS) seconds"; \
		$(TARGET)/fuzz/$(HOST)/release/$$target $$corpus $$seeds -dict=tests/fuzz/words.dict -artifact_prefix=$$broken/$$target- \
			-max_total_time=$(SECONDS) -max_len=$$most -timeout=10 -print_final_stats=1 -verbosity=0 $(ARGS) || exit 1; \
	done

# A part of the decisions against its own tests: about four seconds a mutant on a quiet machine, two hours for all of them. What was found
# before is not played again, so an interrupted run goes on where it was; target/mutants/PART/mutants.out has the lists and every log.
# The two tests that are left out throw the dice for simulated centuries.
mutants: $(RUST_TOOLS)/$(CARGO_MUTANTS).installed ## faults put into the decisions, one by one, for their tests to find: make mutants [PART=failover] [FILE=plan.rs] [ARGS="--shard 1/8"]
	@missed=0; for part in $(PART); do \
		mkdir -p $(TARGET)/mutants/$$part; tests="--test $$part*"; if [ $$part = event ]; then tests="$$tests --test recovery*"; fi; \
		set -f; $(WITH_RUST_TOOLS) CARGO_TARGET_DIR=$(abspath $(TARGET))/mutants/build PROPTEST_CASES=150 \
			cargo mutants --config tests/mutants.toml --iterate --package panda-domain --output $(TARGET)/mutants/$$part \
			$(if $(FILE),--file "shared/domain/src/$$part/$(FILE)",--file "shared/domain/src/$$part.rs" --file "shared/domain/src/$$part/**") \
			$(ARGS) -- --lib $$tests -- --skip the_mean_between_kills --skip the_survey_follows || missed=1; \
	done; exit $$missed

# ----- in your account ----------------------------------------------------------------------------------------------------

build: tools ## the functions for Lambda, in release: target/lambda/NAME/bootstrap (ARCH=arm64 or x86_64)
	$(WITH_TOOLS) cargo lambda build --release --locked $(if $(filter x86_64,$(ARCH)),--x86-64,--arm64) $(FUNCTIONS:%=--package %)

# sam does not know AWS_REGION, and takes the region that --guided saved; what is written in bin takes AWS_REGION first.
IN_REGION := $(if $(AWS_REGION),--region $(AWS_REGION))

# ARCH that stands in no command line and no environment is no wish: what is saved in samconfig.toml decides.
deploy: tools ## builds and deploys to your account; the first time make deploy ARGS=--guided
	@$(WITH_TOOLS) $(VENV)/bin/python bin/deploy --stack $(STACK) $(if $(filter file,$(origin ARCH)),,--processor $(ARCH)) $(IN_REGION) $(ARGS)

outputs: tools ## what the stack in your account says of itself: the site's address, names, where to look
	$(WITH_TOOLS) sam list stack-outputs --stack-name $(STACK) $(IN_REGION) $(ARGS)

connect: tools ## shows where to let CodePipeline read your repository, waits for your click, and starts the pipeline
	@$(VENV)/bin/python bin/connect --stack $(STACK) $(ARGS)

teardown: tools ## removes the stack from your account; what people would miss stays: addresses, buckets, the panda's journal
	$(WITH_TOOLS) sam delete --stack-name $(STACK) $(IN_REGION) $(ARGS)

leftovers: tools ## lists what a torn down stack has kept; ARGS=--delete removes it for good
	@$(VENV)/bin/python bin/leftovers --stack $(STACK) $(ARGS)

test-live: tools ## asks a real account what only it can confirm, for about 12 cents, and takes everything away: docs/LIVE.md
	@PYTHONPATH=tests:bin $(VENV)/bin/python -m live $(ARGS)

# ----- speaking to the panda in your account ------------------------------------------------------------------------------

SPEAK := $(VENV)/bin/python bin/panda --stack $(STACK)

preview: tools ## every group the panda sees: eligible, or why not; the odds, the next window; kills nothing [FLEET=web]
	@$(SPEAK) preview $(ARGS)

kill: tools ## one kill now, without dice but behind every gate: make kill FLEET=web REASON="game day" [FAULT=crash] [VICTIM=i-…] [COUNT=2]
	@$(SPEAK) kill $(ARGS)

disarm: tools ## no kills until armed again, anywhere or in one fleet: make disarm REASON="incident 12" [FLEET=web]
	@$(SPEAK) disarm $(ARGS)

arm: tools ## lets it again: make arm REASON="incident closed" [FLEET=web]
	@$(SPEAK) arm $(ARGS)

history: tools ## experiments and how they ended: make history [FLEET=web] [DAYS=30]
	@$(SPEAK) history $(ARGS)

preflight: tools ## what keeps the reflexes from a fleet that is there, with the commands that mend it: make preflight [FLEET=web]
	@$(SPEAK) preflight $(ARGS)

clean: ## removes what was built, and the tools
	cargo clean
	rm -rf $(VENV) .aws-sam
