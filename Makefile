# SPDX-License-Identifier: Apache-2.0

.DEFAULT_GOAL := help
.PHONY: help test short race checked lint fmt bench kafka ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

test: ## every test of the three modules, with a real Kafka where there is a JDK
	go test work

short: ## the tests that need no real Kafka
	go test -short work

race: ## the same under the race detector
	go test -race -short work

checked: ## the same with every assertion of the code switched on
	go test -tags invariants -short work

lint: ## the house rules (internal/lint) and go vet
	go test ./internal/lint
	go vet work

fmt: ## gofmt
	gofmt -w $$(git ls-files '*.go')

bench: ## the benchmarks
	go test -run '^$$' -bench . -benchmem ./benchmarks/...

kafka: ## a real Kafka at localhost:9092, until ^C
	go run ./internal/kafkatest/cmd/kafka

ci: ## what CI does
	.ci/run
