/* SPDX-License-Identifier: MIT */
/* What the firmware knows and the kernel would like to.  All of it may be
 * missing. */
#include "loader.h"

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

/* A mask's lowest bit, and how many follow. */
static void set_colour(uint32_t mask, uint32_t *shift, uint32_t *bits)
{
	*shift = (uint32_t)__builtin_ctz(mask);
	*bits = 32 - (uint32_t)__builtin_clz(mask >> *shift);
}

static void set_colours(
    struct boot_framebuffer *fb, uint32_t r, uint32_t g, uint32_t b)
{
	set_colour(r, &fb->red_shift, &fb->red_bits);
	set_colour(g, &fb->green_shift, &fb->green_bits);
	set_colour(b, &fb->blue_shift, &fb->blue_bits);
}

static void collect_screen(struct boot_framebuffer *fb)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop =
	    find_protocol(&GraphicsOutputProtocol);
	EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;

	if (gop == NULL || gop->Mode == NULL || gop->Mode->Info == NULL)
		return;
	mode = gop->Mode->Info;
	if (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor)
		set_colours(fb, 0xff, 0xff00, 0xff0000);
	else if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor)
		set_colours(fb, 0xff0000, 0xff00, 0xff);
	else if (mode->PixelFormat == PixelBitMask &&
	         mode->PixelInformation.RedMask != 0 &&
	         mode->PixelInformation.GreenMask != 0 &&
	         mode->PixelInformation.BlueMask != 0)
		set_colours(fb, mode->PixelInformation.RedMask,
		    mode->PixelInformation.GreenMask,
		    mode->PixelInformation.BlueMask);
	else
		return; /* no framebuffer, only a service that ends */
	fb->width = mode->HorizontalResolution;
	fb->height = mode->VerticalResolution;
	fb->bits_per_pixel = 32;
	fb->stride_bytes = mode->PixelsPerScanLine * 4;
	fb->base = gop->Mode->FrameBufferBase;
	fb->kind = FRAMEBUFFER_RGB;
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
