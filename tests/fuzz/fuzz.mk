# SPDX-License-Identifier: MIT
# Fuzzing: tests/fuzz/fuzz_<name>.c becomes build/fuzz/<name>; its seeds are
# tests/fuzz/corpus/<name>/.  What a run finds new is kept below build/fuzz.
FUZZ_SECONDS := 60
FUZZ_SMOKE_SECONDS := 3
FUZZ := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZOBJ := $(HSRC:%.c=$(B)/fuzz/obj/%.o) $(HSUPPORT:%.c=$(B)/fuzz/obj/%.o)

$(B)/fuzz/obj/arch/host/%.o $(B)/fuzz/obj/tests/%.o \
    $(B)/fuzz/obj/hostlib/%.o: HOSTSYS := yes
$(B)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,FUZZCC,$<)
	$(Q)$(HOSTCC) $(HFLAGS) -fsanitize=fuzzer-no-link $(if $(HOSTSYS),-I., \
	    -nostdinc -isystem $(HOSTINC) -ffreestanding $(call inc,$<)) \
	    -MMD -MP -c $< -o $@

$(B)/fuzz/libringlet.a: $(FUZZOBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(FUZZ:%=$(B)/fuzz/%): $(B)/fuzz/%: $(B)/fuzz/obj/tests/fuzz/fuzz_%.o \
    $(B)/fuzz/libringlet.a
	$(call say,LINK,$@)
	$(Q)$(HOSTCC) $(SAN) -fsanitize=fuzzer $^ -o $@

# One after the other; the first that finds something ends the run, and the
# input that did it lies beside the program, named <name>-crash-...
run_fuzz = @set -e; for name in $(FUZZ); do \
	mkdir -p $(B)/fuzz/found/$$name; echo "  FUZZ   $$name, $(1) s"; \
	$(B)/fuzz/$$name -max_total_time=$(1) -timeout=30 -rss_limit_mb=1024 \
	    -artifact_prefix=$(B)/fuzz/$$name- -print_final_stats=1 \
	    $(2) $(B)/fuzz/found/$$name tests/fuzz/corpus/$$name \
	    >$(B)/fuzz/$$name.log 2>&1 || \
	    { tail -40 $(B)/fuzz/$$name.log; exit 1; }; \
	grep -h -e DONE -e executed $(B)/fuzz/$$name.log; done

fuzz: $(FUZZ:%=$(B)/fuzz/%) $(MATRIX) ## every parser, FUZZ_SECONDS=60 each; all wires
	$(call run_fuzz,$(FUZZ_SECONDS))
	$(Q)SIM_MATRIX=full $(MATRIX) >$(B)/fuzz/matrix.log 2>&1 || \
	    { tail -40 $(B)/fuzz/matrix.log; exit 1; }

# The seeds and a few seconds from a fixed start: part of `make check`.
fuzz-smoke: $(FUZZ:%=$(B)/fuzz/%)
	$(call run_fuzz,$(FUZZ_SMOKE_SECONDS),-seed=1)

.PHONY: fuzz fuzz-smoke
