/* SPDX-License-Identifier: MIT */
#include "drivers/serial.h"

#include "arch/arch.h"

#define COM1 0x3f8

/* National Semiconductor PC16550D, table II. */
enum {
	REG_DATA = 0,
	REG_IER = 1,
	REG_FCR = 2,
	REG_LCR = 3,
	REG_MCR = 4,
	REG_LSR = 5,
	REG_DIVISOR_LOW = 0, /* these two while LCR_DLAB is set */
	REG_DIVISOR_HIGH = 1,
};

#define LCR_8N1        0x03
#define LCR_DLAB       0x80
#define FCR_ENABLE     0x07 /* on, both queues emptied */
#define MCR_READY      0x0b /* DTR, RTS, and OUT2 for PC wiring */
#define LSR_EMPTY      0x20
#define LSR_NO_PORT    0xff
#define DIVISOR_115200 1
#define FIFO_BYTES     16

/* One byte takes 87 us, a full queue 1.4 ms: at a microsecond per port read
 * this is plenty.  A stuck port costs it once; then each byte has one look. */
#define SPIN_MAX 20000

static struct {
	bool present, stuck;
	uint32_t room; /* bytes that the empty queue surely still takes */
} serial;

static void write_reg(uint16_t reg, uint8_t v)
{
	arch_out8(COM1 + reg, v);
}

bool serial_init(void)
{
	serial.present = arch_in8(COM1 + REG_LSR) != LSR_NO_PORT;
	if (!serial.present)
		return false;
	write_reg(REG_IER, 0);
	write_reg(REG_LCR, LCR_DLAB);
	write_reg(REG_DIVISOR_LOW, DIVISOR_115200);
	write_reg(REG_DIVISOR_HIGH, 0);
	write_reg(REG_LCR, LCR_8N1);
	write_reg(REG_FCR, FCR_ENABLE);
	write_reg(REG_MCR, MCR_READY);
	serial.room = 0;
	return true;
}

/* The queue reports only that it is empty, and then takes a whole run. */
static void put(char c)
{
	uint32_t tries = serial.stuck ? 1 : SPIN_MAX;

	for (; serial.room == 0 && tries > 0; tries--)
		if (arch_in8(COM1 + REG_LSR) & LSR_EMPTY)
			serial.room = FIFO_BYTES;
	serial.stuck = serial.room == 0;
	if (serial.stuck)
		return;
	serial.room--;
	write_reg(REG_DATA, (uint8_t)c);
}

void serial_write(enum log_level level, const char *text, size_t len)
{
	if (!serial.present)
		return;
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\n')
			put('\r');
		put(text[i]);
	}
}
