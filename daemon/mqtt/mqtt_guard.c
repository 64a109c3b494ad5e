/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_guard.h. glibc's function behind assert() is defined here for the whole program, as read() and
 * write() are in mqtt_socket_buffer. Where it is called from, libmosquitto holds no lock; what it loses is
 * the memory of that packet's properties.
 */
#include "mqtt/mqtt_guard.h"

#include <assert.h>
#include <mosquitto.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread jmp_buf *escape; /* NULL: not reading */

__attribute__((visibility("default"))) void __assert_fail(const char *assertion, const char *file,
                                                          unsigned line, const char *function)
{
    if (escape && function && strcmp(function, "log__printf") == 0)
        longjmp(*escape, 1);
    fprintf(stderr, "%s:%u: %s: Assertion `%s' failed.\n", file, line, function ? function : "?", assertion);
    abort();
}

bool mqtt_guard_read(struct mosquitto *m, int *result)
{
    jmp_buf here;
    jmp_buf *outer = escape;
    if (setjmp(here) != 0) {
        escape = outer;
        return false;
    }
    escape = &here;
    *result = mosquitto_loop_read(m, 1);
    escape = outer;
    return true;
}
