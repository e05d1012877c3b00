# The benchmark's programs, built as the library is: same compiler, same CFLAGS.
OWN_bench := -std=gnu11 $(WARN) -Iinclude -iquote lib -iquote tests -iquote tests/bench -MMD -MP
BENCH_BIN := $(addprefix $(B)/bench/,gen floor tcptale warm)
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
$(B)/bench/warm: $(call bench_objects,warm trace words)

$(BENCH_BIN):
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

bench-programs: $(BENCH_BIN)
bench: ## how fast it is, against floors and peers; BENCH='W2 W4' ROUNDS=3 takes a part
	+$(Q)tests/bench/run --build '$(B)' --rounds $(or $(ROUNDS),5) $(BENCH)

-include $(wildcard $(B)/bench/*.d)
.PHONY: bench bench-programs
