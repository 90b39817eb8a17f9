# SPDX-License-Identifier: MIT
# The kernel's links, the UEFI loader, the stick image, and QEMU.
KLD := $(CC) -nostdlib -static -no-pie -Wl,-T,arch/x86_64/kernel.ld \
	-Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--gc-sections \
	-Wl,--build-id=none -Wl,--no-warn-rwx-segments

# Linked twice: the first link's symbols become the second one's table.
$(B)/kernel/empty-ksyms.S: image/ksyms.awk
	@mkdir -p $(@D)
	$(Q)awk -f image/ksyms.awk </dev/null >$@
$(B)/kernel/ksyms.S: $(B)/kernel/first.elf image/ksyms.awk
	$(Q)nm -n $< | awk -f image/ksyms.awk >$@
$(B)/kernel/%ksyms.o: $(B)/kernel/%ksyms.S
	$(Q)$(CC) -c $< -o $@
$(B)/kernel/first.elf: $(B)/kernel/empty-ksyms.o
$(B)/ringlet.debug: $(B)/kernel/ksyms.o
$(B)/kernel/first.elf $(B)/ringlet.debug: $(KOBJ) arch/x86_64/kernel.ld
	$(call say,LINK,$@)
	$(Q)$(KLD) $(filter %.o,$^) -o $@
$(B)/ringlet.elf: $(B)/ringlet.debug
	$(call say,STRIP,$@)
	$(Q)objcopy --strip-all $< $@

all: $(B)/ringlet.elf
