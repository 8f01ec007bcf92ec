# `make` lists the targets. What they need and can fetch they put into .bin;
# what they leave behind for people to look at is in .artifacts.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 1
# SQLite then flushes with fdatasync: the data and the size, without the times of the file.
export CGO_CFLAGS  := -O2 -g -DHAVE_FDATASYNC=1
export GOFLAGS     := -mod=readonly -buildvcs=false
export GOTOOLCHAIN := local
export JIT_TEST_ARTIFACTS := $(CURDIR)/.artifacts

GOLANGCI_VERSION := v2.15.0
GOLANGCI := $(CURDIR)/.bin/golangci-lint-$(GOLANGCI_VERSION)

VERSION   := $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo unknown)
TAGS      := netgo,osusergo,sqlite_omit_load_extension,timetzdata
LDFLAGS    = -s -w -linkmode external -extldflags "-static" -X main.release=$(VERSION)
BENCH     ?= .
BENCHTIME ?= 1s
ROUNDS    ?= 7
SEEDS     ?= 40
FUZZTIME  ?= 20s
UNIT_SCORE := 15 # tenths, at most

BROWSERS := chromium chromium-browser google-chrome
HAVE_BROWSER = $(shell command -v $(BROWSERS) 2>/dev/null | head -n 1)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: test
test: check browser ## everything that must be right: checks, then all tests with the race detector
	@mkdir -p .artifacts
	go build -C bench -o ../.bin/tally ./cmd/tally
	@if [ "$${CI:-}" = true ] && [ -n "$(HAVE_BROWSER)" ]; then export JIT_TEST_BROWSER=required; fi; \
	{ go test -race -timeout 15m -json ./... || true; go test -C bench -timeout 15m -json ./... || true; } | .bin/tally

.PHONY: check
check: $(GOLANGCI) unit-score ## formatting, go vet, linters, import rules, checksums of modules
	go mod verify
	go vet ./...
	go vet -C bench ./...
	$(GOLANGCI) run ./...
	cd bench && $(GOLANGCI) run ./...

.PHONY: fmt
fmt: $(GOLANGCI) ## format as check wants it
	$(GOLANGCI) fmt

.PHONY: build
build: ## the static binary, .bin/bot
	go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -o .bin/bot ./cmd/bot
	@if ldd .bin/bot >/dev/null 2>&1; then echo ".bin/bot is not static" >&2; exit 1; fi
	@ls -l .bin/bot

.PHONY: image
image: ## the container image, jitbot:VERSION
	docker build --build-arg VERSION=$(VERSION) --tag jitbot:$(VERSION) .

.PHONY: demo
demo: build ## build, then try everything on a page of its own; nothing to set up
	.bin/bot demo

.PHONY: bench
bench: ## all benchmarks in alternating rounds, into BENCHMARKS.md (BENCH=regexp ROUNDS=7 BENCHTIME=1s)
	go test -C bench ./...
	rm -rf .artifacts/bench && mkdir -p .artifacts/bench
	go build -C bench -o ../.bin/report ./cmd/report
	@cd bench; for dir in $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r -n 1 dirname | sort -u); do \
		go test -c -o ../.artifacts/bench/$$(echo "$${dir#./}" | tr / .).test "$$dir"; \
	done
	@for round in $$(seq $(ROUNDS)); do for test in .artifacts/bench/*.test; do \
		dir=bench/$$(basename "$$test" .test | tr . /); echo "round $$round of $(ROUNDS): $$dir"; \
		(cd "$$dir" && "$(CURDIR)/$$test" -test.run '^$$' -test.bench '$(value BENCH)' -test.benchtime $(BENCHTIME) -test.timeout 0) \
			| tee -a .artifacts/bench/rounds.txt; \
	done; done
	.bin/report -goals bench/goals.txt -into BENCHMARKS.md -date "$$(date -u +%F)" -commit $(VERSION) .artifacts/bench/rounds.txt

.PHONY: quality
quality: ## how good the analyses are, on synthetic organisations, into BENCHMARKS.md (SEEDS=40)
	go build -C bench -o ../.bin/quality ./quality
	.bin/quality -seeds $(SEEDS) -weeks 13,26,52 -into BENCHMARKS.md -date "$$(date -u +%F)" -commit $(VERSION)

.PHONY: fuzz
fuzz: ## each fuzz target for a short time (FUZZTIME=20s)
	@for module in . bench; do (cd $$module; \
		grep -rno --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | grep -v "^\./bench/" | sed 's|/[^/]*_test.go:.*func | |' | sort -u | \
		while read -r dir name; do echo "$$module/$$dir $$name"; go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir"; done); \
	done

.PHONY: unit-score
unit-score: ## how exposed systemd finds deploy/jitbot.service: at most 1.5
	@if ! command -v systemd-analyze >/dev/null; then echo "SKIP: unit-score: no systemd-analyze here (apt-get install systemd)"; exit 0; fi; \
	systemd-analyze security --offline=true --threshold=$(UNIT_SCORE) --no-pager deploy/jitbot.service | tail -n 1

.PHONY: browser
browser: # Chromium for the tests of pages, installed where that is possible
	@if [ -n "$(HAVE_BROWSER)" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; \
		if { apt-get update -qq && apt-get install -y -qq chromium; } </dev/null; then exit 0; fi; \
	fi; \
	echo "SKIP: browser tests: none of $(BROWSERS) in PATH, and it could not be installed"

.PHONY: clean
clean: ## remove what was built and fetched
	rm -rf .bin .artifacts

$(GOLANGCI):
	@mkdir -p .bin
	GOBIN=$(CURDIR)/.bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv .bin/golangci-lint $@
