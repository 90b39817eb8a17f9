/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU's (TCG, API 1) that writes down each access to a device's
 * registers: address, width, direction, and whether an interrupt was being
 * handled.  The machine under test does not know that it is watched.
 *
 *	-plugin watch.so,out=FILE,low=HEX,high=HEX,enter=HEX
 *
 * low to high: physical addresses.  enter: where the machine's interrupts are
 * handled (interrupt_entry); an iretq ends them.  FILE is struct log; it is
 * mapped, so a reader sees it grow, and it outlives QEMU.
 *
 * Values are not told by this API.  The prototypes restate its ABI, so that no
 * header of QEMU's is needed.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_hwaddr;
enum { NO_REGISTERS = 0, READS_AND_WRITES = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *,
    void (*)(unsigned, void *), int flags, void *arg);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *,
    void (*)(unsigned, uint32_t, uint64_t, void *), int flags, int rw,
    void *arg);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(
    const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);
struct qemu_plugin_hwaddr *qemu_plugin_get_hwaddr(uint32_t info, uint64_t va);
bool qemu_plugin_hwaddr_is_io(const struct qemu_plugin_hwaddr *);
uint64_t qemu_plugin_hwaddr_phys_addr(const struct qemu_plugin_hwaddr *);
bool qemu_plugin_mem_is_store(uint32_t info);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

#define RECORDS_MAX (1u << 20)

struct record {
	uint32_t address;
	uint8_t width, store;
	uint16_t interrupt; /* its number, from 1; 0: none */
};

struct log {
	uint64_t count; /* records; those beyond the last were lost */
	struct record record[RECORDS_MAX];
};

static struct {
	struct log *log;
	uint64_t low, high, enter;
	uint16_t interrupts;
	bool in_interrupt;
} watch;

static void on_access(unsigned cpu, uint32_t info, uint64_t va, void *arg)
{
	struct qemu_plugin_hwaddr *h = qemu_plugin_get_hwaddr(info, va);
	uint64_t at;

	if (!h || !qemu_plugin_hwaddr_is_io(h))
		return;
	at = qemu_plugin_hwaddr_phys_addr(h);
	if (at < watch.low || at >= watch.high)
		return;
	if (watch.log->count < RECORDS_MAX)
		watch.log->record[watch.log->count] = (struct record){
			.address = (uint32_t)at,
			.width =
			    (uint8_t)(1u << qemu_plugin_mem_size_shift(info)),
			.store = qemu_plugin_mem_is_store(info),
			.interrupt = watch.in_interrupt ? watch.interrupts : 0,
		};
	watch.log->count++;
}

static void on_enter(unsigned cpu, void *arg)
{
	watch.in_interrupt = true;
	if (++watch.interrupts == 0)
		watch.interrupts = 1;
}

static void on_leave(unsigned cpu, void *arg)
{
	watch.in_interrupt = false;
}

static void watch_insn(struct qemu_plugin_insn *insn)
{
	static const uint8_t iretq[] = { 0x48, 0xcf };

	qemu_plugin_register_vcpu_mem_cb(
	    insn, on_access, NO_REGISTERS, READS_AND_WRITES, NULL);
	if (qemu_plugin_insn_vaddr(insn) == watch.enter)
		qemu_plugin_register_vcpu_insn_exec_cb(
		    insn, on_enter, NO_REGISTERS, NULL);
	if (qemu_plugin_insn_size(insn) == sizeof(iretq) &&
	    memcmp(qemu_plugin_insn_data(insn), iretq, sizeof(iretq)) == 0)
		qemu_plugin_register_vcpu_insn_exec_cb(
		    insn, on_leave, NO_REGISTERS, NULL);
}

static void on_block(plugin_id id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb);

	for (size_t i = 0; i < n; i++)
		watch_insn(qemu_plugin_tb_get_insn(tb, i));
}

static struct log *open_log(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	void *log;

	if (fd < 0 || ftruncate(fd, sizeof(struct log)) != 0)
		return NULL;
	log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	return log == MAP_FAILED ? NULL : log;
}

static uint64_t number(const char *text)
{
	return strtoull(text, NULL, 16);
}

__attribute__((visibility("default"))) int qemu_plugin_install(
    plugin_id id, const void *info, int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value++)
			return 1;
		if (strncmp(argv[i], "out", 3) == 0)
			watch.log = open_log(value);
		else if (strncmp(argv[i], "low", 3) == 0)
			watch.low = number(value);
		else if (strncmp(argv[i], "high", 4) == 0)
			watch.high = number(value);
		else if (strncmp(argv[i], "enter", 5) == 0)
			watch.enter = number(value);
	}
	if (!watch.log)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
	return 0;
}
