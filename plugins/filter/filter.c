/* SPDX-License-Identifier: Apache-2.0
 *
 * Lets messages through or drops them by a condition over their fields. The condition is a Lua expression
 * (filter_expression.c); this file is the stage around it.
 */
#include <forebay/plugin.h>

#include "filter_expression.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum on_error { ON_ERROR_DEAD_LETTER, ON_ERROR_DROP, ON_ERROR_KEEP };

struct filter_options {
    const char *keep;
    const char *drop;
    int on_error; /* enum on_error */
};

static const char *const on_error_choices[] = {"dead_letter", "drop", "keep", NULL};

static const struct fby_option filter_option_rows[] = {
    {.name = "keep",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct filter_options, keep),
     .help = "Lua expression over the fields; messages for which it is true go on, the others are dropped."},
    {.name = "drop",
     .type = FBY_OPTION_STRING,
     .offset = offsetof(struct filter_options, drop),
     .help = "Lua expression over the fields; messages for which it is true are dropped, the others go on."},
    {.name = "on_error",
     .type = FBY_OPTION_CHOICE,
     .offset = offsetof(struct filter_options, on_error),
     .default_text = "dead_letter",
     .choices = on_error_choices,
     .help =
         "What happens to a message for which the expression fails, such as text compared with a number."},
    {.name = NULL},
};

struct filter {
    const struct fby_host *host;
    struct fby_instance *instance;
    struct filter_expression *expression;
    enum filter_answer keep_when;
    enum on_error on_error;
};

static const char *expression_text(const struct filter_options *o)
{
    return o->keep ? o->keep : o->drop;
}

static const char *filter_check(const void *options, struct fby_error *err)
{
    const struct filter_options *o = options;
    if (!o->keep == !o->drop)
        return o->keep ? "Both keep and drop are given. Use one of them."
                       : "A condition is missing. Write keep: or drop: with an expression such as "
                         "\"temperature >= 20\".";
    struct filter_expression *e = filter_expression_create(expression_text(o), err);
    filter_expression_destroy(e);
    return e ? NULL : err->text;
}

static void filter_destroy(void *self)
{
    struct filter *f = self;
    filter_expression_destroy(f->expression);
    free(f);
}

static void *filter_create(const struct fby_host *host, struct fby_instance *instance, const void *options,
                           struct fby_error *err)
{
    const struct filter_options *o = options;
    struct filter *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->host = host;
    f->instance = instance;
    f->keep_when = o->keep ? FILTER_YES : FILTER_NO;
    f->on_error = (enum on_error)o->on_error;
    f->expression = filter_expression_create(expression_text(o), err);
    if (f->expression)
        return f;
    filter_destroy(f);
    return NULL;
}

static const char *copy_reason(const struct filter *f, struct fby_item *item)
{
    const char *text = filter_expression_error(f->expression);
    size_t size = strlen(text) + 1;
    char *copy = f->host->item_alloc(item, size);
    return copy ? memcpy(copy, text, size) : "the expression failed";
}

static void handle_error(struct filter *f, struct fby_item *item)
{
    f->host->count(f->instance, "filter_errors", 1);
    if (f->on_error == ON_ERROR_KEEP)
        return;
    if (f->on_error == ON_ERROR_DROP) {
        item->verdict = FBY_DROP;
        item->reason = "filter_error";
        return;
    }
    item->verdict = FBY_FAIL;
    item->reason = copy_reason(f, item);
}

static void filter_process(void *self, struct fby_batch *batch)
{
    struct filter *f = self;
    for (size_t i = 0; i < batch->count; i++) {
        struct fby_item *item = batch->items[i];
        enum filter_answer answer = filter_expression_ask(f->expression, item->message, item->value);
        if (answer == FILTER_ERROR) {
            handle_error(f, item);
        } else if (answer != f->keep_when) {
            item->verdict = FBY_DROP;
            item->reason = "filter";
        }
    }
}

static const struct fby_stage_ops filter_ops = {
    .create = filter_create,
    .destroy = filter_destroy,
    .process = filter_process,
};

FBY_PLUGIN = {
    FBY_PLUGIN_ABI,
    .name = "filter",
    .version = FBY_VERSION,
    .summary = "Keeps or drops messages by a Lua expression over their fields.",
    .kind = FBY_KIND_STAGE,
    .options = filter_option_rows,
    .options_size = sizeof(struct filter_options),
    .check = filter_check,
    .stage = &filter_ops,
    .scalar_option = "keep",
};
