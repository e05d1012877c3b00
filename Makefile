# libtcptale. `make help` lists the targets. Building needs a C11 compiler and make, nothing else.
CC ?= cc
CXX ?= c++
AR ?= ar
CFLAGS ?= -O2 -g
CPPFLAGS ?=
LDFLAGS ?=
PREFIX ?= /usr/local
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR ?= $(PREFIX)/lib
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
DESTDIR ?=
FILTER ?= *
CAPTURES ?= ../shared/captures
B := build

# The version stands in one place, base.h. SONAME changes only when the ABI breaks.
base_number = $(shell sed -n 's/^.define TCPTALE_VERSION_$(1) *//p' include/tcptale/base.h)
VERSION := $(call base_number,MAJOR).$(call base_number,MINOR).$(call base_number,PATCH)
SONAME := libtcptale.so.1
SOFILE := $(SONAME).$(VERSION)

# Our own flags; CFLAGS, CPPFLAGS and LDFLAGS are the user's and come after them.
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
        -Wswitch-enum -Wvla -Wundef $(if $(WERROR),-Werror)
OWN := -std=c11 $(WARN) -Iinclude -MMD -MP
OWN_lib := $(OWN) -fvisibility=hidden -fPIC
OWN_examples := $(OWN) -iquote examples
OWN_tests := -std=gnu11 $(WARN) -Iinclude -iquote lib -iquote examples -iquote tests -MMD -MP

