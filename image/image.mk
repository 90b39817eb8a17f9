# SPDX-License-Identifier: MIT
# The kernel's link, the UEFI loader, the stick image, and QEMU.

# --- the kernel ----------------------------------------------------------
$(B)/ringlet.elf: $(KOBJ) arch/x86_64/kernel.ld image/link-kernel \
    image/ksyms.awk
	$(call say,LINK,$@)
	$(Q)CC=$(CC) image/link-kernel $@ $(@:.elf=.debug) $(filter %.o,$^)
$(B)/ringlet.debug: $(B)/ringlet.elf ;

# Kernels for tests: another kernel_main on the same machine.
$(B)/tests/%.elf: $(B)/kernel/tests/kernel/%.o \
    $(filter-out %/boot/main.o,$(KOBJ)) arch/x86_64/kernel.ld
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)CC=$(CC) image/link-kernel $@ $(@:.elf=.debug) $(filter %.o,$^)

all: $(B)/ringlet.elf
