# Every target builds what it needs. What the lab builds is kept in the user's cache, keyed by version.
SHELL := /bin/bash
GO ?= go
export GOTOOLCHAIN ?= local
export CGO_ENABLED ?= 0

PKG     := github.com/cilium-gitops/cilium-gitops/plugin/cli
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE    ?= $(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS := -s -w -X $(PKG).buildVersion=$(VERSION) -X $(PKG).buildCommit=$(COMMIT) -X $(PKG).buildDate=$(DATE)

.PHONY: help build demo test lab lab-down lab-bin e2e e2e-real e2e-matrix e2e-faults fuzz race vuln bench generate verify lint fmt clean goreleaser snapshot release cross manifests man

help: ## Say what there is
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

build: ## Build both plugins into bin/
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## Run the main job on the recorded fleet in examples/; needs no cluster
	@hack/demo.sh bin/kubectl-cilium_gitops

test: ## Run the unit, fixture, golden and whole-command tests
	$(GO) test -timeout 30m ./...
	cd lab && $(GO) test -timeout 30m ./... && cd agent && $(GO) test ./...

lab-bin:
	cd lab && $(GO) build -trimpath -o ../bin/lab .

lab: build lab-bin ## Bring up two real clusters, infra and apps (about 20 minutes the first time)
	bin/lab up
	@echo 'Now:  eval "$$(bin/lab env)"  and  kubectl cilium-gitops verify --context infra,apps'

lab-down: lab-bin ## Stop the lab
	bin/lab down

e2e: build lab-bin ## Test both plugins against a lab of its own, then, where the machine can, on Cilium's own agents
	$(GO) test -tags e2e -count=1 -timeout 75m -parallel 2 -v ./e2e
	E2E_REAL=1 $(GO) test -tags e2e -count=1 -timeout 20m -v -run '^TestRealAgents$$' ./e2e

e2e-real: build lab-bin ## Test against a lab with Cilium's own agents, where the machine can have one (root, BTF, clang: lab/README.md)
	E2E_REAL=1 $(GO) test -tags e2e -count=1 -timeout 60m -v -run '^TestReal' ./e2e

MATRIX ?= $(shell mktemp -u -t matrix-XXXXXX).json
e2e-matrix: build lab-bin ## Compare every prediction of docs/diff.md with its outcome and write its table (an hour; MATRIX=FILE keeps and resumes)
	E2E_MATRIX='$(MATRIX)' $(GO) test -tags e2e -count=1 -timeout 180m -v -run '^TestMatrix$$' ./e2e

e2e-faults: build lab-bin ## Run the fault suite, in process and on a lab behind a proxy, and write docs/faults.md from what it injected
	FAULTS_RESULTS='$(CURDIR)/hack/faults/results' $(GO) test -count=1 -timeout 30m -run '^TestFault_' ./plugin/...
	E2E_FAULTS=1 FAULTS_RESULTS='$(CURDIR)/hack/faults/results' $(GO) test -tags e2e -count=1 -timeout 40m -v -run '^TestFaults' ./e2e
	$(GO) run ./hack/generate

FUZZTIME ?= 10s
fuzz: ## Run each fuzz target for a while (FUZZTIME=10s)
	@set -e; for file in $$(grep -rl --include='*_test.go' '^func Fuzz' plugin); do \
	  for target in $$(sed -n 's/^func \(Fuzz[A-Za-z]*\).*/\1/p' "$$file"); do \
	    echo "$$target  $$(dirname "$$file")"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 1s -parallel 1 "./$$(dirname "$$file")"; \
	  done; done

race: ## Test what has goroutines under the race detector (needs a C compiler; a quarter of an hour; R14's bound of memory is not the detector's)
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m ./plugin/live ./plugin/act ./plugin/probe ./plugin/chart ./plugin/repo ./plugin/cli/fluxhandover ./hack/fakeapi
	CGO_ENABLED=1 $(GO) test -race -count=1 -timeout 60m -run 'TwoHundred|Shard|FleetJob|Fault_R(17|18|24)|Patien|Probe' ./plugin/cli

GOVULNCHECK := v1.1.4
VULNCHECK    = $(TOOLS)/govulncheck-$(GOVULNCHECK)/govulncheck
vuln: ## Look for known vulnerabilities in what is called (asks vuln.go.dev; GOVULNDB=URL asks another database)
	@[ -x $(VULNCHECK) ] || GOFLAGS= GOBIN=$(dir $(VULNCHECK)) $(GO) install golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK)
	@$(VULNCHECK) $(if $(GOVULNDB),-db '$(GOVULNDB)') ./cmd/... || { \
	  code=$$?; [ $$code = 3 ] || echo 'govulncheck could not look everything up: this is no clean result.'; exit $$code; }

BENCH ?=
bench: lab-bin ## Measure every target of speed and size, or BENCH=P6,P7; BENCH=all keeps the results in docs (best with a lab that is up)
	$(GO) run ./hack/bench $(if $(filter all,$(BENCH)),--write,$(if $(BENCH),--only '$(BENCH)'))

generate: build ## Write again what is generated: docs, example trees
	$(GO) run ./hack/generate

verify: ## Check that what is generated is current, and that modules are tidy
	$(GO) test ./plugin/internal/... ./hack/...
	$(GO) mod tidy -diff
	$(GO) vet ./...

lint: ## Run golangci-lint, where it is installed
	golangci-lint run

fmt: ## Format
	gofmt -w cmd plugin lab e2e hack

# Releases. goreleaser is built from its Go module and kept in the user's cache, by version.
TOOLS      := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/cilium-gitops-tools
GORELEASER := v2.16.0
RELEASER   := $(TOOLS)/goreleaser-$(GORELEASER)/goreleaser
SKIP       := publish,announce,sign,ko,homebrew

$(RELEASER):
	GOFLAGS= GOBIN=$(dir $@) $(GO) install github.com/goreleaser/goreleaser/v2@$(GORELEASER)

goreleaser: $(RELEASER) ## Build goreleaser (10 minutes the first time)

snapshot: $(RELEASER) ## Build a release for all platforms into dist/, twice, and compare the checksums
	hack/snapshot.sh $(RELEASER) $(SKIP) $(if $(filter $(origin VERSION),command line),$(VERSION))

# Packages are compiled as for a release, so that both share what is in Go's cache.
cross: ## Compile and vet all packages and their unit tests for Windows and macOS
	GOOS=windows $(GO) vet -trimpath ./...
	GOOS=darwin $(GO) vet -trimpath ./...

release: $(RELEASER) ## Build and publish the release of the tag that is checked out
	$(RELEASER) release --clean

manifests: ## Fill krew-manifest.yaml and flux-plugin.yaml from the checksums in dist/
	$(GO) run ./hack/manifests --checksums dist/flux-handover_*_checksums.txt

man: ## Write man pages into dist-man/
	$(GO) run ./hack/generate --man dist-man --date $(shell git log -1 --format=%ct)

clean: ## Remove what was built here
	rm -rf bin dist dist-man dist-manifests
