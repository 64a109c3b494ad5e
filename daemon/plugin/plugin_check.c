/* SPDX-License-Identifier: Apache-2.0
 *
 * See plugin_check.h. A plugin is code of somebody else: a row that points outside its struct would have the
 * configuration reader write over the heap, so it is found here.
 */
#include "plugin/plugin_check.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64, SECTION_DEPTH_MAX = 8 };

/* The struct's size in 1.0, the smallest that a plugin of this major version can have. */
#define SIZE_1_0 (offsetof(struct fby_plugin, scalar_option) + sizeof(const char *))

static size_t option_type_size(enum fby_option_type type)
{
    switch (type) {
    case FBY_OPTION_BOOL:
        return sizeof(bool);
    case FBY_OPTION_INT:
    case FBY_OPTION_SIZE:
    case FBY_OPTION_DURATION:
        return sizeof(int64_t);
    case FBY_OPTION_DOUBLE:
        return sizeof(double);
    case FBY_OPTION_STRING:
    case FBY_OPTION_VALUE:
        return sizeof(void *);
    case FBY_OPTION_CHOICE:
        return sizeof(int);
    case FBY_OPTION_STRINGS:
        return sizeof(struct fby_strings);
    case FBY_OPTION_STRING_MAP:
        return sizeof(struct fby_string_map);
    case FBY_OPTION_SECTION:
        return 1; /* its rows are checked against the whole struct */
    }
    return 0;
}

static const char *find_row_fault(const struct fby_option *row, size_t base, size_t size)
{
    size_t need = option_type_size(row->type);
    if (need == 0)
        return "has a type this daemon does not know";
    if (row->offset > size - base || need > size - base - row->offset)
        return "lies outside the options struct";
    if (row->type == FBY_OPTION_CHOICE && (!row->choices || !row->choices[0]))
        return "is a choice without choices";
    if (row->type == FBY_OPTION_SECTION && !row->section)
        return "is a section without rows";
    return NULL;
}

static enum status check_rows(const struct fby_option *rows, size_t base, size_t size, unsigned depth,
                              struct error *err)
{
    if (depth > SECTION_DEPTH_MAX)
        return error_set(err, STATUS_INVALID, "its option sections are nested more than %d deep",
                         SECTION_DEPTH_MAX);
    for (const struct fby_option *row = rows; row->name; row++) {
        const char *fault = find_row_fault(row, base, size);
        if (fault)
            return error_set(err, STATUS_INVALID, "its option \"%s\" %s", row->name, fault);
        if (row->type != FBY_OPTION_SECTION)
            continue;
        enum status s = check_rows(row->section, base + row->offset, size, depth + 1, err);
        if (s != STATUS_OK)
            return s;
    }
    return STATUS_OK;
}

static enum status check_options(const struct fby_plugin *p, struct error *err)
{
    if (!p->options)
        return STATUS_OK;
    if (p->options_size == 0)
        return error_set(err, STATUS_INVALID, "it has options but options_size is 0");
    enum status s = check_rows(p->options, 0, p->options_size, 0, err);
    if (s != STATUS_OK || !p->scalar_option)
        return s;
    for (const struct fby_option *row = p->options; row->name; row++)
        if (strcmp(row->name, p->scalar_option) == 0)
            return STATUS_OK;
    return error_set(err, STATUS_INVALID, "its scalar_option \"%s\" is not one of its options",
                     p->scalar_option);
}

static enum status check_operations(const struct fby_plugin *p, struct error *err)
{
    bool complete = false;
    if (p->kind == FBY_KIND_STAGE)
        complete = p->stage && p->stage->create && p->stage->destroy && p->stage->process;
    else if (p->kind == FBY_KIND_UPSTREAM)
        complete = p->upstream && p->upstream->create && p->upstream->destroy && p->upstream->send &&
                   p->upstream->cancel;
    else if (p->kind == FBY_KIND_CODEC)
        complete =
            p->codec && p->codec->create && p->codec->destroy && (p->codec->decode || p->codec->encode);
    else
        return error_set(err, STATUS_INVALID, "it is of kind %d, which this daemon does not know",
                         (int)p->kind);
    if (!complete)
        return error_set(err, STATUS_INVALID, "it does not fill in every operation of its kind");
    return STATUS_OK;
}

bool plugin_check_name(const char *name)
{
    if (!name || *name < 'a' || *name > 'z')
        return false;
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return len <= NAME_MAX_BYTES && name[len] == 0;
}

enum status plugin_check_description(const struct fby_plugin *found, const char *name,
                                     struct fby_plugin *description, struct error *err)
{
    if (found->abi_major != FBY_ABI_MAJOR)
        return error_set(
            err, STATUS_INVALID,
            "it was built for plugin ABI %u.%u and this daemon offers %d.%d. Build it again with "
            "the forebay/plugin.h of this version",
            found->abi_major, found->abi_minor, FBY_ABI_MAJOR, FBY_ABI_MINOR);
    if (found->size < SIZE_1_0 || found->size > 64 * 1024)
        return error_set(err, STATUS_INVALID,
                         "its description says it is %u bytes long, expected %zu. Build it again with the "
                         "forebay/plugin.h of this version",
                         (unsigned)found->size, sizeof *found);
    memset(description, 0, sizeof *description);
    memcpy(description, found, found->size < sizeof *description ? found->size : sizeof *description);
    if (!plugin_check_name(description->name))
        return error_set(err, STATUS_INVALID, "its name \"%s\" is not of the form [a-z][a-z0-9_]*",
                         description->name ? description->name : "");
    if (strcmp(description->name, name) != 0)
        return error_set(err, STATUS_INVALID,
                         "it calls itself \"%s\" and the configuration calls it \"%s\". Use its own name",
                         description->name, name);
    if (!description->version)
        description->version = "unknown";
    enum status s = check_operations(description, err);
    return s == STATUS_OK ? check_options(description, err) : s;
}
