/* SPDX-License-Identifier: MIT */
#include "drivers/screen.h"

#include "arch/arch.h"
#include "drivers/font.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "sched/bh.h"
#include "sched/thread.h"
#include "sched/timer.h"
#include "sched/wait.h"

/* Smaller screens have no header: all lines are for the log. */
#define ROWS_FOR_HEADER 6
#define TAB_COLUMNS     8

/* Drawn in one turn.  Uncached memory takes about 100 ns for a pixel, so this
 * is under a millisecond at worst, and 20 us where writes are combined. */
#define TURN_PIXELS 8192
#define TURN_CELLS  512 /* of text memory, which is slower still */

/* Colours as in VGA text memory: background, foreground. */
enum {
	COLOUR_PLAIN = 0x07,
	COLOUR_DEBUG = 0x03,
	COLOUR_WARN = 0x0e,
	COLOUR_ERROR = 0x0c,
	COLOUR_LINE = 0x0a,
	COLOUR_HEADER = 0x1f,
	COLOUR_PANIC = 0x4f,
	COLOUR_PANIC_HEADER = 0x4e
};

#define REPLACEMENT 0xfffd

static struct {
	struct canvas canvas;
	bool present;
	bool panicking;
	bool threaded; /* the thread draws */
	bool drawing, drawing_panic;
	bool mapped; /* for good: screen_move */
	bool cleared;
	bool changed; /* since the look at the first cell began */
	uint32_t header_rows, log_rows;
	uint32_t first;       /* the log's topmost line in the ring */
	uint32_t row, column; /* of the log: where the next character goes */
	uint32_t next;        /* the cell from which to look on */
	uint8_t colour;
	canvas_cell wanted[SCREEN_CELLS_MAX]; /* header, then a ring of lines */
	canvas_cell shown[SCREEN_CELLS_MAX];  /* by place on the screen */
	struct bh bh;
	struct waitq wake;
} screen;

/* --- What should be shown --------------------------------------------------
 */

static canvas_cell cell(uint8_t colour, uint8_t glyph)
{
	return (canvas_cell)(colour << 8 | glyph);
}

static canvas_cell *log_line_at(uint32_t row)
{
	uint32_t line = (screen.first + row) % screen.log_rows;

	return screen.wanted +
	       (screen.header_rows + line) * screen.canvas.columns;
}

/* The cells of one row of the screen. */
static const canvas_cell *row_at(uint32_t row)
{
	if (row < screen.header_rows)
		return screen.wanted + row * screen.canvas.columns;
	return log_line_at(row - screen.header_rows);
}

static void fill(canvas_cell *line, uint8_t colour)
{
	for (uint32_t i = 0; i < screen.canvas.columns; i++)
		line[i] = cell(colour, FONT_BLANK);
}

/* Goes to the start of the next line, which is empty then.  The ring turns
 * instead of lines being copied. */
static void new_line(void)
{
	screen.column = 0;
	if (screen.row + 1 < screen.log_rows)
		screen.row++;
	else
		screen.first = (screen.first + 1) % screen.log_rows;
	fill(log_line_at(screen.row), screen.colour);
}

/* The line breaks before the first character that does not fit, so that one
 * which just fits makes no empty line. */
static void put_glyph(uint8_t glyph)
{
	if (screen.column == screen.canvas.columns)
		new_line();
	log_line_at(screen.row)[screen.column++] = cell(screen.colour, glyph);
}

static void put_character(uint32_t c)
{
	if (c != '\t') {
		put_glyph(font_glyph(c));
		return;
	}
	do
		put_glyph(FONT_BLANK);
	while (screen.column % TAB_COLUMNS != 0 &&
	       screen.column < screen.canvas.columns);
}

/*
 * Decodes one character of UTF-8 (RFC 3629) from s[0..n), n > 0.  Returns how
 * many bytes it took; a byte that belongs to no character is one, replaced.
 */
