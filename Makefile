# Every target is explained by `make help`. Tools come with Go itself; what tests need beside it is named by the test.

GO       ?= go
SEEDS    ?= 20000
FUZZTIME ?= 10s
BENCH    ?= .
TESTS    ?= ./...
TESTFLAGS ?=
TESTTIME ?= 40m
RUNFLAGS ?=
GALLERYFLAGS ?= --calm 1s --window 500ms --grace 3s --load idle --controls 0 --budget 'downtime.p99 <= 1m' --budget 'needless <= 100000'
KPIFLAGS ?= --trials 1 --for 400ms --sample 12 --grace 8s
PEERFLAGS ?=
TOOL      = $(GO) tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: run test testpeers build race fuzz sim gallery bench peers lint proto picture clean help

run: build ## build, then open the lab; without a terminal a short headless run prints its report
	@if [ -t 1 ]; then exec ./bin/fracture lab $(RUNFLAGS); fi; \
	./bin/fracture run --trials 10 --calm 2s --controls 2 $(RUNFLAGS); code=$$?; \
	case $$code in 1|4) echo "the verdict stands above; as an exit code it is $$code";; *) exit $$code;; esac

test: ## every test, the house rules among them (TESTS=./lab TESTFLAGS=-v)
	$(GO) test -timeout $(TESTTIME) $(TESTFLAGS) $(TESTS)

testpeers: ## the tests of bench/peers, a module of its own (a part needs beanstalkd)
	cd bench/peers && $(GO) test $(TESTFLAGS) ./...

build: ## the one binary, in bin/fracture
	CGO_ENABLED=0 $(GO) build -o bin/fracture ./cmd/fracture

race: ## every test under the race detector
	$(GO) test -race -timeout $(TESTTIME) $(TESTFLAGS) $(TESTS)

fuzz: ## every fuzz target for FUZZTIME each (10s)
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file target; do \
		echo "$$target in $$(dirname "$$file")"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }$$" -fuzztime $(FUZZTIME) "$$(dirname "$$file")" || exit 1; \
	done

sim: build ## a whole cluster in virtual time, from SEEDS seeds (20000); a failure prints the command that replays it
	./bin/fracture sim --seeds $(SEEDS)

gallery: build ## the scenarios, quickly, of kpi.yaml pairs by lot: each must lose nothing and deliver nothing twice, how long it took is not judged
	@for file in scenarios/*.yaml; do \
		few=; [ "$$file" != scenarios/kpi.yaml ] || few='$(KPIFLAGS)'; \
		./bin/fracture run "$$file" $(GALLERYFLAGS) $$few >out.gallery 2>&1; code=$$?; \
		echo "$$file: $$(grep -E '^(verdict|whole run)' out.gallery | tr '\n' ' ')"; \
		case $$code in 0|4) rm -f out.gallery;; *) cat out.gallery; rm -f out.gallery; exit $$code;; esac; \
	done

bench: ## every benchmark, with allocations (BENCH=Step TESTS=./cluster/failover)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(TESTS)

peers: build ## foreign systems killed and frozen, by the same meter; installs them; two hours (PEERFLAGS=--help)
	cd bench/peers && $(GO) build -o ../../bin/peers .
	mkdir -p out
	./bin/peers --install --fracture bin/fracture --out out/peers.md $(PEERFLAGS)

lint: ## go vet, gofmt, staticcheck and golangci-lint, at the versions of tools/go.mod
	@unformatted=$$(gofmt -l .); if [ -n "$$unformatted" ]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(TOOL) staticcheck ./...
	$(TOOL) golangci-lint run
	cd bench/peers && $(GO) vet ./... && $(GO) tool -modfile=../../tools/go.mod staticcheck ./... && $(GO) tool -modfile=../../tools/go.mod golangci-lint run

proto: ## the wire's messages anew, from their .proto file (needs protoc)
	$(GO) generate ./cluster/wire

picture: build ## docs/picture/lab.svg anew: a lab in a terminal of its own, one node killed (needs tmux)
	./docs/picture/record.sh

clean: ## remove what the targets above have built
	rm -rf bin out

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)
