# Everything a newcomer types. `make help` lists it; README.md says what to expect.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help deps build run test test-kernel compat kernel-shell fuzz mutants agreement bench fmt lint clean deb

# The toolchain is looked for in PATH first and then where its archive is usually unpacked.
export PATH := $(PATH):/opt/swift/usr/bin

VERSION := $(file < VERSION)

# What the programs are built against, what the tests drive, and what packs the result.
BUILD_PACKAGES := libnl-3-dev libnl-route-3-dev libmnl-dev libnftnl-dev libmicrohttpd-dev nettle-dev libcrypt-dev libgnutls28-dev \
	libsqlite3-dev pkg-config
TEST_PACKAGES := bind9-dnsutils busybox-static cloud-init conntrack curl dhcpcd-base dnsmasq-base haproxy ipxe-qemu iproute2 \
	iputils-ping isc-dhcp-client klibc-utils ldnsutils netbase nftables openssh-client openssl procps python3 \
	python3-dnspython python3-scapy sqlite3 systemd tcpdump tshark util-linux wget
# For Ansible and its CloudStack modules, which come from PyPI.
COMPAT_PACKAGES := python3 python3-venv util-linux iproute2
BENCH_PACKAGES := apache2-bin bind9-dnsutils conntrack dnsmasq-base dnsperf gcc haproxy iproute2 iptables kea-admin \
	kea-dhcp4-server libc6-dev nftables nginx-light procps python3 strace tcpdump tcpreplay tshark unbound util-linux wrk
DEB_PACKAGES := dpkg-dev binutils

# A module that uses what it does not declare is an error everywhere, not only in one kind of build.
CHECKED := --explicit-target-dependency-import-check error
RELEASE := -c release --static-swift-stdlib --disable-local-rpath $(CHECKED)

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## Install the Debian packages that are missing (asks for root only then)
	@packaging/install-dependencies $(BUILD_PACKAGES) $(TEST_PACKAGES) $(COMPAT_PACKAGES) $(DEB_PACKAGES)

build: deps ## Build sluiced, its worker and sluice in release mode into dist/
	@swift build $(RELEASE) --product sluiced
	@swift build $(RELEASE) --product sluice
	@swift build $(RELEASE) --product sluice-worker
	@install -D -t dist "$$(swift build $(RELEASE) --show-bin-path)"/{sluiced,sluice,sluice-worker}
	@echo "built dist/sluiced, dist/sluice-worker and dist/sluice, version $(VERSION)"

run: build ## Build, then run the demo cloud in the foreground; Ctrl-C removes it
	@rootless=""; [ "$$(id -u)" = 0 ] || rootless=--rootless; \
	exec dist/sluiced --profile demo --ephemeral --api 127.0.0.1:8080 --integration off $$rootless

test: deps ## Build and run every test suite, and count what ran
	@swift build --build-tests $(CHECKED)
	@Tests/clients/install
	@Tests/run
	@Tests/compat/test

test-kernel: deps ## Run what needs another kernel on Debian's own, in a virtual machine (part of test)
	@swift build --build-tests $(CHECKED)
	@Tests/kernel-tier/test

compat: deps ## Run Ansible's CloudStack tests, each against a fresh daemon; TARGETS="zone pod" for some
	@swift build --product sluiced $(CHECKED)
	@Tests/compat/install
	@Tests/compat/run $(TARGETS)

kernel-shell: ## A root shell on that kernel, with this machine's files to read; exit ends it
	@Tests/kernel-tier/vm --shell

agreement: deps ## Judge a million random packets over random clouds by the kernel and by the model; PACKETS=5000000 for more
	@swift build --build-tests $(CHECKED)
	@SLUICE_AGREEMENT=$(or $(PACKETS),1000000) Tests/run --filter 'agree about any number'

mutants: build ## Make every small mistake in the plans, and see whether some case notices
	@dist/sluice test --mutate --survivors pcaps/survivors.txt pcaps

bench: build ## Measure beside ip, nft, C and the bare disk; QUICK=1 for a short run
	@packaging/install-dependencies $(BENCH_PACKAGES)
	@cc -O2 -Wall -Wextra -o dist/peer Benchmarks/peer.c $$(pkg-config --cflags --libs libnftnl libmnl)
	@cc -O2 -Wall -Wextra -o dist/traffic Benchmarks/traffic.c
	@cc -O2 -Wall -Wextra -o dist/frames Benchmarks/frames.c
	@cc -O2 -Wall -Wextra -o dist/boot Benchmarks/boot.c
	@Benchmarks/bench.py $(if $(QUICK),--quick) dist/sluiced dist/peer dist/traffic dist/frames dist/boot

fuzz: ## Run the fuzz targets, a minute each; SECONDS_EACH=600 for longer
	@Fuzz/run $(or $(SECONDS_EACH),60)

fmt: ## Format every Swift file in place
	@swift format -i -r -p Sources Tests Package.swift

lint: ## Check format, unfinished marks and programs started behind our back
	@swift format lint --strict -r -p Sources Tests Package.swift
	@.ci/forbidden-words

deb: build ## Pack dist/sluice_VERSION_ARCH.deb
	@packaging/deb/build "$(VERSION)"

clean: ## Remove everything that was built
	@rm -rf .build dist
