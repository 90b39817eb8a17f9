/* SPDX-License-Identifier: MIT */
#include "tests/support/mock_rtl8139.h"

#include <string.h>

#include "arch/host/arch_host.h"
#include "lib/assert.h"

enum {
	IDR0 = 0x00,
	IDR4 = 0x04,
	MAR0 = 0x08,
	MAR4 = 0x0c,
	TSD0 = 0x10,
	TSAD0 = 0x20,
	RBSTART = 0x30,
	CR = 0x37,
	CAPR = 0x38,
	CBR = 0x3a,
	IMR = 0x3c,
	ISR = 0x3e,
	TCR = 0x40,
	RCR = 0x44,
	TCTR = 0x48,
	MPC = 0x4c,
	EECR = 0x50,
	CONFIG1 = 0x52,
	TIMERINT = 0x54,
	CONFIG3 = 0x59,
	HLTCLK = 0x5b,
	MULINT = 0x5c,
	TSAD = 0x60,
	BMSR = 0x64
};

#define CR_BUFE     0x01
#define CR_TE       0x04
#define CR_RE       0x08
#define CR_RST      0x10
#define CR_POWER_ON 0x11

#define ISR_ROK     0x0001
#define ISR_TOK     0x0004
#define ISR_TER     0x0008
#define ISR_RXOVW   0x0010
#define ISR_PUN     0x0020
#define ISR_TIMEOUT 0x4000
#define ISR_BITS    0xe1ff

#define TICK_NS   30
#define RETURN_NS 10000
#define LOOP_NS   20000

#define TSD_CRS  0x80000000u
#define TSD_TABT 0x40000000u
#define TSD_OWC  0x20000000u
#define TSD_TOK  0x00008000u
#define TSD_TUN  0x00004000u
#define TSD_OWN  0x00002000u
#define TSD_SIZE 0x00001fffu

#define TCR_CLRABT   1u
#define TCR_ID_MASK  0x7cc00000u
#define TCR_LOOPBACK 0x00060000u
#define RCR_56       0x40u
#define RCR_AAP      0x01u
#define RCR_APM      0x02u
#define RCR_AM       0x04u
#define RCR_AB       0x08u
#define RCR_WRAP     0x80u

#define HEADER      4u
#define FCS         4u
#define IN_PROGRESS 0xfff0u
#define NOT_OPEN    UINT32_MAX

/* The widths that each register takes, as bits 1, 2 and 4; all else fails. */
static const struct {
	uint8_t off, read, write;
} widths[] = {
	{ IDR0, 4, 4 },
	{ IDR4, 4, 4 },
	{ MAR0, 4, 4 },
	{ MAR4, 4, 4 },
	{ TSD0 + 0, 4, 4 },
	{ TSD0 + 4, 4, 4 },
	{ TSD0 + 8, 4, 4 },
	{ TSD0 + 12, 4, 4 },
	{ TSAD0 + 0, 4, 4 },
	{ TSAD0 + 4, 4, 4 },
	{ TSAD0 + 8, 4, 4 },
	{ TSAD0 + 12, 4, 4 },
	{ RBSTART, 4, 4 },
	{ CR, 1, 1 },
	{ CAPR, 2, 2 },
	{ CBR, 2, 0 },
	{ IMR, 2, 2 },
	{ ISR, 2, 2 },
	{ TCR, 4, 4 },
	{ RCR, 4, 4 },
	{ TCTR, 4, 4 },
	{ MPC, 4, 4 },
	{ EECR, 1, 1 },
	{ CONFIG1, 1, 1 },
	{ TIMERINT, 4, 4 },
	{ CONFIG3, 1, 1 },
	{ HLTCLK, 0, 1 },
	{ MULINT, 2, 2 },
	{ TSAD, 2, 0 },
	{ BMSR, 2, 0 },
};