static size_t decode(const uint8_t *s, size_t n, uint32_t *c)
{
	static const uint32_t smallest[] = { 0, 0x80, 0x800, 0x10000 };
	size_t more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
	uint32_t v = s[0] & (0x3fu >> more);

	*c = s[0];
	if (s[0] < 0x80)
		return 1;
	*c = REPLACEMENT;
	if (s[0] < 0xc0 || s[0] > 0xf4 || more >= n)
		return 1;
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (s[i] & 0x3fu);
	}
	if (v < smallest[more] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*c = v;
	return more + 1;
}

static void put_header(unsigned line, uint8_t colour, const char *s, size_t n)
{
	canvas_cell *to = screen.wanted + line * screen.canvas.columns;
	uint32_t at = 0;

	if (line >= screen.header_rows)
		return;
	fill(to, colour);
	while (n > 0 && at < screen.canvas.columns) {
		uint32_t c;
		size_t used = decode((const uint8_t *)s, n, &c);

		to[at++] = cell(colour, font_glyph(c));
		s += used;
		n -= used;
	}
	screen.changed = true;
}

static uint8_t colour_of(enum log_level level)
{
	static const uint8_t colour[] = {
		[LOG_ERROR] = COLOUR_ERROR,
		[LOG_WARN] = COLOUR_WARN,
		[LOG_INFO] = COLOUR_PLAIN,
		[LOG_DEBUG] = COLOUR_DEBUG,
		[LOG_LINE] = COLOUR_LINE,
		[LOG_PANIC] = COLOUR_PANIC,
	};

	return colour[level];
}

/* The newline comes before the line that needs it, so the bottom line is never
 * empty. */
static void put_line(enum log_level level, const char *text, size_t len)
{
	screen.colour = colour_of(level);
	if (screen.column > 0)
		new_line();
	else
		fill(log_line_at(screen.row), screen.colour);
	while (len > 0) {
		uint32_t c;
		size_t used = decode((const uint8_t *)text, len, &c);

		if (c == '\n')
			new_line();
		else
			put_character(c);
		text += used;
		len -= used;
	}
	screen.changed = true;
}

/* --- Drawing ---------------------------------------------------------------
 */

static void clear(void)
{
	uint32_t cells = screen.canvas.columns * screen.canvas.rows;

	canvas_clear(&screen.canvas);
	for (uint32_t i = 0; i < cells; i++)
		screen.shown[i] = cell(COLOUR_PLAIN, FONT_BLANK);
	screen.cleared = true;
}

/* Cells that differ, from a column on; at most max. */
static uint32_t run_length(const canvas_cell *wanted, const canvas_cell *shown,
    uint32_t column, uint32_t max)
{
	uint32_t n = 0;

	while (n < max && column + n < screen.canvas.columns &&
	       wanted[column + n] != shown[column + n])
		n++;
	return n;
}

/* Draws at most max differing cells of a row.  Returns how many; then `next`
 * stands behind them, or at the next row when there were none. */
static uint32_t draw_run(uint32_t max)
{
	uint32_t row = screen.next / screen.canvas.columns;
	uint32_t column = screen.next % screen.canvas.columns;
	const canvas_cell *wanted = row_at(row);
	canvas_cell *shown = screen.shown + row * screen.canvas.columns;
	uint32_t n;

	while (
	    column < screen.canvas.columns && wanted[column] == shown[column])
		column++;
	n = run_length(wanted, shown, column, max);
	if (n > 0) {
		canvas_draw(&screen.canvas, row, column, wanted + column, n);
		memcpy(shown + column, wanted + column, n * sizeof(*shown));
	}
	screen.next = row * screen.canvas.columns + column + n;
	return n;
}

static uint32_t cells_of_a_turn(void)
{
	const struct font *f = screen.canvas.font;

	return f ? TURN_PIXELS / (f->width * f->height) : TURN_CELLS;
}

/* Draws what one turn allows.  Returns whether more may be left. */
static bool draw_some(void)
{
	uint32_t left = cells_of_a_turn();
	uint32_t end = screen.canvas.columns * screen.canvas.rows;

	if (!screen.cleared)
		clear();
	if (screen.next == 0)
		screen.changed = false;
	while (screen.next < end && left > 0)
		left -= draw_run(left);
	if (screen.next < end)
		return true;
	screen.next = 0;
	return false;
}

