# SPDX-License-Identifier: ISC
# durexec: make help lists the targets. V=1 shows the commands.

VERSION  = 0.1
PREFIX  ?= /usr/local
CC      ?= cc
# Small: what it waits for is the disk, and the steps.
CFLAGS  ?= -Os -g
LDFLAGS ?=
# One object directory per flavour: make FLAVOUR=asan …
FLAVOUR ?=
# As many jobs as there are processors, if nobody says how many (make -j1).
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
B       := build$(if $(FLAVOUR),/$(FLAVOUR))

# System packages (Debian). Installed when something of them is missing; sudo
# only if not root.
BUILD_PACKAGES = gcc make pkg-config libev-dev libinih-dev
CHECK_PACKAGES = libcmocka-dev bats parallel python3 mandoc util-linux procps \
	tzdata strace e2fsprogs

flags.asan  = -fsanitize=address,undefined -fno-omit-frame-pointer \
	-fno-sanitize-recover=undefined
flags.ubsan = -fsanitize=undefined -fno-sanitize-recover=undefined
flags.cov   = --coverage -O0
FLAVOUR_FLAGS = $(flags.$(FLAVOUR))
# What nobody calls stays out of the binary, and so do tables for unwinding
# C++; debuggers have their own.
ifeq ($(FLAVOUR_FLAGS),)
SMALL_CFLAGS  = -ffunction-sections -fno-asynchronous-unwind-tables
SMALL_LDFLAGS = -Wl,--gc-sections
endif

OWN_CFLAGS = -std=c11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -Isrc \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings $(SMALL_CFLAGS) $(FLAVOUR_FLAGS)
# libev has no pkg-config file on Debian
OWN_LIBS = $(shell pkg-config --libs inih 2>/dev/null || echo -linih) -lev
OWN_LDFLAGS = $(SMALL_LDFLAGS) $(FLAVOUR_FLAGS)