static void check_width(uint32_t off, unsigned width, bool write)
{
	for (unsigned i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
		if (widths[i].off != off)
			continue;
		if ((write ? widths[i].write : widths[i].read) & width)
			return;
		break;
	}
	panic("mock card: %s of width %u at register %02x",
	    write ? "write" : "read", width, off);
}

/* --- Interrupts and the bus ----------------------------------------------- */

void mock_rtl_update(struct mock_rtl *m)
{
	if ((m->isr & m->imr) && !m->gone && !m->no_interrupt)
		host_irq_raise(m->irq);
	else
		host_irq_lower(m->irq);
}

void mock_rtl_raise(struct mock_rtl *m, uint16_t causes)
{
	m->isr |= causes;
	mock_rtl_update(m);
}

static bool may_dma(const struct mock_rtl *m)
{
	return mock_pci_get16(m->pci, 4) & 4;
}

static bool decodes(const struct mock_rtl *m)
{
	return !m->decode_off && mock_pci_get16(m->pci, 4) & 2;
}

/* --- Receive ---------------------------------------------------------------
 */

uint32_t mock_rtl_ring_bytes(const struct mock_rtl *m)
{
	return 8192u << (m->rcr >> 11 & 3);
}

uint32_t mock_rtl_free(const struct mock_rtl *m)
{
	uint32_t size = mock_rtl_ring_bytes(m);
	uint32_t used = (m->cbr - m->read_at) % size;

	return size - used;
}

static bool ring_empty(const struct mock_rtl *m)
{
	return m->cbr == m->read_at;
}

static void wipe_ring(struct mock_rtl *m)
{
	m->wiped |= m->strangers > 0;
	m->strangers = 0;
	m->cbr = 0;
	m->read_at = 0;
}

static uint32_t align4(uint32_t n)
{
	return (n + 3) & ~3u;
}

/* Writes into the ring at an offset below its size. */
static void ring_write(
    struct mock_rtl *m, uint32_t at, const void *data, uint32_t len)
{
	uint32_t size = mock_rtl_ring_bytes(m);
	/* With WRAP set, a frame goes on behind the ring; the 64 KiB ring wraps
	 * all the same. */
	bool on = m->rcr & RCR_WRAP && size < 65536;
	uint32_t reach = on && at + len > size ? at + len : size;
	uint8_t *ring = host_dma_to_ptr(m->rbstart, reach);

	if (m->loses_dma)
		return;
	for (uint32_t i = 0; i < len;) {
		uint32_t to = on ? at + i : (at + i) % size;
		uint32_t n = len - i < reach - to ? len - i : reach - to;

		memcpy(ring + to, (const uint8_t *)data + i, n);
		i += n;
	}
}

static void write_header(
    struct mock_rtl *m, uint32_t at, uint16_t status, uint16_t len)
{
	uint8_t h[HEADER] = { (uint8_t)status, (uint8_t)(status >> 8),
		(uint8_t)len, (uint8_t)(len >> 8) };

	ring_write(m, at, h, HEADER);
}

/* As silicon does it: the data, then the header in front of it. */
static void store(
    struct mock_rtl *m, uint32_t at, const void *frame, uint32_t len)
{
	static const uint8_t fcs[FCS] = { 0xde, 0xad, 0xbe, 0xef };

	uint8_t bytes[MOCK_RTL_FRAME_MAX + FCS];

	assert(len <= MOCK_RTL_FRAME_MAX);
	memcpy(bytes, frame, len);
	memcpy(bytes + len, fcs, FCS);
	ring_write(m, at + HEADER, bytes, len + FCS);
	write_header(m, at, 1, (uint16_t)(len + FCS));
}

static void publish(struct mock_rtl *m, uint32_t bytes)
{
	m->cbr = (m->cbr + bytes) % mock_rtl_ring_bytes(m);
}

static bool receiving(const struct mock_rtl *m)
{
	return m->cr & CR_RE && may_dma(m) && decodes(m) && !m->gone;
}

