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

# --- the UEFI loader -----------------------------------------------------
UEFISRC := $(wildcard boot/uefi/*.c)
UEFIOBJ := $(UEFISRC:%.c=$(B)/uefi/%.o)
UEFIFLAGS := $(WARN) -O2 -ffreestanding -fpic -fshort-wchar -mno-red-zone \
	-fno-stack-protector -fno-strict-aliasing -maccumulate-outgoing-args \
	-DGNU_EFI_USE_MS_ABI -isystem /usr/include/efi \
	-isystem /usr/include/efi/x86_64 -I.
GNUEFI := /usr/lib

$(B)/uefi/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(UEFIFLAGS) -MMD -MP -c $< -o $@

$(B)/uefi/loader.so: $(UEFIOBJ)
	$(call say,LINK,$@)
	$(Q)ld -nostdlib -shared -Bsymbolic -znocombreloc -znoexecstack \
	    --no-undefined -T $(GNUEFI)/elf_x86_64_efi.lds -L $(GNUEFI) \
	    $(GNUEFI)/crt0-efi-x86_64.o $^ -lefi -lgnuefi -o $@

$(B)/BOOTX64.EFI: $(B)/uefi/loader.so
	$(call say,EFI,$@)
	$(Q)objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic \
	    -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
	    --target efi-app-x86_64 --subsystem=10 $< $@

all: $(B)/BOOTX64.EFI

# --- the stick -----------------------------------------------------------
STICK ?= image/stick
SIZE ?= 16

# A new name whenever the tree or a variable changes, so that make notices.
STICKID := $(shell { echo "$(STICK)" "$(SIZE)"; find -L "$(STICK)" -type f \
	-printf '%p %s %T@\n' 2>/dev/null | sort; } | cksum | cut -d' ' -f1)

$(B)/stick.id.$(STICKID):
	@mkdir -p $(@D)
	$(Q)rm -f $(B)/stick.id.* && touch $@

$(B)/stick.fat: $(B)/BOOTX64.EFI $(B)/ringlet.elf image/mkstick image/fat.py \
    $(B)/stick.id.$(STICKID)
	$(call say,STICK,$@)
	$(Q)image/mkstick $@ "$(SIZE)" "$(STICK)" $(B)/BOOTX64.EFI \
	    $(B)/ringlet.elf

# GRUB is optional; a new name when it comes or goes, so that make notices.
GRUBID := $(if $(shell command -v grub-mkimage),grub,nogrub)

$(B)/stick.$(GRUBID):
	@mkdir -p $(@D)
	$(Q)rm -f $(B)/stick.grub $(B)/stick.nogrub && touch $@

$(B)/nogrub.bin: image/nogrub.asm
	$(call say,NASM,$<)
	$(Q)nasm -f bin $< -o $@

$(B)/ringlet.img: $(B)/stick.fat $(B)/nogrub.bin image/mkimage \
    $(B)/stick.$(GRUBID)
	$(call say,IMAGE,$@)
	$(Q)image/mkimage $@ $(B)/stick.fat $(B)/nogrub.bin
	$(Q)cd $(B) && sha256sum ringlet.img >ringlet.img.sha256

$(B)/ringlet.iso: $(B)/ringlet.img
	$(call say,IMAGE,$@)
	$(Q)image/mkimage --cd $@ $(B)/stick.fat $(B)/nogrub.bin >/dev/null

all: $(B)/ringlet.img $(B)/ringlet.iso
	@:

# --- QEMU ----------------------------------------------------------------
RUN = image/run.py BUILD="$(B)" BOOT="$(BOOT)" NET="$(NET)" MEM="$(MEM)" \
	HTTP="$(HTTP)" ECHO="$(ECHO)" ADMIN="$(ADMIN)" ACCEL="$(ACCEL)" \
	APPEND="$(APPEND)" SCREEN="$(SCREEN)"

# ./setup comes first, and make runs anew below it, as in tests/test.mk.
image: ## one stick image, build/ringlet.img; the same as a CD, ringlet.iso
	$(Q)./setup
	+$(Q)$(MAKE) --no-print-directory all

run: image ## boots the image in QEMU; Ctrl-A x leaves
	@$(RUN)

debug: image ## as run, but waits for gdb first
	@$(RUN) DEBUG=1

write: image ## DEV=/dev/sdX: writes and verifies a stick
	@image/write.py $(B)/ringlet.img $(DEV)

hwreport: ## HOST=address[:port]: a running machine's row for docs/HARDWARE.md
	@tools/hwreport $(HOST)

.PHONY: image run debug write hwreport

# Kernels for tests/qemu/test_crash.py, test_platform.py and test_watchdog.py.
test-images: $(B)/tests/crash.elf $(B)/tests/platform.elf $(B)/tests/hang.elf
