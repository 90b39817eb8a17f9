/* SPDX-License-Identifier: MIT */
/* What the firmware knows and the kernel would like to.  All of it may be
 * missing. */
#include "loader.h"

#include "boot/uefi/pixels.h"

#define YEAR_FIRST 2020
#define YEAR_LAST  2199

/* UEFI 2.4, 35.5; GNU-EFI does not know it. */
struct rng_protocol {
	EFI_STATUS(EFIAPI *get_info)
	(struct rng_protocol *, UINTN *, EFI_GUID *);
	EFI_STATUS(EFIAPI *get_rng)
	(struct rng_protocol *, EFI_GUID *, UINTN, uint8_t *);
};

static EFI_GUID rng_guid = { 0x3152bca5, 0xeade, 0x433d,
	{ 0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44 } };

static void *find_protocol(EFI_GUID *guid)
{
	void *p = NULL;

	return EFI_ERROR(BS->LocateProtocol(guid, NULL, &p)) ? NULL : p;
}

static void collect_seed(struct boot_info *bi)
{
	struct rng_protocol *rng = find_protocol(&rng_guid);

	if (rng != NULL &&
	    !EFI_ERROR(rng->get_rng(rng, NULL, sizeof(bi->seed), bi->seed)))
		bi->seed_len = sizeof(bi->seed);
}

/* UEFI 2.10, 12.9.2.1; the last kind, PixelBltOnly, has no pixels in memory. */
static struct pixel_masks masks_of(
    const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode)
{
	const EFI_PIXEL_BITMASK *m = &mode->PixelInformation;

	switch (mode->PixelFormat) {
	case PixelRedGreenBlueReserved8BitPerColor:
		return (
		    struct pixel_masks){ 0xff, 0xff00, 0xff0000, 0xff000000 };
	case PixelBlueGreenRedReserved8BitPerColor:
		return (
		    struct pixel_masks){ 0xff0000, 0xff00, 0xff, 0xff000000 };
	case PixelBitMask:
		return (struct pixel_masks){ m->RedMask, m->GreenMask,
			m->BlueMask, m->ReservedMask };
	default:
		return (struct pixel_masks){ 0 };
	}
}

/* Returns whether this handle's screen has pixels in memory. */
static BOOLEAN describe_screen(EFI_HANDLE h, struct boot_framebuffer *fb)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop = NULL;
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
	struct pixel_masks masks;

	if (EFI_ERROR(BS->HandleProtocol(
	        h, &GraphicsOutputProtocol, (void **)&gop)) ||
	    gop->Mode == NULL || gop->Mode->Info == NULL ||
	    gop->Mode->FrameBufferBase == 0)
		return FALSE;
	mode = gop->Mode->Info;
	masks = masks_of(mode);
	if (!pixels_describe(fb, &masks))
		return FALSE;
	fb->width = mode->HorizontalResolution;
	fb->height = mode->VerticalResolution;
	fb->stride_bytes = mode->PixelsPerScanLine * (fb->bits_per_pixel / 8);
	fb->base = gop->Mode->FrameBufferBase;
	fb->kind = FRAMEBUFFER_RGB;
	return TRUE;
}

/* Whether the firmware shows its own text there: EFI_CONSOLE_OUT_DEVICE_GUID
 * of EDK II, an interface without content. */
static BOOLEAN is_console(EFI_HANDLE h)
{
	static EFI_GUID guid = { 0xd3b36f2c, 0xd551, 0x11d4,
		{ 0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d } };
	void *p;

	return !EFI_ERROR(BS->HandleProtocol(h, &guid, &p));
}

/*
 * A machine may have several screens, of which some can only be drawn on by the
 * firmware, as that is which stands for all of them.  A console is taken before
 * others.
 */
static void collect_screen(struct boot_framebuffer *fb)
{
	EFI_HANDLE *handle = NULL;
	UINTN count = 0;

	if (EFI_ERROR(BS->LocateHandleBuffer(
	        ByProtocol, &GraphicsOutputProtocol, NULL, &count, &handle)))
		return;
	for (UINTN i = 0; i < count; i++) {
		struct boot_framebuffer one = { 0 };

		if (!describe_screen(handle[i], &one))
			continue;
		if (is_console(handle[i])) {
			*fb = one;
			break;
		}
		if (fb->kind == FRAMEBUFFER_NONE)
			*fb = one;
	}
	FreePool(handle);
}

