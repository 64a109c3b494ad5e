/* SPDX-License-Identifier: Apache-2.0
 *
 * The plugin to copy: a stage that corrects a sensor, value * scale + offset, in one field of the payload.
 * README.md beside it builds this file outside the tree with one gcc line.
 */
#include <forebay/plugin.h>

#include <stdlib.h>
#include <string.h>

/* What the operator writes. The host fills it by the table below, defaults included, and keeps it as long as
 * the instance lives. */
struct example_options {
    const char *field;
    double scale;
    double offset;
};

static const struct fby_option example_option_rows[] = {
    {.name = "field",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = offsetof(struct example_options, field),
     .help = "Name of the numeric field to correct."},
    {.name = "scale",
     .type = FBY_OPTION_DOUBLE,
     .offset = offsetof(struct example_options, scale),
     .default_text = "1",
     .help = "The value is multiplied by this."},
    {.name = "offset",
     .type = FBY_OPTION_DOUBLE,
     .offset = offsetof(struct example_options, offset),
     .default_text = "0",
     .help = "Added after scaling."},
    {.name = NULL},
};

/* One use of the plugin in one route. */
struct example {
    const struct fby_host *host;
    struct fby_instance *instance;
    const struct example_options *options;
    size_t field_len;
};

/* What the table cannot say. Runs at `forebayd --check` too; the host adds file, line and column. */
static const char *example_check(const void *options, struct fby_error *err)
{
    const struct example_options *o = options;
    (void)err;
    return o->scale == 0 ? "A scale of 0 would make every value the offset. Remove the stage, or correct it."
                         : NULL;
}

static void *example_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                            struct fby_error *err)
{
    (void)err;
    struct example *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->host = host;
    e->instance = instance;
    e->options = options;
    e->field_len = strlen(e->options->field);
    return e;
}

static void example_destroy(void *self)
{
    free(self);
}

static struct fby_value *find_field(const struct example *e, const struct fby_value *map)
{
    if (map->type != FBY_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->len; i++) {
        struct fby_field *f = &map->fields[i];
        if (f->name.len == e->field_len && memcmp(f->name.data, e->options->field, e->field_len) == 0)
            return &f->value;
    }
    return NULL;
}

/* False when it is not a number. */
static bool read_number(const struct fby_value *v, double *number)
{
    if (v->type == FBY_DOUBLE)
        *number = v->number;
    else if (v->type == FBY_INT)
        *number = (double)v->integer;
    else if (v->type == FBY_UINT)
        *number = (double)v->uinteger;
    else
        return false;
    return true;
}

static void correct_item(struct example *e, struct fby_item *item)
{
    struct fby_value *v = find_field(e, item->value);
    if (!v)
        return; /* a message without the field passes as it is */
    double number;
    if (!read_number(v, &number)) {
        item->verdict = FBY_FAIL; /* to the dead letters, with this reason */
        item->reason = "the field is not a number";
        return;
    }
    number = number * e->options->scale + e->options->offset;
    v->flags = v->type == FBY_DOUBLE ? v->flags & FBY_FLAG_FLOAT32 : 0; /* a float stays printed as one */
    v->type = FBY_DOUBLE;
    v->number = number;
    e->host->count(e->instance, "corrected", 1);
}

static void example_process(void *self, struct fby_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        correct_item(self, batch->items[i]);
}

static const struct fby_stage_ops example_ops = {
    .create = example_create,
    .destroy = example_destroy,
    .process = example_process,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "example",
    .version = "1.0.0",
    .summary = "Corrects a numeric field by a factor and an offset.",
    .kind = FBY_KIND_STAGE,
    .options = example_option_rows,
    .options_size = sizeof(struct example_options),
    .check = example_check,
    .stage = &example_ops,
};
