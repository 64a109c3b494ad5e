/* SPDX-License-Identifier: Apache-2.0
 *
 * See plugin_load.h.
 */
#include "plugin/plugin_load.h"

#include "base/memory.h"
#include "plugin/plugin_check.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* The header of our own executable, given by the linker: what a plugin must agree with. */
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case EM_386:
        return "32-bit x86";
    case EM_X86_64:
        return "x86-64";
    case EM_ARM:
        return "32-bit ARM";
    case EM_AARCH64:
        return "64-bit ARM";
    case EM_RISCV:
        return "RISC-V";
    case EM_MIPS:
        return "MIPS";
    case EM_PPC64:
        return "64-bit PowerPC";
    case EM_S390:
        return "s390";
    default:
        return "another machine";
    }
}

/* The linker's words for these cases ("wrong ELF class") help nobody in the field. */
static enum status check_elf_header(int fd, struct error *err)
{
    /* e_type and e_machine stand at the same place in both classes. */
    ElfW(Ehdr) header = {0};
    const ElfW(Ehdr) *own = &__ehdr_start;
    ssize_t n = pread(fd, &header, sizeof header, 0);
    if (n < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot be read");
    if (n < 20 || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(err, STATUS_INVALID,
                         "is not a shared object. A plugin is built with -shared -fPIC; see plugins/example");
    if (header.e_machine != own->e_machine || header.e_ident[EI_CLASS] != own->e_ident[EI_CLASS] ||
        header.e_ident[EI_DATA] != own->e_ident[EI_DATA])
        return error_set(err, STATUS_INVALID,
                         "is built for %s and this daemon runs on %s. Install the build for this machine",
                         machine_name(header.e_machine), machine_name(own->e_machine));
    if (header.e_type != ET_DYN)
        return error_set(err, STATUS_INVALID,
                         "is not a shared object but an object file or a program. Link it with -shared");
    return STATUS_OK;
}

/* Whoever may write to the file runs code as the daemon. */
static enum status check_writers(const char *path, const struct stat *st, struct error *err)
{
    if (!S_ISREG(st->st_mode))
        return error_set(err, STATUS_INVALID, "is not a file");
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return error_set(err, STATUS_REFUSED,
                         "belongs to user %u, who could change what the daemon runs. "
                         "Make it root's: chown root %s",
                         (unsigned)st->st_uid, path);
    if (st->st_mode & S_IWOTH)
        return error_set(err, STATUS_REFUSED,
                         "can be changed by every user. Take that right away: chmod o-w %s", path);
    char *copy = xstrdup(path);
    const char *directory = dirname(copy);
    struct stat above;
    enum status s = STATUS_OK;
    if (stat(directory, &above) != 0)
        s = error_set_errno(err, STATUS_IO, errno, "its directory %s cannot be examined", directory);
    else if ((above.st_mode & S_IWOTH) && !(above.st_mode & S_ISVTX))
        s = error_set(err, STATUS_REFUSED,
                      "lies in %s, where every user may replace files. Take that right away: chmod o-w %s",
                      directory, directory);
    free(copy);
    return s;
}

static void identity_of(const struct stat *st, struct plugin_identity *id)
{
    *id = (struct plugin_identity){
        .device = st->st_dev, .inode = st->st_ino, .size = st->st_size, .modified = st->st_mtim};
}

static int copy_to_memory(int fd, off_t size, struct error *err)
{
    int copy = memfd_create("forebay-plugin", MFD_CLOEXEC);
    off_t offset = 0;
    while (copy >= 0 && offset < size)
        if (sendfile(copy, fd, &offset, (size_t)(size - offset)) <= 0)
            break;
    if (copy >= 0 && offset >= size)
        return copy;
    error_set_errno(err, STATUS_IO, errno, "cannot be copied to load it beside the older one");
    if (copy >= 0)
        close(copy);
    return -1;
}

static enum status link_object(const char *path, int fd, bool beside, struct plugin_file *file,
                               struct error *err)
{
    char name[64];
    if (beside) {
        file->copy_fd = copy_to_memory(fd, file->identity.size, err);
        if (file->copy_fd < 0)
            return STATUS_IO;
        snprintf(name, sizeof name, "/proc/self/fd/%d", file->copy_fd);
        path = name;
    }
    /* NOW: an unresolved symbol is found here, not in the middle of a message. */
    file->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!file->handle)
        return error_set(err, STATUS_INVALID,
                         "cannot be loaded: %s. Install what is missing, or build the plugin again",
                         dlerror());
    return STATUS_OK;
}

static enum status find_description(struct plugin_file *file, const char *name, struct error *err)
{
    const struct fby_plugin *found = dlsym(file->handle, "forebay_plugin");
    if (!found)
        return error_set(err, STATUS_INVALID,
                         "is not a Forebay plugin: it exports no symbol forebay_plugin. "
                         "See FBY_PLUGIN in forebay/plugin.h");
    return plugin_check_description(found, name, &file->description, err);
}

static enum status open_checked(const char *path, int *fd, struct plugin_file *file, struct error *err)
{
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0 && errno == ENOENT)
        return error_set(err, STATUS_NOT_FOUND, "does not exist. Install it there, or correct the path");
    if (*fd < 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot be opened");
    struct stat st;
    if (fstat(*fd, &st) != 0)
        return error_set_errno(err, STATUS_IO, errno, "cannot be examined");
    identity_of(&st, &file->identity);
    enum status s = check_writers(path, &st, err);
    return s == STATUS_OK ? check_elf_header(*fd, err) : s;
}

enum status plugin_load_identify(const char *path, struct plugin_identity *id, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_set_errno(err, errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO, errno, "%s", path);
    identity_of(&st, id);
    return STATUS_OK;
}

bool plugin_load_is_same(const struct plugin_identity *a, const struct plugin_identity *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec;
}

enum status plugin_load_open(const char *path, const char *name, bool beside, struct plugin_file *file,
                             struct error *err)
{
    *file = (struct plugin_file){.copy_fd = -1};
    char *real = realpath(path, NULL); /* the rights that count are those of the file behind a link */
    const char *place = real ? real : path;
    int fd = -1;
    enum status s = open_checked(place, &fd, file, err);
    if (s == STATUS_OK)
        s = link_object(place, fd, beside, file, err);
    if (s == STATUS_OK)
        s = find_description(file, name, err);
    if (s != STATUS_OK) {
        error_wrap(err, "plugin \"%s\": %s", name, place);
        plugin_load_close(file);
    }
    if (fd >= 0)
        close(fd);
    free(real);
    return s;
}

void plugin_load_close(struct plugin_file *file)
{
    if (file->handle)
        dlclose(file->handle);
    if (file->copy_fd >= 0)
        close(file->copy_fd);
    *file = (struct plugin_file){.copy_fd = -1};
}
