/* SPDX-License-Identifier: Apache-2.0
 *
 * Converts each payload of the adversarial corpus once, for callgrind (bench_codec_limits.py), which counts
 * what measured_conversion() costs. Usage: bench_codec_limits PLUGINS SIZE [CODEC [NAME]], or with - for the
 * size to convert what stdin says in lines "CODEC HEX" (bench_codec_search.py). A line for each case: codec,
 * name, bytes in, bytes out, status, separated by tabs.
 */
#include "codec_runner.h"

#include <stdio.h>
#include <stdlib.h>

/* Named on callgrind's command line. */
__attribute__((noinline)) enum status measured_conversion(struct codec_runner *r, struct bytes payload,
                                                          struct bytes *out);
enum status measured_conversion(struct codec_runner *r, struct bytes payload, struct bytes *out)
{
    struct error err;
    return codec_runner_convert(r, payload, out, &err);
}

static void show(const char *codec, const char *name, size_t in, size_t out, enum status status)
{
    printf("%s\t%s\t%zu\t%zu\t%s\n", codec, name, in, out, status_name(status));
}

static void run(const struct codec_case *c, const char *plugins, size_t size)
{
    struct codec_runner *r = codec_runner_create(c->codec, plugins);
    struct buffer payload = {0};
    struct bytes out = {0};
    if (!r)
        return;
    c->fill(&payload, size);
    enum status status = measured_conversion(r, buffer_bytes(&payload), &out);
    show(c->codec, c->name, payload.len, out.len, status);
    buffer_finish(&payload);
    codec_runner_destroy(r);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'a' + 10);
}

static void run_lines(const char *plugins)
{
    struct codec_runner *r = NULL;
    char *line = NULL, last[40] = "";
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        char *state = NULL, *codec = strtok_r(line, " \n", &state), *hex = strtok_r(NULL, " \n", &state);
        size_t len = hex ? strlen(hex) / 2 : 0;
        for (size_t i = 0; i < len; i++)
            hex[i] = (char)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
        if (!r || strcmp(last, codec) != 0) {
            if (r)
                codec_runner_destroy(r);
            r = codec_runner_create(codec, plugins);
            snprintf(last, sizeof last, "%s", codec);
        }
        struct bytes out = {0};
        enum status status = r ? measured_conversion(r, bytes_of(hex, len), &out) : STATUS_NOT_FOUND;
        show(codec, "-", len, out.len, status);
    }
    if (r)
        codec_runner_destroy(r);
    free(line);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_codec_limits PLUGINS SIZE [CODEC [NAME]]\n");
        return 2;
    }
    if (strcmp(argv[2], "-") == 0) {
        run_lines(argv[1]);
        return 0;
    }
    const struct codec_case *c;
    for (size_t i = 0; (c = codec_runner_case(i)); i++)
        if ((argc < 4 || strcmp(argv[3], c->codec) == 0) && (argc < 5 || strcmp(argv[4], c->name) == 0))
            run(c, argv[1], (size_t)strtoul(argv[2], NULL, 10));
    return 0;
}
