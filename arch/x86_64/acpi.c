/* SPDX-License-Identifier: MIT */
/*
 * ACPI 6.4 chapter 5.  Read from the end: acpi_read, then the root tables, then
 * each table's own function.  Nothing here trusts a length or an offset that it
 * has not compared with what it was given.
 */
#include "arch/x86_64/acpi.h"

#include <stddef.h>

#include "lib/bytes.h"
#include "lib/string.h"

#define BDA_EBDA_SEGMENT 0x40eull
#define EBDA_LOWEST      0x80000ull
#define EBDA_SEARCH      1024ull
#define BIOS_START       0xe0000ull
#define BIOS_BYTES       0x20000ull
#define RSDP_ALIGN       16u

#define RSDP_BYTES   20u /* ACPI 1.0 */
#define RSDP_BYTES_2 36u
#define HEADER_BYTES 36u
#define TABLE_MAX    0x100000u
#define TABLES_MAX   256u

#define FADT_BYTES_1  116u
#define MADT_BYTES    44u
#define HPET_BYTES    56u
#define MCFG_BYTES    44u
#define MCFG_ENTRY    16u
#define GAS_BYTES     12u
#define BUS_CFG_BYTES 0x100000ull

#define MADT_PCAT_COMPAT  1u
#define MADT_CPU_ENABLED  1u
#define MADT_ALL_CPUS     0xffu
#define MADT_ALL_CPUS_X2  0xffffffffu
#define FADT_RESET_REG    (1u << 10)
#define FADT_NO_BUTTON    (1u << 4) /* PWR_BUTTON: it is in AML, or none */
#define FADT_TIMER_32     (1u << 8)
#define FADT_HW_REDUCED   (1u << 20)
#define PM1_CONTROL_WIDTH 16u

enum madt_entry {
	MADT_LAPIC = 0,
	MADT_IOAPIC = 1,
	MADT_OVERRIDE = 2,
	MADT_LAPIC_NMI = 4,
	MADT_LAPIC_ADDRESS = 5,
	MADT_X2APIC = 9,
	MADT_X2APIC_NMI = 10
};

struct reader {
	struct acpi_facts *out;
	acpi_view *view;
	void *ctx;
};

/* A table whose header, length and checksum are sound. */
struct table {
	const uint8_t *data;
	uint32_t len;
};

static uint64_t le64_at(const uint8_t *p)
{
	return le32_at(p) | (uint64_t)le32_at(p + 4) << 32;
}

static bool sum_is_zero(const uint8_t *p, uint32_t len)
{
	uint8_t sum = 0;

	for (uint32_t i = 0; i < len; i++)
		sum = (uint8_t)(sum + p[i]);
	return sum == 0;
}

/* --- The root pointer ---------------------------------------------------- */

static bool is_rsdp(const uint8_t *p)
{
	return memcmp(p, "RSD PTR ", 8) == 0 && sum_is_zero(p, RSDP_BYTES);
}

static uint64_t search(uint64_t base, uint64_t len, acpi_view *view, void *ctx)
{
	const uint8_t *p = view(base, len, ctx);

	for (uint64_t at = 0; p && at + RSDP_BYTES <= len; at += RSDP_ALIGN)
		if (is_rsdp(p + at))
			return base + at;
	return 0;
}

uint64_t acpi_find_root(acpi_view *view, void *ctx)
{
	const uint8_t *bda = view(BDA_EBDA_SEGMENT, 2, ctx);
	uint64_t ebda = bda ? (uint64_t)le16_at(bda) << 4 : 0;
	uint64_t found = 0;

	if (ebda >= EBDA_LOWEST && ebda + EBDA_SEARCH <= BIOS_START)
		found = search(ebda, EBDA_SEARCH, view, ctx);
	return found ? found : search(BIOS_START, BIOS_BYTES, view, ctx);
}

/* --- Tables -------------------------------------------------------------- */

static bool has_signature(const struct table *t, const char *signature)
{
	return memcmp(t->data, signature, 4) == 0;
}

/* Finds the table at an address.  Returns false, and counts it, when it is not
 * one. */
static bool open_table(struct reader *r, uint64_t address, struct table *t)
{
	const uint8_t *header = NULL;

	if (address != 0)
		header = r->view(address, HEADER_BYTES, r->ctx);
	if (header) {
		t->len = le32_at(header + 4);
		t->data = NULL;
		if (t->len >= HEADER_BYTES && t->len <= TABLE_MAX)
			t->data = r->view(address, t->len, r->ctx);
		if (t->data && sum_is_zero(t->data, t->len))
			return true;
	}
	r->out->broken++;
	return false;
}

/* --- The MADT: interrupt controllers ------------------------------------- */

