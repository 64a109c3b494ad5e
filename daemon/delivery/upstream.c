/* SPDX-License-Identifier: Apache-2.0
 *
 * See upstream.h: what all kinds share.
 */
#include "delivery/upstream.h"

#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

void upstream_init(struct upstream *u, const struct upstream_ops *ops, const char *kind, const char *name)
{
    u->ops = ops;
    u->kind = kind;
    u->name = xstrdup(name);
    list_init(&u->users);
}

void upstream_finish(struct upstream *u)
{
    assert(list_is_empty(&u->users));
    free(u->name);
}

void upstream_answer(struct upstream *u, struct outgoing *o, enum fby_outcome outcome, const char *reason,
                     int64_t retry_after_ms)
{
    if (outcome == FBY_DELIVERED)
        u->delivered++;
    else if (outcome == FBY_RETRY)
        u->retried++;
    else
        u->rejected++;
    o->user->on_result(o->user, o, outcome, reason, retry_after_ms);
}

void upstream_tell_ready(struct upstream *u)
{
    if (list_is_empty(&u->users))
        return;
    struct list *first = u->users.next;
    list_remove(first);
    list_add(&u->users, first);
    list_for_each_safe(user, &u->users, struct upstream_user, link)
    {
        user->on_ready(user);
    }
}

void upstream_set_connected(struct upstream *u, bool connected, const char *reason)
{
    if (connected && !u->connected)
        log_info("upstream", "%s (%s): connected", u->name, u->kind);
    bool lost = !connected && (reason || u->connected);
    if (lost && !u->told_lost)
        log_warning("upstream", "%s (%s): not connected: %s. Messages wait in the journal", u->name, u->kind,
                    reason ? reason : "no reason given");
    u->told_lost = connected ? false : u->told_lost || lost;
    u->connected = connected;
    snprintf(u->reason, sizeof u->reason, "%s", connected ? "" : reason ? reason : "nothing was sent yet");
}

void upstream_start(struct upstream *u)
{
    if (u->ops->start)
        u->ops->start(u);
}

void upstream_stop(struct upstream *u)
{
    if (u->ops->stop)
        u->ops->stop(u);
}

void upstream_add_user(struct upstream *u, struct upstream_user *user)
{
    list_add(&u->users, &user->link);
}

void upstream_remove_user(struct upstream *u, struct upstream_user *user)
{
    list_remove(&user->link);
    u->ops->cancel(u, user);
    upstream_tell_ready(u); /* those told "busy" because of what is forgotten now */
}

size_t upstream_send(struct upstream *u, struct outgoing *const *items, size_t count)
{
    return u->ops->send(u, items, count);
}

void upstream_destroy(struct upstream *u)
{
    if (u)
        u->ops->destroy(u);
}