static bool keep(struct mock_rtl *m, const void *frame, uint32_t len)
{
	struct mock_frame *f =
	    &m->backlog[(m->backlog_first + m->backlog_count) %
	                MOCK_RTL_BACKLOG];

	if (m->backlog_count == MOCK_RTL_BACKLOG || len > sizeof(f->data))
		return false;
	f->len = len;
	memcpy(f->data, frame, len);
	m->backlog_count++;
	return true;
}

static bool fits(const struct mock_rtl *m, uint32_t len)
{
	return align4(HEADER + len + FCS) < mock_rtl_free(m);
}

static void receive(
    struct mock_rtl *m, const void *frame, uint32_t len, uint16_t causes)
{
	store(m, m->cbr, frame, len);
	m->strangers += !m->looping;
	publish(m, align4(HEADER + len + FCS));
	mock_rtl_raise(m, causes);
}

static bool arrive(
    struct mock_rtl *m, const void *frame, uint32_t len, uint16_t causes)
{
	assert(m->open_at == NOT_OPEN);
	if (!receiving(m))
		return false;
	if (fits(m, len) && m->backlog_count == 0) {
		receive(m, frame, len, causes);
		return true;
	}
	if (m->back_pressure) {
		if (m->imr & ISR_RXOVW)
			mock_rtl_raise(m, ISR_RXOVW);
		return keep(m, frame, len);
	}
	m->mpc = (m->mpc + 1) & 0xffffff;
	mock_rtl_raise(m, ISR_RXOVW);
	return false;
}

bool mock_rtl_rx(struct mock_rtl *m, const void *frame, uint32_t len)
{
	return arrive(m, frame, len, ISR_ROK);
}

bool mock_rtl_rx_silent(struct mock_rtl *m, const void *frame, uint32_t len)
{
	return arrive(m, frame, len, 0);
}

/* The Ethernet CRC, most significant bit first, not inverted: its upper six
 * bits choose a bit of MAR. */
static uint32_t crc32_msb(const uint8_t *p, uint32_t len)
{
	uint32_t crc = UINT32_MAX;

	for (uint32_t i = 0; i < 8 * len; i++) {
		uint32_t in = p[i / 8] >> (i % 8) & 1;

		crc = crc << 1 ^ ((crc >> 31 ^ in) ? 0x04c11db7 : 0);
	}
	return crc;
}

static bool is_wanted(const struct mock_rtl *m, const uint8_t *frame)
{
	static const uint8_t all[6] = { 255, 255, 255, 255, 255, 255 };
	uint32_t hash = crc32_msb(frame, 6) >> 26;

	if (m->rcr & RCR_AAP)
		return true;
	if (memcmp(frame, all, 6) == 0)
		return m->rcr & RCR_AB;
	if (frame[0] & 1)
		return m->rcr & RCR_AM && m->mar[hash / 8] >> hash % 8 & 1;
	return m->rcr & RCR_APM && memcmp(frame, m->idr, 6) == 0;
}

bool mock_rtl_rx_filtered(
    struct mock_rtl *m, const uint8_t *frame, uint32_t len)
{
	return len >= 60 && is_wanted(m, frame) && mock_rtl_rx(m, frame, len);
}

/* What a CAPR write sets going again in QEMU. */
static void flush_backlog(struct mock_rtl *m)
{
	while (m->backlog_count > 0 && receiving(m)) {
		struct mock_frame *f = &m->backlog[m->backlog_first];

		if (!fits(m, f->len))
			return;
		receive(m, f->data, f->len, ISR_ROK);
		m->backlog_first = (m->backlog_first + 1) % MOCK_RTL_BACKLOG;
		m->backlog_count--;
	}
}

void mock_rtl_rx_raw(
    struct mock_rtl *m, uint16_t status, uint16_t len, uint32_t advance)
{
	write_header(m, m->cbr, status, len);
	publish(m, advance);
	mock_rtl_raise(m, ISR_ROK);
}

