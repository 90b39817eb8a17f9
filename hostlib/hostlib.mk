# SPDX-License-Identifier: MIT
# The stack as a shared library for other programs: the sources of the host
# build, without sanitizers, and only ringlet_* to be seen.
SOSRC := $(filter-out apps/% drivers/% boot/%,$(HSRC)) hostlib/no_sanitizer.c
SOOBJ := $(SOSRC:%.c=$(B)/so/%.o)
SOFLAGS := $(filter-out $(SAN) -O1,$(HFLAGS)) -O2 -fPIC

host-lib: $(B)/host/libringlet.so ## the TCP/IP stack as a library (hostlib/ringlet.h)
	@echo "$< with hostlib/ringlet.h"

$(B)/so/arch/host/%.o $(B)/so/hostlib/%.o: HOSTSYS := yes
$(B)/so/%.o: %.c
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)
	$(Q)$(HOSTCC) $(SOFLAGS) $(if $(HOSTSYS),-I.,-nostdinc -isystem \
	    $(HOSTINC) -ffreestanding $(call inc,$<)) -MMD -MP -c $< -o $@

$(B)/host/libringlet.so: $(SOOBJ) hostlib/ringlet.map
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(HOSTCC) -shared -Wl,-soname,libringlet.so -Wl,-z,defs \
	    -Wl,--version-script=hostlib/ringlet.map $(SOOBJ) -o $@

.PHONY: host-lib
