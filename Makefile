# One word for each thing a contributor does. Needed beforehand: Go and make;
# whatever else a target needs it installs, through Debian's packages or the Go
# module proxy.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.SILENT:
.DEFAULT_GOAL := help

# Tools are run from the module proxy at exactly these versions; Go keeps the
# built programs in its cache.
GOLANGCI_LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
XCADDY        := go run github.com/caddyserver/xcaddy/cmd/xcaddy@v0.4.5

# What pages and visitors use, for browser tests: scripts that follow links by
# themselves, frameworks of styles, a checker of accessibility, and what refuses for
# visitors.
NPM_PACKAGES := @hotwired/turbo@8.0.23 htmx.org@2.0.8 jquery@3.7.1 jquery-pjax@2.0.1 \
	bootstrap@5.3.9 tailwindcss@4.3.5 axe-core@4.14.1 @duckduckgo/autoconsent@16.23.0

MODULE       := github.com/cookieconsent/caddy-cookie-consent
XCADDY_TAGS  := nobadger,nomysql,nopgx
FUZZTIME     ?= 10m
BENCH        ?= .

.PHONY: help
help: ## list the targets
	awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: bin/caddy ## build and start the demonstration of Caddyfile.example
	echo
	echo "  Open $$(awk '/^https?:\/\// { print $$1; exit }' Caddyfile.example) and refuse. Stop with Ctrl+C."
	echo
	exec bin/caddy run --config Caddyfile.example --adapter caddyfile

.PHONY: bin/caddy
bin/caddy:
	go build -o $@ ./cmd/caddy

.PHONY: test
test: test-tools ## install what the tests need and run all of them
	# The rewriter works in one goroutine for each page: the race detector finds nothing in
	# its own tests, and takes five times as long for them.
	status=0
	CI=true go test -timeout 60m ./consent/rewrite &
	CI=true go test -race -timeout 60m $$(go list ./... | grep -v '/consent/rewrite$$') || status=$$?
	wait $$! || status=$$?
	exit $$status

# nginx is the shared cache in front, Django and DokuWiki are applications behind,
# PostgreSQL is what gathers the ledgers of several machines; jq and sqlite3 read
# exports. The documentation is for its pages, the fonts are for pictures of pages in
# Japanese, Arabic and Hebrew.
.PHONY: test-tools
test-tools:
	missing=()
	command -v cc >/dev/null || missing+=(gcc libc6-dev)
	command -v chromium >/dev/null || missing+=(chromium)
	command -v firefox-esr >/dev/null || missing+=(firefox-esr)
	[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
	/usr/bin/python3 -c 'import django' 2>/dev/null || missing+=(python3-django)
	ls /usr/sbin/php-fpm?* >/dev/null 2>&1 || missing+=(php-fpm) # before what else installs Apache
	[ -f /usr/share/dokuwiki/doku.php ] || missing+=(dokuwiki)
	ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
	command -v jq >/dev/null || missing+=(jq)
	command -v sqlite3 >/dev/null || missing+=(sqlite3)
	for package in apache2-doc sqlite3-doc git-doc libjs-jquery-ui-docs fonts-vlgothic fonts-dejavu-core; do
		dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q ' installed$$' || missing+=("$$package")
	done
	command -v npm >/dev/null || missing+=(npm)
	if [ $${#missing[@]} -gt 0 ]; then
		as_root=
		if [ "$$(id -u)" != 0 ]; then
			command -v sudo >/dev/null || { echo "run as root: apt-get update && apt-get install -y $${missing[*]}" >&2; exit 1; }
			as_root=sudo
		fi
		export DEBIAN_FRONTEND=noninteractive
		$$as_root apt-get update -q
		$$as_root apt-get install -q -y --no-install-recommends "$${missing[@]}"
	fi
	if [ "$$(cat bin/npm/installed 2>/dev/null)" != "$(NPM_PACKAGES)" ]; then
		npm install --prefix bin/npm --no-save --no-package-lock --ignore-scripts --no-audit --no-fund $(NPM_PACKAGES)
		echo "$(NPM_PACKAGES)" >bin/npm/installed
	fi

.PHONY: lint
lint: ## look for mistakes and formatting that differs
	$(GOLANGCI_LINT) run
	go vet ./...
	go vet -tags screenshots ./consent/banner
	consent/shim/minify --check

.PHONY: fmt
fmt: ## format every Go file
	$(GOLANGCI_LINT) fmt

.PHONY: bench
bench: ## run the benchmarks (BENCH=<pattern>)
	go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 2h ./...

.PHONY: screenshots
screenshots: test-tools ## write pictures of what visitors see to bin/screenshots
	rm -rf bin/screenshots
	SCREENSHOTS='$(CURDIR)/bin/screenshots' go test -tags screenshots -count 1 -run '^TestScreenshots$$' ./consent/banner

.PHONY: fuzz
fuzz: ## run every fuzz target, one after the other (FUZZTIME=10m each)
	go test -list '^Fuzz' ./... | awk '/^Fuzz/ { name[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, name[i]; n = 0 }' |
	while read -r package target; do
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime '$(FUZZTIME)' -fuzzminimizetime 10s "$$package" </dev/null
	done

# The version is never looked up: it keeps Go from asking for a published one.
.PHONY: build
build: ## build Caddy with this module as xcaddy does
	$(XCADDY) build "$$(go list -m -f '{{.Version}}' github.com/caddyserver/caddy/v2)" --output bin/caddy-xcaddy --with $(MODULE)@v0.0.0=.
	bin/caddy-xcaddy list-modules | grep cookie_consent

.PHONY: build-tags
build-tags: # every package with the tags that xcaddy sets, without cgo, without SQLite
	CGO_ENABLED=0 go build -tags $(XCADDY_TAGS) ./...
	CGO_ENABLED=0 go vet -tags $(XCADDY_TAGS) ./...
	CGO_ENABLED=0 go vet -tags $(XCADDY_TAGS),nosqlite .

.PHONY: example
example: bin/caddy # Caddyfile.example is formatted, adapts and loads
	bin/caddy fmt --diff Caddyfile.example
	bin/caddy adapt --config Caddyfile.example --adapter caddyfile >/dev/null
	bin/caddy validate --config Caddyfile.example --adapter caddyfile

.PHONY: clean
clean: ## remove what was built
	rm -rf bin