void mock_rtl_rx_begin(struct mock_rtl *m, uint32_t len)
{
	assert(m->open_at == NOT_OPEN && fits(m, len));
	m->open_at = m->cbr;
	write_header(m, m->cbr, 0, IN_PROGRESS);
	publish(m, align4(HEADER + len + FCS));
	mock_rtl_raise(m, ISR_ROK);
}

void mock_rtl_rx_end(struct mock_rtl *m, const void *frame, uint32_t len)
{
	assert(m->open_at != NOT_OPEN);
	store(m, m->open_at, frame, len);
	m->open_at = NOT_OPEN;
}

void mock_rtl_set_offset(struct mock_rtl *m, uint32_t offset)
{
	assert(ring_empty(m) && offset % 4 == 0);
	m->cbr = offset;
	m->read_at = offset;
}

static void write_capr(struct mock_rtl *m, uint32_t v)
{
	uint32_t size = mock_rtl_ring_bytes(m);
	uint32_t to = (v + 16) & 0xffff;
	bool was_empty = ring_empty(m);

	m->capr_writes++;
	/* A place outside the ring locks some cards up for good. */
	if (to >= size || to % 4 != 0)
		panic("mock card: CAPR %04x is no place in the ring", v);
	if ((to - m->read_at) % size > (m->cbr - m->read_at) % size)
		panic("mock card: CAPR %04x is beyond CBR %04x", v, m->cbr);
	m->read_at = to;
	if (ring_empty(m))
		m->strangers = 0;
	if (was_empty && m->pun_on_empty_capr)
		mock_rtl_raise(m, ISR_PUN);
	flush_backlog(m);
}

/* --- Transmit ------------------------------------------------------------- */

static void *tx_bytes(struct mock_rtl *m, unsigned i)
{
	uint32_t len = m->tsd[i] & TSD_SIZE;

	if (m->may_read && !m->may_read(m, m->tsad[i], len))
		panic("mock card: slot %u reads %u bytes that nobody lent", i,
		    (unsigned)len);
	return host_dma_to_ptr(m->tsad[i], len);
}

static void tx_event(void *arg)
{
	mock_rtl_tx_step(arg, MOCK_TX_OK);
}

static bool loops_back(const struct mock_rtl *m)
{
	return (m->tcr & TCR_LOOPBACK) == TCR_LOOPBACK;
}

static void schedule_tx(struct mock_rtl *m)
{
	if (m->tx_delay_ns > 0)
		host_at(
		    arch_clock_ns() + m->tx_delay_ns * mock_rtl_tx_pending(m),
		    tx_event, m);
}

static void write_tsd(struct mock_rtl *m, unsigned i, uint32_t v)
{
	uint32_t len = v & TSD_SIZE;

	if (!(m->cr & CR_TE))
		panic("mock card: sends while the transmitter is off");
	if (i != m->tx_next % 4)
		panic("mock card: slot %u, but it is the turn of slot %u", i,
		    m->tx_next % 4);
	if (!(m->tsd[i] & TSD_OWN) || m->tx_next - m->tx_oldest >= 4)
		panic("mock card: slot %u is still busy", i);
	if (len < 60 || len > 1514)
		panic("mock card: sends %u bytes", len);
	if (m->tsad[i] & 3)
		panic("mock card: slot %u reads at %08x", i, m->tsad[i]);
	m->last_threshold = v >> 16 & 0x3f;
	m->tsd[i] = v & ~TSD_OWN;
	memcpy(m->tx_snapshot[i], tx_bytes(m, i), len);
	m->tx_next++;
	if (loops_back(m))
		host_at(arch_clock_ns() + LOOP_NS, tx_event, m);
	else
		schedule_tx(m);
}

uint32_t mock_rtl_tx_pending(const struct mock_rtl *m)
{
	return m->tx_next - m->tx_oldest;
}

