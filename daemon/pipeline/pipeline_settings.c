/* SPDX-License-Identifier: Apache-2.0
 *
 * The option tables of `decode: { protobuf: … }`, with the defaults of schema_options_default(), of `decode:
 * { json: … }` and of `encode: { protobuf: … }`; what a content type is compared as.
 */
#include "pipeline/pipeline_settings.h"

bool pipeline_settings_decodes(const struct decode_settings *d)
{
    if (d->kind != DECODE_CHOICE)
        return d->kind != DECODE_NONE;
    for (size_t i = 0; i < d->choice.when_count; i++)
        if (!pipeline_settings_decodes(d->choice.when[i].decode))
            return false;
    return !d->choice.otherwise || pipeline_settings_decodes(d->choice.otherwise);
}

const struct encode_settings *pipeline_settings_last_encode(const struct pipeline_settings *s)
{
    for (size_t i = s->stage_count; i-- > 0;)
        if (s->stages[i].encode)
            return s->stages[i].encode;
    return NULL;
}

size_t pipeline_settings_fold_content_type(struct bytes text, char *out)
{
    while (text.len && *text.data == ' ') {
        text.data++;
        text.len--;
    }
    while (text.len && text.data[text.len - 1] == ' ')
        text.len--;
    if (text.len > DECODE_CONTENT_TYPE_MAX)
        return 0;
    for (size_t i = 0; i < text.len; i++)
        out[i] = (char)(text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] + 'a' - 'A' : text.data[i]);
    return text.len;
}

static const char *const framings[] = {"none",       "varint",     "fixed32_be", "fixed32_le",
                                       "fixed16_be", "fixed16_le", NULL};
static const char *const bytes_forms[] = {"base64", "hex", NULL};
static const char *const unknown_policies[] = {"drop", "fail", "keep", NULL};

#define AT(member) offsetof(struct schema_options, member)

const struct fby_option pipeline_settings_protobuf_options[] = {
    {.name = "framing",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(framing),
     .default_text = "none",
     .choices = framings,
     .help = "A length that stands before the message: a varint, or 2 or 4 bytes, big or little endian."},
    {.name = "skip_bytes",
     .type = FBY_OPTION_INT,
     .offset = AT(skip_bytes),
     .default_text = "0",
     .max = 65535,
     .help = "Bytes of a header to skip before the framing and the message."},
    {.name = "original_names",
     .type = FBY_OPTION_BOOL,
     .offset = AT(original_names),
     .default_text = "true",
     .help = "Keep field names as the schema writes them; false makes them lowerCamelCase, as ProtoJSON has "
             "them."},
    {.name = "int64_numbers",
     .type = FBY_OPTION_BOOL,
     .offset = AT(int64_numbers),
     .default_text = "true",
     .help = "Write 64-bit integers as JSON numbers; false writes them as strings, as ProtoJSON has them."},
    {.name = "enum_numbers",
     .type = FBY_OPTION_BOOL,
     .offset = AT(enum_numbers),
     .default_text = "false",
     .help = "Show enum values as numbers instead of names."},
    {.name = "emit_defaults",
     .type = FBY_OPTION_BOOL,
     .offset = AT(emit_defaults),
     .default_text = "true",
     .help = "Also show fields that are at their default (0, empty, false) and do not know whether they are "
             "set, as those of proto3: they do not travel, and a condition such as temperature < 5 would not "
             "see a temperature of 0. false leaves them out."},
    {.name = "bytes_as",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(bytes_as),
     .default_text = "base64",
     .choices = bytes_forms,
     .help = "How fields of type bytes are shown in JSON."},
    {.name = "unknown_fields",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(unknown_fields),
     .default_text = "drop",
     .choices = unknown_policies,
     .help =
         "What happens to a message with fields that the schema does not have: they are dropped, the message "
         "goes to the dead letters, or they are kept in a list under \"@unknown\"."},
    {.name = "max_payload",
     .type = FBY_OPTION_SIZE,
     .offset = AT(max_payload),
     .default_text = "256 KiB",
     .min = 1,
     .max = 16 << 20,
     .help = "Larger payloads go to the dead letters."},
    {.name = "max_depth",
     .type = FBY_OPTION_INT,
     .offset = AT(max_depth),
     .default_text = "64",
     .min = 1,
     .max = 100,
     .help = "Messages within messages."},
    {.name = "max_elements",
     .type = FBY_OPTION_INT,
     .offset = AT(max_elements),
     .default_text = "65536",
     .min = 1,
     .max = 1 << 24,
     .help = "Fields and list entries in one message."},
    {.name = "max_output",
     .type = FBY_OPTION_SIZE,
     .offset = AT(max_output),
     .min = 1024,
     .max = 64 << 20,
     .help = "Bytes of JSON made from one message; by default 32 times the payload, at most 4 MiB."},
    {.name = NULL},
};

