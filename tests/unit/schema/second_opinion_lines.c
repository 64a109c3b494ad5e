/* SPDX-License-Identifier: Apache-2.0
 *
 * protobuf-c as a filter, for second_opinion.py: reads lines "TYPE HEX", unpacks inside the allocator that
 * the daemon unpacks with, and answers "ok HEX" with the message packed again, "error", or "limit".
 */
#include "base/bytes.h"
#include "schema/schema_set.h"

#include "second_opinion.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

static const ProtobufCMessageDescriptor *find(const char *name)
{
    const ProtobufCMessageDescriptor *const all[] = {&opinion__scalars__descriptor,
                                                     &opinion__lists__descriptor, &opinion__tree__descriptor};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (strcmp(all[i]->name, name) == 0)
            return all[i];
    return NULL;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static size_t parse_hex(char *hex)
{
    size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++)
        hex[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
    return len;
}

static void answer(const char *name, char *hex)
{
    const ProtobufCMessageDescriptor *d = find(name);
    size_t len = parse_hex(hex);
    struct schema_guard guard;
    schema_guard_init(&guard, len);
    ProtobufCMessage *m =
        d ? protobuf_c_message_unpack(d, &guard.allocator, len, (const uint8_t *)hex) : NULL;
    if (m) {
        size_t size = protobuf_c_message_get_packed_size(m);
        uint8_t *packed = malloc(size + 1);
        if (!packed)
            abort();
        protobuf_c_message_pack(m, packed);
        fputs("ok ", stdout);
        for (size_t i = 0; i < size; i++)
            printf("%02x", packed[i]);
        free(packed);
    } else {
        fputs(guard.refused ? "limit" : "error", stdout);
    }
    putchar('\n');
    fflush(stdout);
    schema_guard_finish(&guard);
}

int main(void)
{
    char *line = NULL;
    size_t capacity = 0;
    char none[] = "";
    while (getline(&line, &capacity, stdin) > 0) {
        char *state = NULL;
        const char *name = strtok_r(line, " \n", &state);
        char *hex = strtok_r(NULL, " \n", &state);
        answer(name ? name : "", hex ? hex : none);
    }
    free(line);
    return 0;
}