static void loop_back(struct mock_rtl *m, const struct mock_frame *f)
{
	if (m->no_loopback)
		return;
	m->looping = true;
	mock_rtl_rx_filtered(m, f->data, f->len);
	m->looping = false;
}

static void send(struct mock_rtl *m, unsigned i)
{
	struct mock_frame *f = &m->sent[m->sent_count % MOCK_RTL_SENT_MAX];

	f->len = m->tsd[i] & TSD_SIZE;
	memcpy(f->data, tx_bytes(m, i), f->len);
	if (memcmp(f->data, m->tx_snapshot[i], f->len) != 0)
		panic("mock card: slot %u changed while on the card", i);
	if (m->loses_dma)
		memset(f->data, 0, f->len);
	m->tx_oldest++;
	if (!loops_back(m))
		m->sent_count++;
	else
		loop_back(m, f);
}

bool mock_rtl_tx_step(struct mock_rtl *m, enum mock_tx how)
{
	unsigned i = m->tx_oldest % 4;

	if (mock_rtl_tx_pending(m) == 0 || m->tx_stopped)
		return false;
	switch (how) {
	case MOCK_TX_OK:
	case MOCK_TX_OK_AFTER_UNDERRUN:
	case MOCK_TX_OK_WITHOUT_CARRIER:
		send(m, i);
		m->tsd[i] |= TSD_OWN | TSD_TOK;
		m->tsd[i] |= how == MOCK_TX_OK_AFTER_UNDERRUN ? TSD_TUN : 0;
		m->tsd[i] |= how == MOCK_TX_OK_WITHOUT_CARRIER ? TSD_CRS : 0;
		mock_rtl_raise(m, ISR_TOK);
		break;
	case MOCK_TX_ABORT:
		m->tx_stopped = true;
		m->tsd[i] |= TSD_OWN | TSD_TABT;
		mock_rtl_raise(m, ISR_TER);
		break;
	case MOCK_TX_UNDERRUN:
		m->tsd[i] |= TSD_OWN | TSD_TUN;
		mock_rtl_raise(m, ISR_TER);
		break;
	case MOCK_TX_WINDOW:
		m->tx_oldest++;
		m->tsd[i] |= TSD_OWN | TSD_OWC;
		mock_rtl_raise(m, ISR_TER);
		break;
	case MOCK_TX_DMA_DONE:
		m->tsd[i] |= TSD_OWN;
		break;
	}
	return true;
}

static uint32_t tsad_summary(const struct mock_rtl *m)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 4; i++) {
		v |= (m->tsd[i] & TSD_OWN ? 1u : 0) << i;
		v |= (m->tsd[i] & TSD_TABT ? 1u : 0) << (4 + i);
		v |= (m->tsd[i] & TSD_TUN ? 1u : 0) << (8 + i);
		v |= (m->tsd[i] & TSD_TOK ? 1u : 0) << (12 + i);
	}
	return v;
}

static void write_tcr(struct mock_rtl *m, uint32_t v)
{
	if (!(m->cr & CR_TE))
		return;
	if (v & TCR_CLRABT) {
		unsigned i = m->tx_oldest % 4;

		m->clrabt_writes++;
		if ((v & ~TCR_ID_MASK & ~TCR_CLRABT) != (m->tcr & ~TCR_ID_MASK))
			panic("mock card: CLRABT changed TCR to %08x", v);
		if (!m->tx_stopped)
			panic("mock card: CLRABT without an abort");
		m->tx_stopped = false;
		m->tsd[i] &= ~(TSD_OWN | TSD_TABT);
		schedule_tx(m);
	}
	m->tcr = m->chip | (v & ~TCR_ID_MASK & ~TCR_CLRABT);
	if (m->drops_enables) {
		m->drops_enables = false;
		m->cr = 0;
	}
}

/* --- The EEPROM and the lock ---------------------------------------------- */

