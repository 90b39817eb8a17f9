# Ringlet.  `make help` lists the targets; the variables are
#   BOOT=uefi|bios|pvh  NET=user|tap=IFNAME[,...]  MEM=128  ACCEL=tcg|kvm
#   HTTP=8080 ECHO=8007 ADMIN=8139  SCREEN=1  APPEND="key=value ..."
#   STICK=folder  SIZE=MiB  DEV=/dev/sdX  FUZZ_SECONDS=60  V=1
.DEFAULT_GOAL := all
Q := $(if $(V),,@)
B := build
say = @printf '  %-6s %s\n' $(1) $(2)

CC := gcc
HOSTCC := clang
GCCINC := $(shell $(CC) -print-file-name=include)
HOSTINC := $(shell $(HOSTCC) -print-file-name=include)
WARN := -std=gnu11 -Wall -Wextra -Werror -Wshadow -Wmissing-prototypes -Wvla \
	-Wno-unused-parameter -Wno-sign-compare

# --- the kernel ----------------------------------------------------------
KDIRS := lib sched net drivers posix apps boot arch/x86_64
KSRC := $(foreach d,$(KDIRS),$(wildcard $(d)/*.c))
KASM := $(wildcard arch/x86_64/*.asm)
KOBJ := $(KSRC:%.c=$(B)/kernel/%.o) $(KASM:%.asm=$(B)/kernel/%.asm.o)
KFLAGS := $(WARN) -O2 -g -ffreestanding -fno-pic -fno-pie -mcmodel=kernel \
	-mgeneral-regs-only -mno-red-zone -fno-omit-frame-pointer \
	-fno-asynchronous-unwind-tables -fstack-protector-strong \
	-mstack-protector-guard=global -fno-strict-aliasing \
	-ffunction-sections -fdata-sections -nostdinc -isystem $(GCCINC)

# --- the same sources in a process ---------------------------------------
HDIRS := lib sched net drivers posix apps arch/host hostlib
HSRC := $(foreach d,$(HDIRS),$(wildcard $(d)/*.c)) boot/settings.c boot/multiboot2.c \
	arch/x86_64/memmap.c arch/x86_64/rtc.c arch/x86_64/acpi.c \
	arch/x86_64/irqlines.c arch/x86_64/acpi_s5.c arch/x86_64/acpi_reg.c \
	arch/x86_64/reset.c arch/x86_64/power.c boot/supervise.c \
	arch/x86_64/smbios.c arch/x86_64/keep.c boot/uefi/pixels.c
HSRC := $(filter-out hostlib/no_sanitizer.c,$(HSRC))
HOBJ := $(HSRC:%.c=$(B)/host/%.o)
SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
HFLAGS := $(WARN) -O1 -g -fno-omit-frame-pointer -fno-strict-aliasing \
	-DRINGLET_HOST $(SAN)
HTEST := $(wildcard tests/unit/*/test_*.c) $(wildcard tests/sim/test_*.c) \
	$(wildcard tests/script/test_*.c)
HTESTBIN := $(HTEST:%.c=$(B)/host/%)
HSUPPORT := $(filter-out $(HTEST),$(wildcard tests/sim/*.c tests/script/*.c \
	tests/support/*.c))

# Applications see include/ alone; so a forbidden include does not compile.
INC_apps := -Iinclude
INC_posix := -I. -Iinclude
INC_tests := -I. -Iinclude
inc = $(or $(INC_$(firstword $(subst /, ,$(1)))),-I.)

include image/image.mk tests/test.mk tests/fuzz/fuzz.mk hostlib/hostlib.mk

$(B)/kernel/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(KFLAGS) $(call inc,$<) -MMD -MP -c $< -o $@

$(B)/kernel/%.asm.o: %.asm
	@mkdir -p $(@D)
	$(call say,NASM,$<)
	$(Q)nasm -f elf64 -g -I arch/x86_64/ -MD $(@:.o=.d) -MP $< -o $@

$(B)/host/arch/host/%.o $(B)/host/tests/%.o $(B)/host/hostlib/%.o: \
    HOSTSYS := yes
$(B)/host/%.o: %.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(HFLAGS) $(if $(HOSTSYS),-I.,-nostdinc -isystem \
	    $(HOSTINC) -ffreestanding $(call inc,$<)) -MMD -MP -c $< -o $@

$(B)/host/libringlet.a: $(HOBJ) $(HSUPPORT:%.c=$(B)/host/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(HTESTBIN): $(B)/host/%: $(B)/host/%.o $(B)/host/libringlet.a
	$(call say,LINK,$@)
	$(Q)$(HOSTCC) $(SAN) $^ -lcmocka -o $@

host-tests: $(HTESTBIN)
.PHONY: all clean help host-tests
.SECONDARY:

clean: ## removes all that was built
	rm -rf $(B)

help: ## this list
	@sed -n '1,4s/^# *//p' Makefile
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | \
	    awk -F'|' '{ printf "  make %-8s %s\n", $$1, $$2 }'

-include $(shell find $(B) -name '*.d' 2>/dev/null)