SOURCES := $(wildcard src/*.c)
OBJECTS := $(SOURCES:src/%.c=$(B)/%.o)
LIBRARY := $(filter-out $(B)/main.o,$(OBJECTS))
UNIT    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*_test.c))

Q = $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)" $(2))

all: $(B)/durexec

$(B)/durexec: $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(OWN_LDFLAGS) $(LDFLAGS) -o $@ $^ $(OWN_LIBS)

# A change of flags or compiler rebuilds everything.
FLAGS_NOW = $(CC) $(CFLAGS) $(CPPFLAGS) $(OWN_CFLAGS) $(LDFLAGS)
$(B)/flags: FORCE
	$(Q)mkdir -p $(B)/unit
	$(Q)echo '$(subst ','\'',$(FLAGS_NOW))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(FLAGS_NOW))' >$@

$(B)/%.o: src/%.c $(B)/flags | tools
	$(call say,CC,$<)
	$(Q)$(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The shipped presets are inside the binary.
$(B)/presets.o: conf/presets.ini

# Test programs link the objects that ship.
$(B)/unit/%: tests/unit/%.c $(LIBRARY) $(B)/flags | check-tools
	$(call say,LD,$@)
	$(Q)$(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(OWN_LDFLAGS) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) $(OWN_LIBS) -lcmocka

# The bench writes states of a million tasks through the objects that ship.
$(B)/fill: tests/bench/fill.c $(LIBRARY) $(B)/flags
	$(call say,LD,$@)
	$(Q)$(CC) $(OWN_CFLAGS) $(CPPFLAGS) $(CFLAGS) $(OWN_LDFLAGS) \
		$(LDFLAGS) -MMD -MP -o $@ $< $(LIBRARY) $(OWN_LIBS)

-include $(OBJECTS:.o=.d) $(UNIT:=.d) $(B)/fill.d

# What a build needs; looked at once, installed only where it is missing.
tools:
	$(Q)sh tests/packages.sh $(BUILD_PACKAGES)

check-tools: tools
	$(Q)sh tests/packages.sh $(CHECK_PACKAGES)

check: check-tools $(B)/durexec $(UNIT)
	$(Q)sh tests/check.sh $(B)

# Supervision, the security rules, hostile names and planted links.
check-long: check-tools $(B)/durexec
	$(Q)ONLY=x- sh tests/check.sh $(B)

demo: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat conf/demo/packages)
	$(Q)bash conf/demo/run.sh $(abspath $(B)/durexec)

check-real: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat conf/demo/packages tests/real/packages)
	$(Q)bash tests/real/check-real.sh $(abspath $(B)/durexec)

check-presets: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat conf/demo/packages tests/real/packages)
	$(Q)bash tests/real/presets/run.sh $(abspath $(B)/durexec)

check-claude: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/claude/packages)
	$(Q)bash tests/claude/check-claude.sh $(abspath $(B)/durexec)

check-video: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/real/video/packages)
	$(Q)bash tests/real/video/run.sh $(abspath $(B)/durexec)

check-ebook: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/real/ebook/packages)
	$(Q)bash tests/real/ebook/check-ebook.sh $(abspath $(B)/durexec)

# How often it is killed at random.
NIGHTLY_ROUNDS ?= 200
check-nightly: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/real/nightly/packages)
	$(Q)bash tests/real/nightly/check-nightly.sh $(abspath $(B)/durexec) \
		$(NIGHTLY_ROUNDS)

check-cron: $(B)/durexec
	$(Q)bash tests/cron/check-cron.sh $(abspath $(B)/durexec)

check-contrib: $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/contrib/packages)
	$(Q)bash tests/contrib/check-contrib.sh $(abspath $(B)/durexec)

# Every way to break it that tests/README.md names; under 40 minutes.
torture: check-tools $(B)/durexec
	$(Q)sh tests/packages.sh $$(cat tests/crash/packages) clang \
		libclang-rt-14-dev
	$(Q)sh tests/crash/torture.sh $(B)

# What becomes of each quoted or observed failure: case, tool, exit, verdict.
cases: check-tools $(B)/unit/corpus_test
	$(Q)CORPUS_TABLE=1 $(B)/unit/corpus_test

bench: $(B)/durexec $(B)/fill
	$(Q)sh tests/packages.sh $$(cat tests/bench/packages)
	$(Q)bash tests/bench/bench.sh $(abspath $(B)/durexec) $(abspath $(B))

asan ubsan:
	$(Q)$(MAKE) --no-print-directory FLAVOUR=$@ check

# Compilers and checkers; nothing is run.
lint: tools
	$(Q)sh tests/packages.sh $$(cat tests/lint/packages)
	$(Q)sh tests/lint/lint.sh

valgrind: check-tools $(B)/durexec $(UNIT)
	$(Q)sh tests/packages.sh valgrind
	$(Q)bash tests/lint/valgrind.sh $(B)

coverage: check-tools
	$(Q)sh tests/lint/coverage.sh

FUZZ_SECONDS ?= 60
fuzz:
	$(Q)sh tests/packages.sh clang libclang-rt-14-dev $(BUILD_PACKAGES)
	$(Q)sh tests/fuzz/fuzz.sh $(FUZZ_SECONDS)

install: $(B)/durexec
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/doc/durexec
	install -m 755 $(B)/durexec $(DESTDIR)$(PREFIX)/bin/durexec
	install -m 644 src/durexec.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 src/durexec.ini.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 README.md conf/*.ini $(DESTDIR)$(PREFIX)/share/doc/durexec
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 contrib/completion/durexec.bash \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions/durexec
	install -m 644 contrib/completion/_durexec \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 contrib/completion/durexec.fish \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d

clean:
	rm -rf build

help:
	@echo "make              build $(B)/durexec"
	@echo "make demo         speech to video, on real tools (installs them)"
	@echo "make check        all tests of every day, under three minutes"
	@echo "make check-long   supervision, security, hostile names, links at every name"
	@echo "make check-real   the demo, chromium, WebDAV, with kills in between"
	@echo "make check-presets  the presets on real ffmpeg, curl, rclone, yt-dlp …"
	@echo "make check-claude the claude preset on the real command, on loopback"
	@echo "make check-video  conf/video.ini with limits, kills, a power cut"
	@echo "make check-ebook  conf/ebook.ini: kills, limits, chapters that are wrong"
	@echo "make check-nightly  conf/nightly.sh, killed at each step and 200 times"
	@echo "make check-cron   --cron under the real cron daemon, some minutes"
	@echo "make check-contrib  units, completion, syntax files, the skill"
	@echo "make torture      kills, failing calls, power cuts, soak, fuzz, planted bugs"
	@echo "make cases        the table of failures and what becomes of them"
	@echo "make bench        cost of a step beside make, ninja, parallel, xargs"
	@echo "make asan ubsan   the tests under sanitizers"
	@echo "make lint         gcc, clang, -fanalyzer, cppcheck, clang-tidy, shellcheck"
	@echo "make valgrind     the unit tests and a run;  make coverage"
	@echo "make fuzz         libFuzzer, FUZZ_SECONDS=$(FUZZ_SECONDS) each"
	@echo "make install      PREFIX=$(PREFIX), DESTDIR"
	@echo "make clean        V=1 shows commands; CC, CFLAGS, LDFLAGS are yours"

FORCE:
.PHONY: all tools check-tools check check-long demo check-real check-presets check-claude \
	check-video check-ebook check-nightly check-cron check-contrib torture cases bench \
	asan ubsan lint valgrind coverage fuzz install clean help FORCE
