# make [all] | demo | test | interop | lint | analyze | asan | fuzz | bench
#      man | install | uninstall | dist | deps | fmt | clean
# CFLAGS, CPPFLAGS, LDFLAGS, DESTDIR and PREFIX belong to whoever builds.
VERSION := $(shell cat VERSION)
PREFIX  ?= /usr/local
BUILD   ?= build
FUZZ_SECONDS ?= 30
CFLAGS  ?= -O2 -g
JOBS    ?= 2

PKGS        := jansson expat yaml-0.1 libcrypto p11-kit-1 zlib liblzma liblz4 libzstd
# Only headers: the library is loaded when the network is first used (scanner/net/http.c).
HEADER_PKGS := libcurl
WORKER_PKGS := $(PKGS) libseccomp yara
TEST_PKGS   := cmocka

# Libraries without a pkg-config file.
BARE_LIBS   := -lbz2

# Evaluated on use and then kept: `deps` may install the packages first.
pc    = $(if $(strip $(2)),$(shell pkg-config $(1) $(2)))
probe = $(if $(shell $(CC) -Werror $(1) -c -x c /dev/null -o /dev/null 2>&1),,$(1))

WARN := -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wformat=2 \
  -Wstrict-prototypes -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wvla -Wundef \
  -Wnull-dereference -Wimplicit-fallthrough -Werror=format-security $(if $(CI),-Werror) \
  $(foreach f,-Wduplicated-cond -Wlogical-op -Wtrampolines -Wbidi-chars=any,$(call probe,$f))
HARD := -fstack-protector-strong -fstack-clash-protection -fno-strict-aliasing \
  -fvisibility=hidden -fPIE $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3) \
  $(foreach f,-fcf-protection=full -mbranch-protection=standard \
    -ftrivial-auto-var-init=zero -fstrict-flex-arrays=3,$(call probe,$f))
LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed
INC  := -std=c11 -D_GNU_SOURCE -DASSAY_VERSION='"$(VERSION)"' -DASSAY_PREFIX='"$(PREFIX)"' \
  -Iscanner -I$(BUILD)/made -include core/banned.h -ffile-prefix-map=$(CURDIR)/=

