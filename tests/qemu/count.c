/* SPDX-License-Identifier: MIT */
/*
 * A plugin of QEMU's (TCG, API 1) that counts the instructions that a machine
 * executes, by where their block begins.
 *
 *	-plugin count.so,out=FILE,low=HEX,high=HEX
 *
 * low to high: virtual addresses.  FILE holds one number of 64 bits for each of
 * them; it is mapped, so a reader sees it grow.
 *
 * The prototypes restate the ABI, so that no header of QEMU's is needed.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum { ADD_U64 = 0 };

void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(
    struct qemu_plugin_tb *, int op, void *number, uint64_t imm);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static struct {
	uint64_t *number;
	uint64_t low, high;
} count;

static void on_block(plugin_id id, struct qemu_plugin_tb *tb)
{
	uint64_t at = qemu_plugin_tb_vaddr(tb);

	if (at >= count.low && at < count.high)
		qemu_plugin_register_vcpu_tb_exec_inline(tb, ADD_U64,
		    &count.number[at - count.low], qemu_plugin_tb_n_insns(tb));
}

static uint64_t *open_numbers(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	void *at;

	if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

__attribute__((visibility("default"))) int qemu_plugin_install(
    plugin_id id, const void *info, int argc, char **argv)
{
	const char *path = "";

	for (int i = 0; i < argc; i++) {
		const char *value = strchr(argv[i], '=');

		if (!value++)
			return 1;
		if (strncmp(argv[i], "out", 3) == 0)
			path = value;
		else if (strncmp(argv[i], "low", 3) == 0)
			count.low = strtoull(value, NULL, 16);
		else if (strncmp(argv[i], "high", 4) == 0)
			count.high = strtoull(value, NULL, 16);
	}
	if (count.high <= count.low)
		return 1;
	count.number =
	    open_numbers(path, (count.high - count.low) * sizeof(uint64_t));
	if (!count.number)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, on_block);
	return 0;
}