/* The bits of an interrupt's flags; 2 is reserved in both fields. */
static void set_flags(struct acpi_isa_line *l, uint16_t flags)
{
	if ((flags & 3) == 1)
		l->polarity = ACPI_POLARITY_HIGH;
	else if ((flags & 3) == 3)
		l->polarity = ACPI_POLARITY_LOW;
	if ((flags >> 2 & 3) == 1)
		l->trigger = ACPI_TRIGGER_EDGE;
	else if ((flags >> 2 & 3) == 3)
		l->trigger = ACPI_TRIGGER_LEVEL;
}

static void add_ioapic(struct acpi_facts *f, const uint8_t *e)
{
	struct acpi_ioapic io = { .id = e[2],
		.address = le32_at(e + 4),
		.gsi_base = le32_at(e + 8) };

	if (io.address == 0 || f->ioapic_count == ACPI_IOAPICS_MAX)
		return;
	f->ioapic[f->ioapic_count++] = io;
}

static void add_override(struct acpi_facts *f, const uint8_t *e)
{
	uint8_t bus = e[2], source = e[3];

	if (bus != 0 || source >= ACPI_ISA_LINES)
		return;
	f->isa[source] = (struct acpi_isa_line){
		.gsi = le32_at(e + 4),
		.overridden = true,
	};
	set_flags(&f->isa[source], le16_at(e + 8));
}

static void add_cpu(struct acpi_facts *f, uint32_t flags)
{
	if (flags & MADT_CPU_ENABLED)
		f->cpus++;
}

static void madt_entry(struct acpi_facts *f, const uint8_t *e, uint8_t len)
{
	uint8_t type = e[0];

	if (type == MADT_LAPIC && len >= 8)
		add_cpu(f, le32_at(e + 4));
	else if (type == MADT_X2APIC && len >= 16)
		add_cpu(f, le32_at(e + 8));
	else if (type == MADT_IOAPIC && len >= 12)
		add_ioapic(f, e);
	else if (type == MADT_OVERRIDE && len >= 10)
		add_override(f, e);
	else if (type == MADT_LAPIC_ADDRESS && len >= 12)
		f->lapic_address = le64_at(e + 4);
	else if (type == MADT_LAPIC_NMI && len >= 6 && e[2] == MADT_ALL_CPUS)
		f->nmi_lint = e[5] & 1;
	else if (type == MADT_X2APIC_NMI && len >= 12 &&
	         le32_at(e + 4) == MADT_ALL_CPUS_X2)
		f->nmi_lint = e[8] & 1;
}

static void read_madt(struct acpi_facts *f, const struct table *t)
{
	uint32_t at = MADT_BYTES;

	if (t->len < MADT_BYTES || f->has_madt)
		return;
	f->has_madt = true;
	f->lapic_address = le32_at(t->data + 36);
	f->has_8259 = le32_at(t->data + 40) & MADT_PCAT_COMPAT;
	while (at + 2 <= t->len) {
		uint8_t len = t->data[at + 1];

		if (len < 2 || len > t->len - at)
			break;
		madt_entry(f, t->data + at, len);
		at += len;
	}
}

/* --- The FADT: fixed hardware -------------------------------------------- */

/* Fields behind the table's end read as zero: so they did in older versions. */
static uint32_t fadt32(const struct table *t, uint32_t at)
{
	return at + 4 <= t->len ? le32_at(t->data + at) : 0;
}

static struct acpi_register gas_at(const struct table *t, uint32_t at)
{
	if (at + GAS_BYTES > t->len)
		return (struct acpi_register){ 0 };
	return (struct acpi_register){
		.space = t->data[at],
		.width = t->data[at + 1],
		.address = le64_at(t->data + at + 4),
	};
}

/* A register that ACPI 1.0 gave as a port, and later ones as an address too,
 * which wins when it is set. */
static struct acpi_register either(
    const struct table *t, uint32_t port_at, uint32_t gas)
{
	struct acpi_register r = gas_at(t, gas);
	uint32_t port = fadt32(t, port_at);

	if (r.address != 0 && r.space <= ACPI_SPACE_IO)
		return r;
	return (struct acpi_register){ port, ACPI_SPACE_IO, PM1_CONTROL_WIDTH };
}

static void read_timer(struct acpi_facts *f, const struct table *t)
{
	struct acpi_register r = either(t, 76, 208);

	if (r.space == ACPI_SPACE_IO && r.address <= 0xffff - 3)
		f->pm_timer = (uint16_t)r.address;
	f->pm_timer_32_bits = fadt32(t, 112) & FADT_TIMER_32;
}