#undef AT
#define AT(member) offsetof(struct decode_json_settings, member)

static const char *const big_integers[] = {"keep", "double", "fail", NULL};
static const char *const duplicate_policies[] = {"last", "fail", NULL};

const struct fby_option pipeline_settings_json_options[] = {
    {.name = "big_integers",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(big_integers),
     .default_text = "keep",
     .choices = big_integers,
     .help =
         "Whole numbers beyond 64 bits: keep every digit (stages see a text), take the nearest double, or "
         "send the message to the dead letters. Those that fit 64 bits are always exact."},
    {.name = "duplicate_keys",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(duplicate_keys),
     .default_text = "last",
     .choices = duplicate_policies,
     .help = "What happens when a name is twice in one object: the last one counts, or the message goes to "
             "the dead letters."},
    {.name = "max_payload",
     .type = FBY_OPTION_SIZE,
     .offset = AT(max_payload),
     .default_text = "256 KiB",
     .min = 1,
     .max = 16 << 20,
     .help = "Larger payloads go to the dead letters."},
    {.name = "max_depth",
     .type = FBY_OPTION_INT,
     .offset = AT(max_depth),
     .default_text = "64",
     .min = 1,
     .max = 100,
     .help = "Objects and lists within each other."},
    {.name = "max_elements",
     .type = FBY_OPTION_INT,
     .offset = AT(max_elements),
     .default_text = "65536",
     .min = 1,
     .max = 1 << 24,
     .help = "Values of any kind in one payload."},
    {.name = NULL},
};

#undef AT
#define AT(member) offsetof(struct schema_unwrap_settings, member)

const struct fby_option pipeline_settings_unwrap_options[] = {
    {.name = "field",
     .type = FBY_OPTION_STRING,
     .flags = FBY_OPTION_REQUIRED,
     .offset = AT(field),
     .help =
         "The field of the envelope that carries the message: a google.protobuf.Any, a message, or bytes; "
         "or the name of a oneof, for the member that is set."},
    {.name = "type_field",
     .type = FBY_OPTION_STRING,
     .offset = AT(type_field),
     .help = "The field of the envelope that says which message the bytes hold, by its full name or type URL "
             "or as types says."},
    {.name = "keep_as",
     .type = FBY_OPTION_STRING,
     .offset = AT(keep_as),
     .help = "Keep the other fields of the envelope in a map of this name; without it they are dropped."},
    {.name = NULL},
};

#undef AT
#define AT(member) offsetof(struct encode_protobuf_settings, member)

static const char *const encode_unknown_policies[] = {"fail", "drop", "keep", NULL};

const struct fby_option pipeline_settings_encode_protobuf_options[] = {
    {.name = "framing",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(framing),
     .default_text = "none",
     .choices = framings,
     .help = "A length to put before the message: a varint, or 2 or 4 bytes, big or little endian."},
    {.name = "unknown_fields",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(unknown_fields),
     .default_text = "fail",
     .choices = encode_unknown_policies,
     .help =
         "What happens to a message with fields or enum names that the message type does not have: it goes "
         "to the dead letters, or they are left out. keep writes what decoding kept under \"@unknown\"."},
    {.name = "bytes_as",
     .type = FBY_OPTION_CHOICE,
     .offset = AT(bytes_as),
     .default_text = "base64",
     .choices = bytes_forms,
     .help = "What text stands for fields of type bytes."},
    {.name = "max_depth",
     .type = FBY_OPTION_INT,
     .offset = AT(max_depth),
     .default_text = "64",
     .min = 1,
     .max = 100,
     .help = "Messages within messages."},
    {.name = "max_output",
     .type = FBY_OPTION_SIZE,
     .offset = AT(max_output),
     .default_text = "4 MiB",
     .min = 1,
     .max = 16 << 20,
     .help = "Bytes of the message made; larger ones go to the dead letters."},
    {.name = NULL},
};

struct schema_encode_options pipeline_settings_encode_options(const struct encode_protobuf_settings *written)
{
    return (struct schema_encode_options){.framing = written->framing,
                                          .ignore_unknown = written->unknown_fields == 1,
                                          .keep_unknown = written->unknown_fields == 2,
                                          .bytes_as = written->bytes_as,
                                          .max_depth = written->max_depth,
                                          .max_output = written->max_output};
}
