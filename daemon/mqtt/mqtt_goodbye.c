/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_goodbye.h. The list is of the loop's thread; a program with one loop has one list.
 */
#include "mqtt/mqtt_goodbye.h"

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "loop/loop.h"
#include "mqtt/mqtt_link.h"

#include <stdlib.h>
#include <string.h>

struct mqtt_goodbye {
    struct mqtt_link *link;
    struct loop_io *io;
    struct loop_timer *timer;
    char *session;
    bool ended;        /* to be destroyed in a call of its own */
    struct list entry; // under_way
    struct loop *loop;
};

static struct list under_way = {&under_way, &under_way}; // mqtt_goodbye.entry

static void destroy(void *ctx)
{
    struct mqtt_goodbye *g = ctx;
    list_remove(&g->entry);
    loop_io_destroy(g->io);
    loop_timer_destroy(g->timer);
    mqtt_link_destroy(g->link);
    free(g->session);
    free(g);
}

static void end(struct mqtt_goodbye *g)
{
    if (g->ended)
        return;
    g->ended = true;
    loop_io_set(g->io, 0);
    loop_timer_stop(g->timer);
    loop_defer(g->loop, destroy, g);
}

static void write_rest(struct mqtt_goodbye *g)
{
    enum status status = mqtt_link_leave(g->link);
    if (status == STATUS_IO)
        end(g);
    else
        loop_io_set(g->io, LOOP_READ | (status == STATUS_BUSY ? LOOP_WRITE : 0U));
}

static void handle_io(void *ctx, int fd, unsigned events)
{
    (void)fd;
    struct mqtt_goodbye *g = ctx;
    if ((events & LOOP_READ) && !mqtt_link_drain(g->link))
        end(g);
    if ((events & LOOP_WRITE) && !g->ended)
        write_rest(g);
}

static void handle_timeout(void *ctx)
{
    struct mqtt_goodbye *g = ctx;
    log_info(
        "mqtt",
        "session=%s the broker has not closed within %d ms; the last acknowledgements may not have arrived",
        g->session, MQTT_GOODBYE_LIMIT_MS);
    end(g);
}

void mqtt_goodbye_begin(struct loop *l, struct mqtt_link *k, const char *session)
{
    int fd;
    if (!mqtt_link_begin_leaving(k, &fd)) {
        mqtt_link_destroy(k);
        return;
    }
    struct mqtt_goodbye *g = xcalloc(1, sizeof *g);
    g->link = k;
    g->loop = l;
    g->session = xstrdup(session);
    g->io = loop_io_create(l, fd, handle_io, g);
    g->timer = loop_timer_create(l, handle_timeout, g);
    list_add(&under_way, &g->entry);
    loop_timer_start(g->timer, MQTT_GOODBYE_LIMIT_MS);
    write_rest(g);
}

bool mqtt_goodbye_is_under_way(const struct loop *l, const char *session)
{
    list_for_each(g, &under_way, struct mqtt_goodbye, entry)
    {
        if (g->loop == l && strcmp(g->session, session) == 0)
            return true;
    }
    return false;
}

size_t mqtt_goodbye_count(const struct loop *l)
{
    size_t count = 0;
    list_for_each(g, &under_way, struct mqtt_goodbye, entry)
    {
        count += g->loop == l;
    }
    return count;
}

void mqtt_goodbye_cut(struct loop *l)
{
    list_for_each_safe(g, &under_way, struct mqtt_goodbye, entry)
    {
        if (g->loop != l)
            continue;
        loop_defer_cancel(l, destroy, g);
        destroy(g);
    }
}