SRC    := $(sort $(wildcard scanner/*/*.c scanner/*/*/*.c))
HDR    := $(sort $(wildcard scanner/*/*.h scanner/*/*/*.h))
OBJ     = $(SRC:%.c=$(BUILD)/%.o)
CLI     = $(filter $(BUILD)/scanner/cli/%,$(OBJ))
ZYGOTE  = $(BUILD)/scanner/worker/main.o
YARAC   = $(BUILD)/scanner/worker/yarac.o
YARA    = $(sort $(wildcard rules/yara/*.yar))
PACK    = $(BUILD)/share/rules/assay.yarc
LIB     = $(BUILD)/lib/libassay.a
PAGE    = $(patsubst scanner/%,$(BUILD)/made/%.inc,$(wildcard scanner/reports/html/page.*))
PROGRAMS = $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c tests/sandbox/*.c tests/oracle/*.c tests/net/*.c tests/pki/*.c tests/bench/*.c))
FUZZERS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAY  = $(FUZZERS:%=$(BUILD)/replay/%)
CC_OBJ  = $(CC) $(INC) $(call pc,--cflags,$(PKGS) $(HEADER_PKGS)) $(CPPFLAGS) $(WARN) $(HARD) $(CFLAGS) $(SAN) -MMD -MP -c

Q = $(if $(V),,@)
all: $(BUILD)/bin/assay $(BUILD)/bin/assay-worker $(PACK)

$(BUILD)/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC_OBJ) $< -o $@
$(LIB): $(filter-out $(CLI) $(ZYGOTE) $(YARAC),$(OBJ))
	@mkdir -p $(@D)
	@rm -f $@
	@echo '  AR  $@'
	$(Q)$(AR) rcsD $@ $^
$(BUILD)/bin/assay: $(CLI) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LINK) $(LDFLAGS) -o $@ $^ $(call pc,--libs,$(PKGS)) $(BARE_LIBS) -pthread
$(BUILD)/bin/assay-worker: $(ZYGOTE) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LINK) $(LDFLAGS) -o $@ $^ $(call pc,--libs,$(WORKER_PKGS)) $(BARE_LIBS)

# What the HTML report carries in itself: each line becomes a string of C.
$(PAGE): $(BUILD)/made/%.inc: scanner/%
	@mkdir -p $(@D)
	$(Q)sed -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n",/' $< > $@
$(BUILD)/scanner/reports/html/assets.o: $(PAGE)

# Byte rules are compiled here, so that starting a worker needs no compiler of rules.
$(BUILD)/tool/yarac: $(YARAC) $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CC) $(CFLAGS) $(SAN) $(LINK) $(LDFLAGS) -o $@ $^ $(call pc,--libs,$(WORKER_PKGS)) $(BARE_LIBS)
$(PACK): $(BUILD)/tool/yarac $(YARA)
	@mkdir -p $(@D)
	@echo '  YARA $@'
	$(Q)$(BUILD)/tool/yarac $@ $(YARA)

# Test programs: tests/KIND/NAME.c becomes build/KIND/NAME.
$(PROGRAMS): $(BUILD)/%: tests/%.c $(LIB)
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(INC) -Itests/unit $(call pc,--cflags,$(PKGS) $(TEST_PKGS)) $(CPPFLAGS) $(WARN) $(CFLAGS) $(SAN) -MMD -MP \
	  -o $@ $< $(LIB) $(WRAP) $(LDFLAGS) $(call pc,--libs,$(WORKER_PKGS) $(TEST_PKGS)) $(BARE_LIBS) -pthread
# The real zygote and sandbox around an inspector, and a verifier, that misbehave.
$(BUILD)/sandbox/worker_evil: WRAP = -Wl,--wrap=inspect_artifact -Wl,--wrap=verify_order_run
# Only there can a check of a signature be left out.
$(BUILD)/pki/verify_case: WRAP = -Wl,--wrap=signature_require
$(BUILD)/pki/manifest_case: WRAP = -Wl,--wrap=refuse

# The cache, killed at each system call that changes something.
$(BUILD)/unit/test_net_cache: WRAP = $(foreach call,openat write renameat unlinkat ftruncate,-Wl,--wrap=$(call))
# Names that libcurl looks up are answered by the program.
$(BUILD)/net/client: WRAP = -rdynamic

# A PKCS #11 module whose token is wrong in the way that a test asks for.
MODULE  = $(BUILD)/token/module.so
$(MODULE): tests/token/module.c
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(INC) $(call pc,--cflags,$(PKGS)) $(CPPFLAGS) $(WARN) $(CFLAGS) $(SAN) -MMD -MP \
	  -fPIC -shared -o $@ $< $(LDFLAGS) $(call pc,--libs,libcrypto)

# The fuzz targets without libFuzzer: they read the fixtures again in `make test`.
$(BUILD)/replay/%: tests/fuzz/%.c tests/fuzz/replay.c $(LIB)
	@mkdir -p $(@D)
	@echo '  CC  $<'
	$(Q)$(CC) $(INC) $(call pc,--cflags,$(PKGS)) $(CPPFLAGS) $(CFLAGS) $(SAN) -MMD -MP -MF $@.d \
	  -o $@ $< tests/fuzz/replay.c $(LIB) $(LDFLAGS) $(call pc,--libs,$(WORKER_PKGS)) $(BARE_LIBS) -pthread

# Manual pages and completions come from the program's own tables.
MAN    = man1/assay.1 man5/assay-policy.5 man5/assay-registries.5 man7/assay-rules.7
SHELLS = bash zsh fish
man: $(MAN:%=$(BUILD)/share/man/%) $(SHELLS:%=$(BUILD)/share/completion/%)
$(MAN:%=$(BUILD)/share/man/%): $(BUILD)/bin/assay docs/policy.md docs/registries.md $(wildcard docs/rules/*/*.md)
	@mkdir -p $(@D)
	@echo '  GEN $@'
	$(Q)$(BUILD)/bin/assay manual $(basename $(@F)) > $@
$(SHELLS:%=$(BUILD)/share/completion/%): $(BUILD)/bin/assay $(wildcard docs/rules/*/*.md)
	@mkdir -p $(@D)
	@echo '  GEN $@'
	$(Q)$(BUILD)/bin/assay completion $(@F) > $@

units: $(PROGRAMS) $(MODULE) $(REPLAY)
test: deps
	$(MAKE) --no-print-directory -j$(JOBS) all units
	BUILD=$(BUILD) tests/run
# Stores that real tools write, servers of registries filled by their own clients, and the
# unpicklers of other Pythons (STREAMS=N for more of them); from PyPI, npm and the Go proxy
# into $(BUILD)/interop and $(BUILD)/interop-go.  Ends with the table of docs/interop.md.
interop: deps
	$(MAKE) --no-print-directory -j$(JOBS) all $(BUILD)/oracle/imports
	BUILD=$(BUILD) tests/interop/run
asan:
	$(MAKE) BUILD=build-asan SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' test

# One libFuzzer binary for each tests/fuzz/fuzz_NAME.c, over one instrumented library.
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
build-fuzz/library: $(SRC) $(HDR) $(wildcard scanner/*/*.def scanner/*/*/*.def) Makefile
	$(MAKE) --no-print-directory CC=clang BUILD=build-fuzz CFLAGS='-g -O1' \
	  SAN='-fsanitize=fuzzer-no-link $(FUZZ_SAN)' build-fuzz/lib/libassay.a
	@touch $@
build-fuzz/fuzz_%: tests/fuzz/fuzz_%.c build-fuzz/library
	clang $(INC) $(call pc,--cflags,$(PKGS)) -g -O1 -fsanitize=fuzzer $(FUZZ_SAN) \
	  $< build-fuzz/lib/libassay.a -o $@ $(call pc,--libs,$(WORKER_PKGS)) $(BARE_LIBS) -pthread
fuzz: $(FUZZERS:%=build-fuzz/%)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

lint:
	@echo '  LINT'
	$(Q)clang-format-14 --dry-run -Werror $(SRC) $(HDR) $(wildcard tests/*/*.c tests/*/*.h)
	$(Q)tests/lint/run
# What a struct owns and its _free() gives back counts as lost; `make asan` finds real leaks.
GCC_CRIES_WOLF := -Wno-analyzer-malloc-leak
analyze: $(PAGE)
	clang-tidy-14 --quiet $(SRC) -- $(INC) $(call pc,--cflags,$(PKGS))
	cppcheck --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -q \
	  --suppressions-list=tests/lint/cppcheck -Iscanner scanner
	$(MAKE) CC=gcc BUILD=build-analyze CFLAGS='-O2 -fanalyzer $(GCC_CRIES_WOLF) -Werror' all
fmt:
	clang-format-14 -i $(SRC) $(HDR) $(wildcard tests/*/*.c tests/*/*.h)

deps:
	@.ci/deps

# Build, make the fixtures, and show the report of a malicious and of a clean model.
demo: deps
	$(MAKE) --no-print-directory -j$(JOBS) all
	@BUILD=$(BUILD) tests/demo

BENCH = yara_honest pickle_speed report_speed
bench: all $(BENCH:%=$(BUILD)/bench/%) $(BUILD)/pki/verify_case
	BUILD=$(BUILD) tests/bench/run
	BUILD=$(BUILD) tests/bench/origins
	BUILD=$(BUILD) tests/bench/reports
	BUILD=$(BUILD) tests/bench/signatures
	BUILD=$(BUILD) tests/bench/yara_corpus

SHARE         = $(DESTDIR)$(PREFIX)/share/assay
MANDIR        = $(DESTDIR)$(PREFIX)/share/man
COMPLETE_BASH = $(DESTDIR)$(PREFIX)/share/bash-completion/completions/assay
COMPLETE_ZSH  = $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_assay
COMPLETE_FISH = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/assay.fish
install: all man
	install -Dm755 $(BUILD)/bin/assay $(DESTDIR)$(PREFIX)/bin/assay
	install -Dm755 $(BUILD)/bin/assay-worker $(DESTDIR)$(PREFIX)/libexec/assay-worker
	install -Dm644 -t $(SHARE)/registries.d registries.d/*.json
	install -Dm644 -t $(SHARE)/rules/pickle rules/pickle/*.json
	install -Dm644 -t $(SHARE)/rules/trust rules/trust/*.json
	install -Dm644 -t $(SHARE)/rules $(PACK)
	install -Dm644 -t $(SHARE)/rules/sigstore rules/sigstore/*.json
	install -Dm644 -t $(SHARE)/docs docs/policy.md docs/registries.md
	for d in docs/rules/*/; do install -Dm644 -t $(SHARE)/$$d $$d*.md || exit 1; done
	for m in $(MAN); do install -Dm644 $(BUILD)/share/man/$$m $(MANDIR)/$$m || exit 1; done
	install -Dm644 $(BUILD)/share/completion/bash $(COMPLETE_BASH)
	install -Dm644 $(BUILD)/share/completion/zsh $(COMPLETE_ZSH)
	install -Dm644 $(BUILD)/share/completion/fish $(COMPLETE_FISH)
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/assay $(DESTDIR)$(PREFIX)/libexec/assay-worker
	rm -rf $(SHARE)
	for m in $(MAN); do rm -f $(MANDIR)/$$m; done
	rm -f $(COMPLETE_BASH) $(COMPLETE_ZSH) $(COMPLETE_FISH)
dist:
	@mkdir -p $(BUILD)
	git archive --prefix=assay-$(VERSION)/ -o $(BUILD)/assay-$(VERSION).tar.gz HEAD
	cd $(BUILD) && sha256sum assay-$(VERSION).tar.gz > assay-$(VERSION).tar.gz.sha256

clean:
	rm -rf build build-*
.PHONY: all man units demo test interop lint analyze asan fuzz bench fmt install uninstall dist deps clean
.DELETE_ON_ERROR:
-include $(OBJ:.o=.d) $(PROGRAMS:=.d) $(REPLAY:=.d)