static void read_fadt(struct acpi_facts *f, const struct table *t)
{
	uint32_t flags = fadt32(t, 112);

	if (t->len < FADT_BYTES_1 || f->has_fadt)
		return;
	f->has_fadt = true;
	f->fadt_revision = t->data[8];
	f->sci = le16_at(t->data + 46);
	f->smi_command = fadt32(t, 48);
	f->acpi_enable = t->data[52];
	f->dsdt = t->len >= 148 ? le64_at(t->data + 140) : 0;
	if (f->dsdt == 0)
		f->dsdt = fadt32(t, 40);
	if (f->fadt_revision >= 2)
		f->boot_arch = le16_at(t->data + 109);
	if (flags & FADT_RESET_REG && t->len >= 129) {
		f->reset = gas_at(t, 116);
		f->reset_value = t->data[128];
	}
	f->reduced_hardware = f->fadt_revision >= 5 && flags & FADT_HW_REDUCED;
	if (f->reduced_hardware) {
		f->sleep_control = gas_at(t, 244);
		return;
	}
	f->fixed_power_button = !(flags & FADT_NO_BUTTON);
	f->pm1_event_bytes = t->data[88];
	f->pm1a_event = either(t, 56, 148);
	f->pm1a_control = either(t, 64, 172);
	f->pm1b_control = either(t, 68, 184);
	read_timer(f, t);
}

/* --- Others -------------------------------------------------------------- */

static void read_hpet(struct acpi_facts *f, const struct table *t)
{
	struct acpi_register r = gas_at(t, 40);

	if (t->len >= HPET_BYTES && r.space == ACPI_SPACE_MEMORY)
		f->hpet = r.address;
}

/* The first segment is the only one that a PC has. */
static void read_mcfg(struct acpi_facts *f, const struct table *t)
{
	const uint8_t *e = t->data + MCFG_BYTES;

	if (t->len < MCFG_BYTES + MCFG_ENTRY || e[11] < e[10])
		return;
	f->mmconfig = le64_at(e) + e[10] * BUS_CFG_BYTES;
	f->mmconfig_bytes = (e[11] - e[10] + 1u) * BUS_CFG_BYTES;
}

/* The DSDT, and the SSDTs that add to it. */
static void read_aml(struct acpi_facts *f, const struct table *t)
{
	if (!f->has_s5)
		f->has_s5 = acpi_find_s5(
		    t->data + HEADER_BYTES, t->len - HEADER_BYTES, f->s5_type);
}

/* Only the FADT knows where it is. */
static void read_dsdt(struct reader *r)
{
	struct table t;

	if (r->out->dsdt != 0 && open_table(r, r->out->dsdt, &t) &&
	    has_signature(&t, "DSDT"))
		read_aml(r->out, &t);
}

static void read_table(struct reader *r, uint64_t address)
{
	struct table t;

	if (!open_table(r, address, &t))
		return;
	if (has_signature(&t, "APIC"))
		read_madt(r->out, &t);
	else if (has_signature(&t, "FACP"))
		read_fadt(r->out, &t);
	else if (has_signature(&t, "HPET"))
		read_hpet(r->out, &t);
	else if (has_signature(&t, "MCFG"))
		read_mcfg(r->out, &t);
	else if (has_signature(&t, "SSDT"))
		read_aml(r->out, &t);
}

/* Reads what a root table lists: RSDT with addresses of 4 bytes, XSDT of 8. */
static bool read_root(struct reader *r, uint64_t address, uint32_t width)
{
	struct table root;
	uint32_t count;

	if (address == 0 || !open_table(r, address, &root) ||
	    !has_signature(&root, width == 8 ? "XSDT" : "RSDT"))
		return false;
	count = (root.len - HEADER_BYTES) / width;
	for (uint32_t i = 0; i < count && i < TABLES_MAX; i++) {
		const uint8_t *e = root.data + HEADER_BYTES + i * width;

		read_table(r, width == 8 ? le64_at(e) : le32_at(e));
	}
	return count > 0;
}

static void set_defaults(struct acpi_facts *f)
{
	memset(f, 0, sizeof(*f));
	f->has_8259 = true;
	f->nmi_lint = 1;
	for (uint32_t i = 0; i < ACPI_ISA_LINES; i++)
		f->isa[i].gsi = i;
}

void acpi_read(
    struct acpi_facts *out, uint64_t rsdp, acpi_view *view, void *ctx)
{
	struct reader r = { out, view, ctx };
	const uint8_t *p;
	uint64_t rsdt, xsdt = 0;

	set_defaults(out);
	if (rsdp == 0)
		rsdp = acpi_find_root(view, ctx);
	p = rsdp ? view(rsdp, RSDP_BYTES, ctx) : NULL;
	if (!p || !is_rsdp(p))
		return;
	out->revision = p[15];
	rsdt = le32_at(p + 16);
	if (out->revision >= 2)
		p = view(rsdp, RSDP_BYTES_2, ctx);
	if (out->revision >= 2 && p && sum_is_zero(p, RSDP_BYTES_2))
		xsdt = le64_at(p + 24);
	out->found = read_root(&r, xsdt, 8) || read_root(&r, rsdt, 4);
	read_dsdt(&r);
}
