/* SPDX-License-Identifier: Apache-2.0
 *
 * `forebay decode` and `forebay encode`: one payload to JSON and back, as the daemon would do it.
 */
#include "cli/cli_codec.h"
#include "message/value.h"

#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

static int write_output(const struct buffer *out, bool hex, bool line)
{
    if (hex)
        for (size_t i = 0; i < out->len; i++)
            printf("%02x", out->data[i]);
    else if (out->len)
        fwrite(out->data, 1, out->len, stdout);
    if (hex || line)
        putchar('\n');
    return fflush(stdout) == 0 && !ferror(stdout) ? EX_OK : EX_IOERR;
}

static int decode(struct cli_codec *c)
{
    struct buffer payload = {0}, out = {0};
    struct error err = {.text = ""};
    const char *where;
    int code = cli_codec_read(c, false, &payload);
    if (code == EX_OK) {
        c->subject.payload = (struct fby_bytes){(const char *)payload.data, payload.len};
        bool ok = pipeline_codec_convert(&c->codec, &c->subject, &c->arena, &out, &where, &err) == STATUS_OK;
        code = ok ? write_output(&out, false, true) : cli_codec_refuse(c, &err);
    }
    buffer_finish(&payload);
    buffer_finish(&out);
    return code;
}

static int encode(struct cli_codec *c)
{
    struct buffer payload = {0}, out = {0};
    struct error err = {.text = ""};
    struct fby_value v;
    bool protobuf = c->settings.encode.kind == ENCODE_PROTOBUF;
    const struct value_json_limits limits = {.elements = 4 << 20,
                                             .refuse_duplicates = true,
                                             .big_integers =
                                                 protobuf ? VALUE_JSON_BIG_EXACT : VALUE_JSON_BIG_KEEP};
    int code = cli_codec_read(c, true, &payload);
    if (code == EX_OK) {
        bool ok = value_parse_json(buffer_bytes(&payload), &limits, &c->arena, &v, &err) == STATUS_OK &&
                  pipeline_codec_encode(&c->codec, &c->subject, &v, &c->arena, &out, &err) == STATUS_OK;
        bool is_json = c->settings.encode.kind == ENCODE_AUTO || c->settings.encode.kind == ENCODE_JSON;
        if (ok && !c->hex && !is_json && isatty(STDOUT_FILENO)) {
            error_set(&err, STATUS_REFUSED,
                      "these bytes are not for a terminal: use --hex, or send them to a file");
            ok = false;
        }
        code = ok ? write_output(&out, c->hex, is_json) : cli_codec_refuse(c, &err);
    }
    buffer_finish(&payload);
    buffer_finish(&out);
    return code;
}

int cli_decode_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct cli_codec c;
    int code = cli_codec_init(&c, cli, command, false, argc, argv);
    if (code == EX_OK)
        code = decode(&c);
    cli_codec_finish(&c);
    return code;
}

int cli_encode_run(const struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    struct cli_codec c;
    int code = cli_codec_init(&c, cli, command, true, argc, argv);
    if (code == EX_OK)
        code = encode(&c);
    cli_codec_finish(&c);
    return code;
}
