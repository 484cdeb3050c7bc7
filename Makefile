# The front door. `make run` shows a server at work, `make test` proves it.

SHELL := /bin/bash
.DEFAULT_GOAL := build

BUILD := .build
RELEASE := $(BUILD)/release
DESTDIR ?= .build-stage
STAGE := $(CURDIR)/.build-stage
# libstdc++.a alone, ahead of the shared one: short commands start a sixth faster without that.
STATIC := $(CURDIR)/$(BUILD)/static
SWIFT_RELEASE := swift build -c release --static-swift-stdlib -Xlinker -L$(STATIC)
SUDO := $(if $(filter 0,$(shell id -u)),,sudo)
FORMATTED := Package.swift Sources Tests Benchmarks Fuzz

.PHONY: build setup setup-test run stop test unit parsers conformance simulate acceptance oracle bench fuzz test-sanitized format format-check install clean

## build: the server and its commands, optimised
build: setup
	$(SWIFT_RELEASE) --product apus
	$(SWIFT_RELEASE) --product postdrop
	$(SWIFT_RELEASE) --product postqueue
	$(SWIFT_RELEASE) --product apus-reference
	$(SWIFT_RELEASE) --product apus-tables

## setup: Debian packages that building needs; asks for sudo only when one is missing
setup:
	@Scripts/setup build
	@mkdir -p $(STATIC)
	@ln -sf "$$(find /usr/lib/gcc -name libstdc++.a | sort -V | tail -1)" $(STATIC)/libstdc++.a

setup-test:
	@Scripts/setup build test

## run: a server under ./run on unprivileged ports, with one message delivered
run: build
	@Scripts/quickstart

stop:
	@Scripts/quickstart stop

## test: unit tests, allocations of parsers, conformance and acceptance tests
test: setup-test unit parsers conformance acceptance

unit:
	swift build --build-tests
	swift test --skip-build

## parsers: nanoseconds and allocations of the parsers that each message passes, held to thresholds
parsers: build
	$(SWIFT_RELEASE) --product parser-benchmarks
	$(RELEASE)/parser-benchmarks

## simulate: SEEDS runs of the whole flow while disks, networks and processes fail; `simulate --trace SEED` shows one
SEEDS ?= 20000
FIRST ?= 1
JOBS ?= 2
# Seconds; empty: as long as it takes.
simulate: TIME ?= 240
simulate: setup
	$(SWIFT_RELEASE) --product simulate
	$(RELEASE)/simulate --first $(FIRST) --jobs $(JOBS) $(if $(TIME),--seconds $(TIME)) $(SEEDS)

## conformance: the corpus of cases, and random ones beside Debian's, against the installed commands
conformance: stage
	$(SWIFT_RELEASE) --product apus-adapter
	Scripts/corpus.sh $(STAGE)/usr/sbin $(CURDIR)/$(RELEASE)/apus-adapter
	Conformance/postconf --bin $(STAGE)/usr/sbin --cases 4000
	Conformance/tables --bin $(STAGE)/usr/sbin --cases 2500

## acceptance: scenarios with real peers in network namespaces (root)
acceptance: stage
	# The scenarios of separation try things from inside a debug build.
	swift build --product apus
	$(SUDO) Acceptance/run --install $(STAGE)

## fuzz: every parser that outside bytes reach, TIME seconds each
fuzz: TIME ?= 60
fuzz: setup
	Fuzz/run $(TIME)

## test-sanitized: unit tests under the address and the thread sanitizer
test-sanitized: setup-test
	Scripts/test-sanitized address
	Scripts/test-sanitized thread

## oracle: the same scenarios against Debian's Postfix
oracle: setup-test
	$(SUDO) Acceptance/run --mta postfix

## bench: throughput and memory beside Debian's Postfix
bench: stage
	Scripts/setup bench
	$(SUDO) Benchmarks/run --install $(STAGE) $(if $(ONLY),--only $(ONLY))

format:
	swift format --in-place --recursive $(FORMATTED)

# Generated sources must be up to date, too.
format-check:
	swift format lint --strict --recursive $(FORMATTED)
	Scripts/implemented-parameters.py --check

.PHONY: stage
stage: build
	rm -rf $(STAGE)
	Scripts/install $(RELEASE) $(STAGE)

## install: lays the server out below DESTDIR; `postfix set-permissions` does the rest
install: build
	Scripts/install $(RELEASE) $(DESTDIR)

clean:
	rm -rf $(BUILD) .build-stage run
