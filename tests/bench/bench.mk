# The benchmark's programs, built as the library is: same compiler, same CFLAGS. Peers are built where they are installed.
OWN_bench := -std=gnu11 $(WARN) -Iinclude -iquote lib -iquote tests -iquote tests/bench -MMD -MP
BENCH_BIN := $(addprefix $(B)/bench/,gen floor tcptale two warm)
bench_objects = $(addprefix $(B)/bench/,$(addsuffix .o,$(1)))

$(B)/bench/%.o: tests/bench/%.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_bench) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/bench/build.o: tests/build.c $(B)/flags
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(OWN_bench) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/bench/gen: $(call bench_objects,gen plan dialog delay pcap_out words build)
$(B)/bench/floor: $(call bench_objects,floor floor_table trace tally words)
$(B)/bench/tcptale: $(call bench_objects,tcptale trace tally words) $(B)/libtcptale.a
$(B)/bench/two: $(call bench_objects,two trace words) $(B)/libtcptale.a
$(B)/bench/warm: $(call bench_objects,warm trace words)

$(BENCH_BIN):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -pthread

$(B)/bench/libnids: $(call bench_objects,peer_libnids trace tally words)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lnids -lpcap -lnet -lglib-2.0 -lgthread-2.0

$(B)/bench/libtins: tests/bench/peer_libtins.cpp $(call bench_objects,trace tally words)
	$(call say,CXX,$@)
	$(Q)$(CXX) -std=c++17 -Wall -Wextra -Iinclude -iquote tests/bench $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ltins

GOCODE ?= /usr/share/gocode
$(B)/bench/gopacket: $(wildcard tests/bench/gopacket/*.go)
	$(call say,GO,$@)
	$(Q)cd tests/bench/gopacket && GO111MODULE=off GOPATH='$(GOCODE)' go build -o '$(abspath $@)' .

has_header = $(shell echo '#include <$(1)>' | $(CXX) $(CPPFLAGS) -E -x c++ - >/dev/null 2>&1 && echo yes)
PEERS = $(if $(call has_header,nids.h),libnids) $(if $(call has_header,tins/tins.h),libtins) \
  $(if $(shell command -v go),$(if $(wildcard $(GOCODE)/src/github.com/google/gopacket/tcpassembly),gopacket))

bench-programs: $(BENCH_BIN)
bench-peers: bench-programs
	$(Q)$(foreach peer,$(filter-out $(PEERS),libnids libtins gopacket),echo 'left out, not installed: $(peer)';)
	+$(Q)$(MAKE) --no-print-directory $(addprefix $(B)/bench/,$(PEERS))
bench: ## how fast it is, against floors and peers; BENCH='W2 W4' ROUNDS=3 takes a part
	+$(Q)tests/bench/run --build '$(B)' --rounds $(or $(ROUNDS),5) $(BENCH)
bench-deps: ## install the peers, where apt has them
	$(Q)tests/checks/deps.sh bench

-include $(wildcard $(B)/bench/*.d)
.PHONY: bench bench-programs bench-peers bench-deps