LIB_SRC := $(sort $(wildcard lib/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
# Examples: those with a main, by name; every other examples/*.c is shared by all of them.
MAINS := minimal dump tale events conns follow sentry
PROGRAMS := $(patsubst examples/%.c,%,$(wildcard $(MAINS:%=examples/%.c)))
EX_BIN := $(PROGRAMS:%=$(B)/examples/%)
EX_SHARED := $(patsubst %.c,$(B)/%.o,$(filter-out $(MAINS:%=examples/%.c),$(sort $(wildcard examples/*.c))))
TEST_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/*.c)))
# Public headers are aligned by hand: they are read, not skimmed.
SOURCES := $(wildcard lib/*.[ch] examples/*.[ch] tests/*.[ch] tests/bench/*.[ch])
OBJECTS := $(LIB_OBJ) $(EX_SHARED) $(EX_BIN:%=%.o) $(TEST_OBJ)

ifeq ($(V),1)
  Q :=
else
  Q := @
  say = @printf '  %-8s %s\n' '$(1)' '$(2)';
endif

all: static shared examples ## the libraries and the examples
static: $(B)/libtcptale.a ## build/libtcptale.a
shared: $(B)/libtcptale.so ## build/libtcptale.so, with its soname links
examples: $(EX_BIN) ## build/examples/NAME

$(B)/libtcptale.a: $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $(LIB_OBJ)

$(B)/$(SOFILE): $(LIB_OBJ) lib/tcptale.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=lib/tcptale.map -Wl,-z,defs \
	  -Wl,-Bsymbolic-functions $(CFLAGS) $(LDFLAGS) -o $@ $(LIB_OBJ)

$(B)/libtcptale.so: $(B)/$(SOFILE)
	$(Q)ln -sf $(SOFILE) $(B)/$(SONAME) && ln -sf $(SONAME) $@

$(EX_BIN): %: %.o $(EX_SHARED) $(B)/libtcptale.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $< $(EX_SHARED) $(B)/libtcptale.a

$(B)/lib/%.o: lib/%.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_lib) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/examples/%.o: examples/%.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_examples) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/tests/%.o: tests/%.c $(B)/flags $(B)/criterion
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_tests) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# Objects are made anew when the compiler or the flags change.
FLAGS := $(CC) $(OWN) $(CPPFLAGS) $(CFLAGS)
$(B)/flags: force
	@mkdir -p $(@D); printf '%s\n' '$(FLAGS)' | cmp -s - $@ || printf '%s\n' '$(FLAGS)' > $@

test: $(B)/tests/run ## run the tests; FILTER='suite/name' takes a pattern
	$(Q)$(B)/tests/run --filter '$(if $(findstring /,$(FILTER)),$(FILTER),$(FILTER)/*)'

$(B)/tests/run: $(TEST_OBJ) $(EX_SHARED) $(B)/libtcptale.a
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(TEST_OBJ) $(EX_SHARED) $(B)/libtcptale.a -lcriterion

$(B)/criterion: $(if $(filter deps,$(MAKECMDGOALS)),| deps)
	$(Q)mkdir -p $(@D); echo '#include <criterion/criterion.h>' | $(CC) $(CPPFLAGS) $(CFLAGS) -E - >$@ 2>&1 \
	  || { rm -f $@; echo "The tests need Criterion: 'make deps' installs it, or says how." >&2; exit 1; }

deps: ## install what the tests need
	$(Q)tests/checks/deps.sh test

demo: all ## tell the tale of tests/data/seed.pcap
	$(Q)$(B)/examples/$(firstword $(filter tale,$(PROGRAMS)) dump) tests/data/seed.pcap

# Checks. Each script says in its first lines what it proves.
check = $(Q)B='$(B)' CC='$(CC)' CXX='$(CXX)' MAKE='$(MAKE)' VERSION='$(VERSION)' CAPTURES='$(CAPTURES)' sh tests/checks/$(1)
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

check-sanitize: ## all tests under the address and undefined-behaviour sanitizers
	$(Q)ASAN_OPTIONS=$${ASAN_OPTIONS-detect_stack_use_after_return=1} $(MAKE) --no-print-directory \
	  B=build/sanitize CFLAGS='$(SANITIZE)' test examples
check-valgrind: $(B)/tests/run ## all tests under valgrind
	$(call check,valgrind.sh)
check-clang: ## the whole build with clang, warnings are errors
	$(Q)$(MAKE) --no-print-directory B=build/clang CC=clang WERROR=1 all build/clang/tests/run
check-headers: ## each public header compiles alone, as C11 and C++17
	$(call check,headers.sh)
check-layers: ## every file of lib/ includes lower floors only
	$(call check,layers.sh)
check-symbols: static shared ## headers, map and library name the same symbols; imports; no mutable data
	$(call check,symbols.sh)
check-install: all ## install, build clients against it, run them, uninstall, nothing is left
	+$(call check,install.sh)
check-direct: ## a plain cc builds the library, each file alone and all at once
	$(call check,direct.sh)
check-examples: examples shared ## what the example programs print
	$(call check,each.sh) tests/examples
check-bench: bench-programs ## what the benchmark's traces hold is heard, nothing is timed
	$(call check,bench.sh)
check-captures: examples ## real captures against their references (CAPTURES=folder)
	$(call check,each.sh) tests/captures
check-format: ## every source is formatted as .clang-format says, and no line is longer, comments included
	$(Q)clang-format --dry-run -Werror $(SOURCES)
	$(Q)awk 'length > 100 { print FILENAME ":" FNR " is too long"; bad = 1 } END { exit bad }' $(SOURCES) include/*.h include/*/*.h
format: ## format every source
	$(Q)clang-format -i $(SOURCES)
coverage: ## line coverage of lib/ by the tests
	$(Q)$(MAKE) --no-print-directory B=build/coverage CFLAGS='-O0 -g --coverage' test
	$(call check,coverage.sh)

include tests/bench/bench.mk

HEADERS := $(patsubst include/%,%,$(wildcard include/*.h include/tcptale/*.h))
install: static shared ## into DESTDIR and PREFIX
	$(Q)install -d '$(DESTDIR)$(INCLUDEDIR)/tcptale' '$(DESTDIR)$(LIBDIR)' '$(DESTDIR)$(PKGCONFIGDIR)'
	$(Q)for h in $(HEADERS); do install -m 644 include/$$h '$(DESTDIR)$(INCLUDEDIR)/'$$h || exit 1; done
	$(Q)install -m 644 $(B)/libtcptale.a '$(DESTDIR)$(LIBDIR)/'
	$(Q)install -m 755 $(B)/$(SOFILE) '$(DESTDIR)$(LIBDIR)/'
	$(Q)ln -sf $(SOFILE) '$(DESTDIR)$(LIBDIR)/$(SONAME)' && ln -sf $(SONAME) '$(DESTDIR)$(LIBDIR)/libtcptale.so'
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	  -e 's|@VERSION@|$(VERSION)|' pkgconfig/tcptale.pc.in > '$(DESTDIR)$(PKGCONFIGDIR)/tcptale.pc'
	$(Q)chmod 644 '$(DESTDIR)$(PKGCONFIGDIR)/tcptale.pc'

uninstall: ## remove what install put there
	$(Q)for h in $(HEADERS); do rm -f '$(DESTDIR)$(INCLUDEDIR)/'$$h; done
	$(Q)rm -f '$(DESTDIR)$(LIBDIR)/libtcptale.a' '$(DESTDIR)$(LIBDIR)/libtcptale.so' \
	  '$(DESTDIR)$(LIBDIR)/$(SONAME)' '$(DESTDIR)$(LIBDIR)/$(SOFILE)' '$(DESTDIR)$(PKGCONFIGDIR)/tcptale.pc'
	$(Q)rmdir '$(DESTDIR)$(INCLUDEDIR)/tcptale' 2>/dev/null || true

dist: ## build/tcptale-VERSION.tar.gz of the last commit
	$(Q)mkdir -p $(B) && git archive --prefix=tcptale-$(VERSION)/ -o $(B)/tcptale-$(VERSION).tar.gz HEAD

clean: ## remove build/
	$(Q)rm -rf $(B)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile tests/bench/bench.mk | awk -F'|' '{ printf "  %-16s %s\n", $$1, $$2 }'
	@echo "Variables: CC CXX AR CFLAGS CPPFLAGS LDFLAGS PREFIX INCLUDEDIR LIBDIR PKGCONFIGDIR DESTDIR"
	@echo "           V=1 (whole commands) WERROR=1 FILTER=pattern CAPTURES=folder"
	@echo "           BENCH='W2 W4' ROUNDS=3 (of bench)"

force:
.DELETE_ON_ERROR:
.SECONDARY: $(OBJECTS)
.PHONY: all static shared examples test deps demo check-sanitize check-valgrind check-clang \
  check-headers check-layers check-symbols check-install check-direct check-examples check-captures \
  check-bench check-format format coverage install uninstall dist clean help force

-include $(OBJECTS:.o=.d)
