/* SPDX-License-Identifier: Apache-2.0
 *
 * Converts each payload of the adversarial corpus once, for callgrind (bench_codec_limits.py), which counts
 * what measured_conversion() costs. Usage: bench_codec_limits PLUGINS SIZE [CODEC [NAME]]. A line for each
 * case: codec, name, bytes in, bytes out, status, separated by tabs.
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

static void run(const struct codec_case *c, const char *plugins, size_t size)
{
    struct codec_runner *r = codec_runner_create(c->codec, plugins);
    struct buffer payload = {0};
    struct bytes out = {0};
    if (!r)
        return;
    c->fill(&payload, size);
    enum status status = measured_conversion(r, buffer_bytes(&payload), &out);
    printf("%s\t%s\t%zu\t%zu\t%s\n", c->codec, c->name, payload.len, out.len, status_name(status));
    buffer_finish(&payload);
    codec_runner_destroy(r);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: bench_codec_limits PLUGINS SIZE [CODEC [NAME]]\n");
        return 2;
    }
    const struct codec_case *c;
    for (size_t i = 0; (c = codec_runner_case(i)); i++)
        if ((argc < 4 || strcmp(argv[3], c->codec) == 0) && (argc < 5 || strcmp(argv[4], c->name) == 0))
            run(c, argv[1], (size_t)strtoul(argv[2], NULL, 10));
    return 0;
}