static void collect_acpi(struct boot_info *bi)
{
	static EFI_GUID acpi_2 = ACPI_20_TABLE_GUID, acpi_1 = ACPI_TABLE_GUID;
	void *rsdp = NULL;

	if (EFI_ERROR(LibGetSystemConfigurationTable(&acpi_2, &rsdp)))
		LibGetSystemConfigurationTable(&acpi_1, &rsdp);
	bi->acpi_rsdp = (uint64_t)rsdp;
}

/* The newer kind's tables may lie above 4 GiB, where the kernel cannot look. */
static void collect_smbios(struct boot_info *bi)
{
	static EFI_GUID smbios_2 = SMBIOS_TABLE_GUID,
	                smbios_3 = SMBIOS3_TABLE_GUID;
	void *entry = NULL;

	if (EFI_ERROR(LibGetSystemConfigurationTable(&smbios_2, &entry)))
		LibGetSystemConfigurationTable(&smbios_3, &entry);
	bi->smbios = (uint64_t)entry;
}

static int64_t days_since_1970(const EFI_TIME *t)
{
	/* Years begin in March here, so that the leap day comes last. */
	int64_t year = t->Month <= 2 ? t->Year - 1 : t->Year;
	int64_t month = (t->Month + 9) % 12;
	int64_t day = (153 * month + 2) / 5 + t->Day - 1;

	return year * 365 + year / 4 - year / 100 + year / 400 + day - 719468;
}

static void collect_time(struct boot_info *bi)
{
	EFI_TIME t;

	if (EFI_ERROR(RT->GetTime(&t, NULL)) || t.Year < YEAR_FIRST ||
	    t.Year > YEAR_LAST || t.Month < 1 || t.Month > 12 || t.Day < 1)
		return;
	bi->wall_time_tsc = __builtin_ia32_rdtsc();
	bi->wall_time_s =
	    ((days_since_1970(&t) * 24 + t.Hour) * 60 + t.Minute) * 60 +
	    t.Second;
	if (t.TimeZone != EFI_UNSPECIFIED_TIMEZONE)
		bi->wall_time_s += t.TimeZone * 60;
}

static void add_char(struct boot_info *bi, char c)
{
	UINTN n = strlena((CHAR8 *)bi->cmdline);

	if (n + 1 < sizeof(bi->cmdline))
		bi->cmdline[n] = c;
}

/* A shell passes the program's own name first. */
static UINTN skip_program_name(const CHAR16 *s, UINTN n)
{
	static const char suffix[] = ".efi";
	UINTN end = 0, i;

	while (end < n && s[end] != ' ')
		end++;
	if (end < 4)
		return 0;
	for (i = 0; i < 4; i++)
		if ((s[end - 4 + i] | 0x20) != (suffix[i] | 0x20))
			return 0;
	return end;
}

/* Boot entries of some firmware carry binary data as options. */
static void collect_load_options(struct loader *l)
{
	const CHAR16 *s = l->loaded->LoadOptions;
	UINTN n = 0, max = l->loaded->LoadOptionsSize / sizeof(CHAR16);

	if (s == NULL || l->loaded->LoadOptionsSize % sizeof(CHAR16) != 0)
		return;
	for (; n < max && s[n] != 0; n++)
		if (s[n] < ' ' || s[n] > '~')
			return;
	for (UINTN i = skip_program_name(s, n); i < n; i++)
		add_char(l->bi, (char)s[i]);
}

void facts_collect(struct loader *l)
{
	collect_screen(&l->bi->framebuffer);
	collect_acpi(l->bi);
	collect_smbios(l->bi);
	collect_seed(l->bi);
	collect_time(l->bi);
	collect_load_options(l);
	l->bi->efi_system_table = (uint64_t)ST;
}