static uint32_t eeprom_word(const struct mock_rtl *m, uint32_t word)
{
	if (word == 0)
		return m->eeprom_signature;
	if (word >= 7 && word <= 9)
		return m->rom_mac[2 * (word - 7)] |
		       (uint32_t)m->rom_mac[2 * (word - 7) + 1] << 8;
	return 0;
}

/* The clock rises with the data line at `in`. */
static void eeprom_clock(struct mock_rtl *m, bool in)
{
	uint32_t address_bits = m->eeprom == MOCK_EEPROM_56 ? 8 : 6;

	if (m->eeprom == MOCK_EEPROM_NONE)
		return;
	if (m->ee_reading) {
		if (m->ee_count < 16)
			m->ee_out = m->ee_word >> (15 - m->ee_count++) & 1;
		return;
	}
	if (m->ee_count == 0 && !in)
		return; /* before the start bit */
	m->ee_bits = m->ee_bits << 1 | in;
	if (++m->ee_count < 3 + address_bits)
		return;
	m->ee_reading = m->ee_bits >> address_bits == 6;
	m->ee_word = eeprom_word(m, m->ee_bits & ((1u << address_bits) - 1));
	m->ee_count = 0;
	m->ee_out = 0;
}

static void write_eecr(struct mock_rtl *m, uint32_t v)
{
	bool programming = v >> 6 == 2, selected = v & 8;

	if (programming && !selected) {
		m->ee_bits = 0;
		m->ee_count = 0;
		m->ee_reading = false;
	}
	if (programming && selected && v & 4 && !(m->eecr & 4))
		eeprom_clock(m, v & 2);
	m->eecr = (uint8_t)v;
}

static void check_unlocked(const struct mock_rtl *m, uint32_t off)
{
	if (m->eecr >> 6 != 3)
		panic("mock card: register %02x is locked", off);
}

/* --- The timer ----------------------------------------------------------- */

static void timer_event(void *arg)
{
	mock_rtl_raise(arg, ISR_TIMEOUT);
}

/* It rings when it reaches TimerInt, counted from the last write of TCTR; once
 * it is past, only the next lap would come there. */
static void set_timer(struct mock_rtl *m)
{
	uint64_t due = m->tctr_ns + (uint64_t)m->timer_int * TICK_NS;

	host_cancel(timer_event, m);
	if (m->timer_int != 0 && !m->timer_dead && due > arch_clock_ns())
		host_at(due + m->timer_late_ns, timer_event, m);
}

/* --- Reset and command -----------------------------------------------------
 */

/* What was on its way never leaves; whose turn it is stays. */
static void stop_tx(struct mock_rtl *m)
{
	host_cancel(tx_event, m);
	m->tx_next = m->tx_oldest;
	m->tx_stopped = false;
	for (unsigned i = 0; i < 4; i++)
		m->tsd[i] = TSD_OWN;
}

static void reset(struct mock_rtl *m)
{
	m->resets++;
	wipe_ring(m);
	memcpy(m->idr, m->idr_mac, 6);
	m->cr = 0;
	m->isr = 0;
	m->imr = 0;
	m->tcr = m->chip;
	m->rcr = m->eeprom == MOCK_EEPROM_56 ? RCR_56 : 0;
	m->open_at = NOT_OPEN;
	m->tx_oldest = 0;
	stop_tx(m);
	m->mpc = 0;
	m->timer_int = 0;
	m->tctr_ns = arch_clock_ns();
	set_timer(m);
	m->reset_until_ns = arch_clock_ns() + m->reset_ns;
	mock_rtl_update(m);
}

static void write_cr(struct mock_rtl *m, uint32_t v)
{
	m->touched_cr = true;
	if (v & CR_RST) {
		if (v != CR_RST)
			panic("mock card: RST together with %02x", v);
		reset(m);
		return;
	}

	uint8_t off = m->cr & (uint8_t)~v & (CR_TE | CR_RE);

	m->cr = v & (CR_TE | CR_RE);
	if (!off)
		return;
	m->stopping = off;
	m->stop_until_ns = arch_clock_ns() + m->stop_ns;
	if (off & CR_TE)
		stop_tx(m);
	if (off & CR_RE)
		m->open_at = NOT_OPEN;
}

