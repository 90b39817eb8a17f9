/* SPDX-License-Identifier: MIT */
/*
 * Files: those of the stick, which are runs of bytes in memory that never
 * change, and the generated ones below /proc, whose text is made when they are
 * opened.  Everything is read-only.  A file of the stick goes out on a socket
 * by reference (sendfile); a generated text is copied, for it dies with its
 * descriptor.
 */
#include "posix/internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/filetable.h"
#include "lib/string.h"

#define FILE_PATH_MAX    512
#define PROC_FOLDER      "/proc/"
#define PROC_FIRST_BYTES 16384

/* --- Finding ------------------------------------------------------------- */

/* There is one working directory, the root; slashes at the end say that a
 * folder is meant. */
static int clean_path(const char *path, char *out, bool *folder)
{
	size_t len = strlen(path), lead = path[0] == '/' ? 0 : 1;

	if (len == 0)
		return -ENOENT;
	if (lead + len >= FILE_PATH_MAX)
		return -ENAMETOOLONG;
	out[0] = '/';
	memcpy(out + lead, path, len + 1);
	len += lead;
	*folder = false;
	while (len > 1 && out[len - 1] == '/') {
		out[--len] = '\0';
		*folder = true;
	}
	return 0;
}

static const struct file root_folder = { .path = "/", .is_dir = true };

static int find_file(const char *path, const struct file **out)
{
	const struct filetable *t = posix_env()->config.files;
	char clean[FILE_PATH_MAX];
	const struct file *e;
	bool folder;
	int rc = clean_path(path, clean, &folder);

	if (rc < 0)
		return rc;
	/* A folder of that name on the stick stays hidden. */
	if (str_equal_nocase_n(clean, PROC_FOLDER, strlen(PROC_FOLDER)))
		return -ENOENT;
	e = t ? filetable_find(t, clean) : NULL;
	if (!e && clean[1] == '\0')
		e = &root_folder;
	if (!e)
		return -ENOENT;
	if (folder && !e->is_dir)
		return -ENOTDIR;
	*out = e;
	return 0;
}

static const struct posix_proc *find_proc(const char *path)
{
	struct posix_env *env = posix_env();
	uint32_t i;

	if (strncmp(path, PROC_FOLDER, strlen(PROC_FOLDER)) != 0)
		return NULL;
	for (i = 0; i < env->proc_count; i++)
		if (strcmp(env->proc[i].name, path) == 0)
			return &env->proc[i];
	return NULL;
}

/* --- Opening ------------------------------------------------------------- */

/* Makes the text, with more room when it proves longer.  It may have grown
 * again meanwhile; then it is cut. */
static int generate(const struct posix_proc *proc, struct ofile_file *file)
{
	size_t room = PROC_FIRST_BYTES, len;
	char *text = malloc(room);

	if (!text)
		return -ENOMEM;
	len = proc->gen(text, room, proc->ctx);
	if (len > room) {
		free(text);
		room = len + len / 8;
		text = malloc(room);
		if (!text)
			return -ENOMEM;
		len = proc->gen(text, room, proc->ctx);
	}
	file->len = len < room ? len : room;
	file->text = realloc(text, file->len);
	if (!file->text)
		file->text = text;
	file->data = file->text;
	return 0;
}

static int open_proc(const struct posix_proc *proc)
{
	struct ofile *f;
	int fd = fd_open(&file_ops, &f);
	int rc;

	if (fd < 0)
		return fd;
	rc = generate(proc, &f->file);
	if (rc == 0)
		return fd;
	fd_abandon(fd);
	return rc;
}

static int open_file(const char *path, int flags)
{
	const struct file *e;
	struct ofile *f;
	int fd, rc;

	rc = find_file(path, &e);
	if (rc == -ENOENT && (flags & O_CREAT))
		return -EROFS;
	if (rc < 0)
		return rc;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC))
		return e->is_dir ? -EISDIR : -EROFS;
	if ((flags & O_DIRECTORY) && !e->is_dir)
		return -ENOTDIR;
	fd = fd_open(&file_ops, &f);
	if (fd < 0)
		return fd;
	f->file.entry = e;
	f->file.data = e->data;
	f->file.len = e->is_dir ? 0 : e->len;
	return fd;
}

int open(const char *path, int flags, ...)
{
	const struct posix_proc *proc = find_proc(path);

	posix_enter();
	if (proc && (flags & O_ACCMODE) != O_RDONLY)
		return (int)posix_result(-EACCES);
	return (int)posix_result(
	    proc ? open_proc(proc) : open_file(path, flags));
}

/* --- Reading ------------------------------------------------------------- */

static bool is_folder(const struct ofile_file *file)
{
	return file->entry && file->entry->is_dir;
}

