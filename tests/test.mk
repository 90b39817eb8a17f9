# SPDX-License-Identifier: MIT
# Testing: the work is in tools/run-tests.  ./setup comes first, and make runs
# anew below it, since this make read the compilers' paths before it.

MATRIX := $(B)/host/tests/sim/test_tcp_matrix

test: ## everything; last line: N passed, N failed, N skipped
	$(Q)./setup
	+$(Q)B=$(B) tools/run-tests all

check: ## the fast part: units, simulations, layers, format, static analysis
	$(Q)./setup
	+$(Q)B=$(B) tools/run-tests check

bench: ## boot time, sizes, memory, idle CPU, instructions, goodput
	$(Q)./setup
	+$(Q)$(MAKE) --no-print-directory test-images $(MATRIX)
	$(Q)B=$(B) tools/measure
	$(Q)SIM_MATRIX=table $(MATRIX) 2>&1 | grep -v '^\['
	$(Q)B=$(B) tools/instructions

prove: ## that tests catch mistakes: makes some in TCP, one at a time
	$(Q)./setup
	+$(Q)$(MAKE) --no-print-directory host-tests
	$(Q)B=$(B) tools/mutate

soak: ## every combination of machine, firmware and controller; long
	$(Q)./setup
	+$(Q)SOAK=1 B=$(B) tools/run-tests qemu

# What the boots in QEMU need.
test-images: $(B)/ringlet.elf $(B)/stick.fat $(B)/ringlet.img $(B)/ringlet.iso \
    $(B)/watch.so $(B)/count.so

$(B)/%.so: tests/qemu/%.c
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(WARN) -O2 -fPIC -shared $< -o $@

.PHONY: test check bench prove soak test-images