static uint32_t read_cr(const struct mock_rtl *m)
{
	if (!m->touched_cr)
		return CR_POWER_ON;
	if (m->reset_stuck || arch_clock_ns() < m->reset_until_ns)
		return CR_RST;

	uint8_t still = m->stuck_enables;

	if (arch_clock_ns() < m->stop_until_ns)
		still |= m->stopping;
	return m->cr | still | (ring_empty(m) ? CR_BUFE : 0);
}

/* --- Register accesses -----------------------------------------------------
 */

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* The link bit is latched low: a loss shows even when it is over. */
static uint32_t read_bmsr(struct mock_rtl *m)
{
	bool up = m->link && !m->link_was_lost;

	m->link_was_lost = false;
	return up ? 0x782d : 0x7829;
}

static uint32_t read_register(struct mock_rtl *m, uint32_t off)
{
	switch (off) {
	case IDR0:
	case IDR4:
		return le32(m->idr + off);
	case MAR0:
	case MAR4:
		return le32(m->mar + (off - MAR0));
	case TSD0 ... TSD0 + 12:
		return m->tsd[(off - TSD0) / 4];
	case TSAD0 ... TSAD0 + 12:
		return m->tsad[(off - TSAD0) / 4];
	case RBSTART:
		return m->rbstart;
	case CR:
		return read_cr(m);
	case CAPR:
		return (m->read_at - 16) & 0xffff;
	case CBR:
		m->cbr_reads++;
		return m->cbr;
	case IMR:
		return m->imr;
	case ISR:
		m->isr_reads++;
		return m->isr;
	case TCR:
		return m->tcr;
	case RCR:
		return m->rcr;
	case TCTR:
		return (uint32_t)((arch_clock_ns() - m->tctr_ns) / TICK_NS);
	case TIMERINT:
		return m->timer_int;
	case MPC:
		return m->mpc;
	case EECR:
		return (m->eecr & ~1u) |
		       (m->eeprom == MOCK_EEPROM_NONE ? 1 : m->ee_out);
	case CONFIG1:
		return m->config1;
	case CONFIG3:
		return m->config3;
	case TSAD:
		return tsad_summary(m);
	case BMSR:
		return read_bmsr(m);
	default:
		return 0;
	}
}

static void cause_returns(void *arg)
{
	struct mock_rtl *m = arg;

	mock_rtl_raise(m, m->isr_returns);
}

static void write_isr(struct mock_rtl *m, uint32_t v)
{
	m->isr &= (uint16_t)~v;
	m->last_isr_write = (uint16_t)v;
	mock_rtl_update(m);
	if (v & m->isr_returns)
		host_at(arch_clock_ns() + RETURN_NS, cause_returns, m);
}

/* In QEMU a write of RCR forgets what lies in the ring. */
static void write_rcr(struct mock_rtl *m, uint32_t v)
{
	m->rcr = (v & ~RCR_56) | (m->rcr & RCR_56);
	wipe_ring(m);
	if (m->rbstart % 16 != 0)
		panic("mock card: the ring begins at %08x", m->rbstart);
}