/* The bytes from at on, at most len.  at may lie behind the end. */
static size_t bytes_at(const struct ofile_file *file, size_t at, size_t len)
{
	size_t left = at < file->len ? file->len - at : 0;

	return len < left ? len : left;
}

static ptrdiff_t file_read(struct ofile *f, void *buf, size_t len)
{
	size_t n = bytes_at(&f->file, f->file.pos, len);

	if (is_folder(&f->file))
		return -EISDIR;
	if (n > 0)
		memcpy(buf, f->file.data + f->file.pos, n);
	f->file.pos += n;
	return (ptrdiff_t)n;
}

ssize_t pread(int fd, void *buf, size_t len, off_t at)
{
	struct ofile *f;
	ptrdiff_t rc;

	posix_enter();
	rc = fd_get_kind(fd, &file_ops, -ESPIPE, &f);
	if (rc < 0)
		return posix_result(rc);
	rc = is_folder(&f->file) ? -EISDIR : at < 0 ? -EINVAL : 0;
	if (rc == 0) {
		rc = (ptrdiff_t)bytes_at(&f->file, (size_t)at, len);
		if (rc > 0)
			memcpy(buf, f->file.data + at, (size_t)rc);
	}
	ofile_put(f);
	return posix_result(rc);
}

static ptrdiff_t seek(struct ofile_file *file, off_t offset, int whence)
{
	off_t base, to;

	if (whence == SEEK_SET)
		base = 0;
	else if (whence == SEEK_CUR)
		base = (off_t)file->pos;
	else if (whence == SEEK_END)
		base = (off_t)file->len;
	else
		return -EINVAL;
	if (__builtin_add_overflow(base, offset, &to) || to < 0)
		return -EINVAL;
	file->pos = (size_t)to;
	return to;
}

off_t lseek(int fd, off_t offset, int whence)
{
	struct ofile *f;
	ptrdiff_t rc = fd_get_kind(fd, &file_ops, -ESPIPE, &f);

	if (rc < 0)
		return posix_result(rc);
	rc = seek(&f->file, offset, whence);
	ofile_put(f);
	return posix_result(rc);
}

/* --- Sending ------------------------------------------------------------- */

static ptrdiff_t send_from(
    struct ofile *out, struct ofile *in, size_t at, size_t count)
{
	size_t n = bytes_at(&in->file, at, count);

	if (is_folder(&in->file) || out->socket.type != SOCK_TYPE_TCP)
		return -EINVAL;
	if (n == 0)
		return 0;
	return socket_send_file(
	    out, in->file.data + at, n, in->file.entry != NULL);
}

static ptrdiff_t send_file(
    struct ofile *out, struct ofile *in, off_t *offset, size_t count)
{
	off_t at = offset ? *offset : (off_t)in->file.pos;
	ptrdiff_t rc;

	if (at < 0)
		return -EINVAL;
	rc = send_from(out, in, (size_t)at, count);
	if (rc > 0 && offset)
		*offset = at + rc;
	else if (rc > 0)
		in->file.pos = (size_t)(at + rc);
	return rc;
}

ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
	struct ofile *out, *in;
	ptrdiff_t rc;

	posix_enter();
	rc = fd_get_kind(out_fd, &socket_ops, -EINVAL, &out);
	if (rc < 0)
		return posix_result(rc);
	rc = fd_get_kind(in_fd, &file_ops, -EINVAL, &in);
	if (rc == 0) {
		rc = send_file(out, in, offset, count);
		ofile_put(in);
	}
	ofile_put(out);
	return posix_result(rc);
}

/* --- What is known of a file --------------------------------------------- */

static void entry_stat(const struct file *e, struct stat *out)
{
	out->st_mode = e->is_dir ? S_IFDIR | 0555 : S_IFREG | 0444;
	out->st_size = e->is_dir ? 0 : (off_t)e->len;
	out->st_blocks = (out->st_size + 511) / 512;
	out->st_mtime = (time_t)e->mtime_s;
	out->st_ino = e->hash;
}

static void file_stat(const struct ofile *f, struct stat *out)
{
	if (f->file.entry) {
		entry_stat(f->file.entry, out);
		return;
	}
	out->st_mode = S_IFREG | 0444;
	out->st_size = (off_t)f->file.len;
}

int stat(const char *path, struct stat *out)
{
	const struct file *e;
	int rc;

	memset(out, 0, sizeof(*out));
	out->st_nlink = 1;
	out->st_blksize = 4096;
	if (find_proc(path)) {
		out->st_mode = S_IFREG | 0444;
		return 0;
	}
	rc = find_file(path, &e);
	if (rc == 0)
		entry_stat(e, out);
	return (int)posix_result(rc);
}

static void file_release(struct ofile *f)
{
	free(f->file.text);
}

const struct ofile_ops file_ops = {
	.read = file_read,
	.stat = file_stat,
	.release = file_release,
};