/* An interrupt may log while a line is being drawn: that one's drawing goes on
 * to the new line.  A panic draws whatever it interrupted, but when it comes
 * back while it draws, then drawing is what fails. */
static bool may_draw(void)
{
	if (!screen.present || screen.canvas.mode.memory == NULL)
		return false;
	if (!screen.panicking)
		return screen.mapped && !screen.drawing;
	if (screen.drawing_panic)
		screen.present = false;
	return screen.present;
}

void screen_flush(void)
{
	if (!may_draw())
		return;
	screen.drawing = true;
	screen.drawing_panic = screen.panicking;
	screen.next = 0;
	do
		while (draw_some())
			;
	while (screen.changed);
	screen.drawing = false;
	screen.drawing_panic = false;
}

/* --- The thread ------------------------------------------------------------
 */

static void draw_for_ever(void *arg)
{
	for (;;) {
		while (!screen.changed)
			waitq_wait(&screen.wake, WAIT_FOREVER);
		while (draw_some())
			thread_yield();
		thread_sleep_until(clock_ns() + NS_PER_S / SCREEN_RATE);
	}
}

static int wake_thread(struct bh *b, int budget)
{
	waitq_wake(&screen.wake, 0);
	return 0;
}

int screen_start(void)
{
	if (!screen.present)
		return 0;
	screen_flush();
	bh_init(&screen.bh, wake_thread);
	waitq_init(&screen.wake);
	if (!thread_create("screen", draw_for_ever, NULL))
		return -ENOMEM;
	screen.threaded = true;
	return 0;
}

/* --- Calls -----------------------------------------------------------------
 */

static void show_change(void)
{
	if (screen.threaded && !screen.panicking)
		bh_schedule(&screen.bh);
	else
		screen_flush();
}

/* The header stays when the PANIC line has scrolled away. */
static void begin_panic(const char *text, size_t len)
{
	static const char title[] = " PANIC  Ringlet has stopped; "
	                            "a photo of this screen tells why";

	screen.panicking = true;
	put_header(0, COLOUR_PANIC_HEADER, title, sizeof(title) - 1);
	put_header(1, COLOUR_PANIC_HEADER, text, len);
}

void screen_write(enum log_level level, const char *text, size_t len)
{
	unsigned long irq;

	if (!screen.present || len == 0)
		return;
	if (text[len - 1] == '\n')
		len--;
	irq = arch_irq_save();
	if (level == LOG_PANIC && !screen.panicking)
		begin_panic(text, len);
	put_line(level, text, len);
	arch_irq_restore(irq);
	show_change();
}

void screen_set_header(unsigned line, const char *text)
{
	if (!screen.present || screen.panicking)
		return;
	put_header(line, COLOUR_HEADER, text, strlen(text));
	show_change();
}

bool screen_present(void)
{
	return screen.present;
}

uint32_t screen_columns(void)
{
	return screen.present ? screen.canvas.columns : 0;
}

uint32_t screen_rows(void)
{
	return screen.present ? screen.canvas.rows : 0;
}

void screen_move(void *memory)
{
	if (memory == NULL)
		screen.present = false;
	screen.canvas.mode.memory = memory;
	screen.mapped = true;
	screen_flush();
}

int screen_init(const struct canvas_mode *m)
{
	struct canvas *c = &screen.canvas;

	memset(&screen, 0, sizeof(screen));
	if (canvas_init(c, m) || c->columns > SCREEN_CELLS_MAX)
		return -EINVAL;
	if (c->rows > SCREEN_CELLS_MAX / c->columns)
		c->rows = SCREEN_CELLS_MAX / c->columns;
	if (c->rows >= ROWS_FOR_HEADER)
		screen.header_rows = SCREEN_HEADER_LINES;
	screen.log_rows = c->rows - screen.header_rows;
	for (uint32_t row = 0; row < c->rows; row++)
		fill(screen.wanted + row * c->columns,
		    row < screen.header_rows ? COLOUR_HEADER : COLOUR_PLAIN);
	screen.present = true;
	return 0;
}