static void write_register(struct mock_rtl *m, uint32_t off, uint32_t v)
{
	switch (off) {
	case IDR0:
	case IDR4:
		check_unlocked(m, off);
		put_le32(m->idr + off, v);
		break;
	case MAR0:
	case MAR4:
		put_le32(m->mar + (off - MAR0), v);
		break;
	case TSD0 ... TSD0 + 12:
		write_tsd(m, (off - TSD0) / 4, v);
		break;
	case TSAD0 ... TSAD0 + 12:
		m->tsad[(off - TSAD0) / 4] = v;
		break;
	case RBSTART:
		if (m->cr & CR_RE)
			panic("mock card: the ring moves while it is used");
		m->rbstart = v;
		break;
	case CR:
		write_cr(m, v);
		break;
	case CAPR:
		write_capr(m, v);
		break;
	case IMR:
		m->imr = v & ISR_BITS;
		mock_rtl_update(m);
		break;
	case ISR:
		write_isr(m, v);
		break;
	case TCR:
		write_tcr(m, v);
		break;
	case RCR:
		write_rcr(m, v);
		break;
	case TCTR:
		m->tctr_ns = arch_clock_ns();
		set_timer(m);
		break;
	case TIMERINT:
		m->timer_int = v;
		set_timer(m);
		break;
	case MPC:
		m->mpc = 0;
		break;
	case EECR:
		write_eecr(m, v);
		break;
	case CONFIG1:
		check_unlocked(m, off);
		m->config1 = (uint8_t)v;
		break;
	case CONFIG3:
		check_unlocked(m, off);
		m->config3 = (uint8_t)v;
		break;
	default:
		break;
	}
}

/* What every access does first.  Returns whether the card answers. */
static bool begin_access(
    struct mock_rtl *m, uint32_t off, unsigned width, bool write)
{
	check_width(off, width, write);
	m->accesses++;
	if (m->hook)
		m->hook(m, m->accesses);
	return !m->gone && decodes(m);
}

static uint32_t card_read(void *ctx, uint32_t off, unsigned width)
{
	struct mock_rtl *m = ctx;

	if (!begin_access(m, off, width, false))
		return m->gone ? UINT32_MAX : 0;
	return read_register(m, off);
}

static void card_write(void *ctx, uint32_t off, unsigned width, uint32_t v)
{
	struct mock_rtl *m = ctx;

	if (begin_access(m, off, width, true))
		write_register(m, off, v);
}

static const struct host_mmio_ops ops = { card_read, card_write };

void mock_rtl_set_link(struct mock_rtl *m, bool up)
{
	m->link = up;
	m->link_was_lost |= !up;
	mock_rtl_raise(m, ISR_PUN);
}

/* The registers follow the address; sizing and nonsense are nowhere. */
static void moved(void *ctx, unsigned bar, uint32_t value)
{
	struct mock_rtl *m = ctx;

	if (bar != 1)
		return;
	if (m->base)
		host_set_mmio(m->base, 256, NULL, NULL);
	m->base = value == 0 || value >= 0xffffff00 ? 0 : value;
	if (m->base)
		host_set_mmio(m->base, 256, &ops, m);
}

void mock_rtl_init(struct mock_rtl *m, struct mock_pci *pci, uint8_t bus,
    uint8_t slot, uint8_t irq)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };

	memset(m, 0, sizeof(*m));
	memcpy(m->rom_mac, mac, 6);
	memcpy(m->idr_mac, mac, 6);
	memcpy(m->idr, mac, 6);
	m->chip = 0x74400000; /* 8139D */
	m->eeprom = MOCK_EEPROM_46;
	m->eeprom_signature = 0x8129;
	m->link = true;
	m->irq = irq;
	m->config1 = 0x1c;
	m->config3 = 0x20;
	m->tcr = m->chip;
	m->open_at = NOT_OPEN;
	m->pci = mock_pci_add(pci, bus, slot, 0, 0x10ec, 0x8139, 0x020000);
	mock_pci_set8(m->pci, 0x08, 0x10);
	/* As SeaBIOS leaves it, no bus master. */
	mock_pci_set16(m->pci, 0x04, 0x0103);
	mock_pci_set32(m->pci, 0x10, 0xc001);
	mock_pci_set32(m->pci, 0x14, MOCK_RTL_BASE);
	mock_pci_set8(m->pci, 0x3c, irq);
	m->pci->bar_bytes[1] = 256;
	m->pci->moved = moved;
	m->pci->ctx = m;
	moved(m, 1, MOCK_RTL_BASE);
}
