/* SPDX-License-Identifier: Apache-2.0
 *
 * What `forebay decode` and `forebay encode` have in common: the words of the command line, and the codec
 * that they or a configuration describe, made with the daemon's own parts. Rank 6.
 */
#ifndef CLI_CLI_CODEC_H
#define CLI_CLI_CODEC_H

#include "cli/cli.h"
#include "cli/cli_schemas.h"
#include "pipeline/pipeline_codec.h"

enum { CLI_CODEC_OPTIONS_MAX = 64, CLI_CODEC_PROPERTIES_MAX = 32 };

/* --name=value, for the option table of the format. */
struct cli_codec_option {
    char *name; /* owned, underscores for hyphens */
    const char *text;
};

struct cli_codec {
    /* As asked for. */
    const struct cli_command *command;
    struct cli_schemas schemas;
    const char *message, *format, *decompress, *config_path, *route, *target, *topic, *content_type, *input;
    bool hex;
    struct fby_pair properties[CLI_CODEC_PROPERTIES_MAX];
    size_t property_count;
    struct cli_codec_option options[CLI_CODEC_OPTIONS_MAX];
    size_t option_count;

    /* As made of it. */
    struct arena arena; /* settings; scratch memory of the codec */
    struct loop *loop;
    struct metrics *metrics;
    struct plugin_host *plugins;
    struct plugin *loaded[2]; /* of `format` and `decompress` */
    size_t loaded_count;
    struct schema_registry *registry;
    struct gateway_config *config;
    struct decode_rule rule;
    struct pipeline_settings settings;
    struct pipeline_codec codec;
    struct fby_message subject; /* the message that is decoded or encoded */
    struct fby_pair captures[16];
};

/* Read the words and make the codec: `encodes` or decodes. Returns EX_OK, or an exit code after an
 * explanation on standard error. Finish it in any case. */
int cli_codec_init(struct cli_codec *c, const struct cli *cli, const struct cli_command *command,
                   bool encodes, int argc, char **argv);
void cli_codec_finish(struct cli_codec *c);

/* Read the payload, from standard input or the file that was named. `text`: it is never in hexadecimal. */
int cli_codec_read(const struct cli_codec *c, bool text, struct buffer *payload);
/* EX_DATAERR, after saying what is wrong with the payload. */
int cli_codec_refuse(const struct cli_codec *c, const struct error *err);

#endif
