/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON text as a value tree, see value.h: one pass over the text, entries of open containers on a stack that
 * begins in the caller's frame, each finished container copied to the arena in one piece.
 */
#include "base/number_parse.h"
#include "base/strmap.h"
#include "base/utf8.h"
#include "message/value.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

enum {
    DEPTH_DEFAULT = 64,
    ELEMENTS_DEFAULT = 65536,
    STACK_FIRST = 64,          /* entries */
    LINEAR_DUPLICATES_MAX = 16 /* fields compared one by one; more are hashed */
};

struct parser {
    const uint8_t *start, *at, *end;
    struct arena *arena;
    struct error *err;
    struct fby_field *stack; /* entries of all open containers; lists leave the name empty */
    size_t stack_len, stack_capacity;
    size_t elements_left;
    unsigned depth, depth_max;
    bool refuse_duplicates;
    int big_integers;
};

static enum status fail(struct parser *p, const char *why)
{
    return error_set(p->err, STATUS_INVALID, "byte %zu: %s", (size_t)(p->at - p->start), why);
}

static enum status over_limit(struct parser *p, const char *what)
{
    return error_set(p->err, STATUS_LIMIT, "byte %zu: %s", (size_t)(p->at - p->start), what);
}

static enum status no_room(struct parser *p)
{
    return over_limit(p, "the memory limit of one message is reached");
}

static inline void skip_space(struct parser *p)
{
    while (p->at < p->end && *p->at <= ' ' &&
           (*p->at == ' ' || *p->at == '\n' || *p->at == '\r' || *p->at == '\t'))
        p->at++;
}

/* ---- Strings ---- */

/* Whether any of eight bytes is a quote, a backslash, a control character or not ASCII. */
static bool has_special(const uint8_t *eight)
{
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t w;
    memcpy(&w, eight, sizeof w);
    uint64_t quote = w ^ (ones * '"'), backslash = w ^ (ones * '\\');
    uint64_t found = (w - ones * 0x20) | (quote - ones) | (backslash - ones) | w;
    return found & tops;
}

/* Move to the first byte that needs a look: quote, backslash, control or not ASCII. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end)
{
    while (end - at >= 8 && !has_special(at))
        at += 8;
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hex digits at p->at, or -1. */
static int32_t read_hex4(struct parser *p)
{
    if (p->end - p->at < 4)
        return -1;
    int32_t code = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p->at[i]);
        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    p->at += 4;
    return code;
}

static uint8_t *put_utf8(uint8_t *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (uint8_t)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (uint8_t)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (uint8_t)(0xe0 | c >> 12);
        } else {
            *out++ = (uint8_t)(0xf0 | c >> 18);
            *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (uint8_t)(0x80 | (c & 0x3f));
    return out;
}

static enum status read_unicode_escape(struct parser *p, uint8_t **out)
{
    int32_t code = read_hex4(p);
    if (code < 0)
        return fail(p, "\\u needs four hexadecimal digits");
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(p, "half of a surrogate pair");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (p->end - p->at < 2 || p->at[0] != '\\' || p->at[1] != 'u')
            return fail(p, "half of a surrogate pair");
        p->at += 2;
        int32_t low = read_hex4(p);
        if (low < 0xdc00 || low > 0xdfff)
            return fail(p, "half of a surrogate pair");
        code = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00);
    }
    *out = put_utf8(*out, (uint32_t)code);
    return STATUS_OK;
}

/* The escape behind a backslash. */
static enum status read_escape(struct parser *p, uint8_t **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p->at == p->end)
        return fail(p, "the string has no end");
    char c = (char)*p->at++;
    if (c == 'u')
        return read_unicode_escape(p, out);
    const char *known = c ? strchr(from, c) : NULL;
    if (!known) {
        p->at--;
        return fail(p, "unknown escape in a string");
    }
    *(*out)++ = (uint8_t)to[known - from];
    return STATUS_OK;
}

/* Rewrite the string that begins at `text`, p->at being at its first backslash. The copy is NUL-terminated.
 */
static enum status read_escaped(struct parser *p, const uint8_t *text, struct fby_bytes *s)
{
    const uint8_t *close = p->at;
    while (close < p->end && *close != '"')
        close += *close == '\\' && p->end - close > 1 ? 2 : 1;
    uint8_t *copy = arena_alloc(p->arena, (size_t)(close - text) + 1), *out = copy;
    if (!copy)
        return no_room(p);
    for (;;) {
        memcpy(out, text, (size_t)(p->at - text));
        out += p->at - text;
        if (p->at == p->end)
            return fail(p, "the string has no end");
        uint8_t c = *p->at;
        if (c == '"')
            break;
        text = p->at;
        if (c < 0x20)
            return fail(p, "a control character in a string must be escaped");
        if (c == '\\') {
            p->at++;
            enum status status = read_escape(p, &out);
            if (status != STATUS_OK)
                return status;
            text = p->at;
        } else if (c >= 0x80) {
            size_t len = utf8_sequence_length(bytes_of(p->at, (size_t)(p->end - p->at)));
            if (len == 0)
                return fail(p, "the text is not valid UTF-8");
            p->at += len;
        }
        p->at = skip_plain(p->at, p->end);
    }
    p->at++;
    *out = 0;
    *s = (struct fby_bytes){(const char *)copy, (size_t)(out - copy)};
    return STATUS_OK;
}

/* The string behind an opening quote. `owned`: the bytes are in the arena. */
static enum status read_string(struct parser *p, struct fby_bytes *s, bool *owned)
{
    const uint8_t *text = p->at;
    *owned = false;
    for (;;) {
        p->at = skip_plain(p->at, p->end);
        if (p->at == p->end)
            return fail(p, "the string has no end");
        if (*p->at == '"')
            break;
        if (*p->at == '\\') {
            *owned = true;
            return read_escaped(p, text, s);
        }
        if (*p->at < 0x20)
            return fail(p, "a control character in a string must be escaped");
        size_t len = utf8_sequence_length(bytes_of(p->at, (size_t)(p->end - p->at)));
        if (len == 0)
            return fail(p, "the text is not valid UTF-8");
        p->at += len;
    }
    *s = (struct fby_bytes){(const char *)text, (size_t)(p->at - text)};
    p->at++;
    if (s->len > UINT32_MAX)
        return over_limit(p, "the string is too long");
    return STATUS_OK;
}

static enum status parse_string(struct parser *p, struct fby_value *out)
{
    struct fby_bytes s = {0};
    bool owned;
    p->at++;
    enum status status = read_string(p, &s, &owned);
    if (status == STATUS_OK)
        *out = (struct fby_value){.type = FBY_STRING, .len = (uint32_t)s.len, .bytes = s.data};
    return status;
}

/* Names end with a NUL for the plugins' convenience, so they are always copied. */
static enum status parse_name(struct parser *p, struct fby_bytes *name)
{
    bool owned;
    if (p->at == p->end || *p->at != '"')
        return fail(p, "expected a name in quotes");
    p->at++;
    enum status status = read_string(p, name, &owned);
    if (status != STATUS_OK || owned)
        return status;
    name->data = arena_strndup(p->arena, name->data, name->len);
    return name->data ? STATUS_OK : no_room(p);
}

/* ---- Numbers ---- */

static bool is_digit(const struct parser *p)
{
    return p->at < p->end && *p->at >= '0' && *p->at <= '9';
}

static bool skip_digits(struct parser *p)
{
    const uint8_t *from = p->at;
    while (is_digit(p))
        p->at++;
    return p->at > from;
}

/* The C locale's strtod, whatever a plugin has set. */
static double text_to_double(const char *text)
{
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    return c_locale ? strtod_l(text, NULL, c_locale) : strtod(text, NULL);
}

/* The few numbers that lie so near to the middle of two doubles that all of their digits count. */
static bool convert_hard_double(struct parser *p, const uint8_t *text, size_t len, double *number)
{
    char small[64], *copy = small;
    struct arena_mark mark = arena_mark(p->arena);
    if (len >= sizeof small)
        copy = arena_alloc(p->arena, len + 1);
    if (!copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    *number = text_to_double(copy);
    if (copy != small)
        arena_rewind(p->arena, mark);
    return true;
}

static enum status convert_double(struct parser *p, const uint8_t *text, size_t len, struct fby_value *out)
{
    double number;
    if (!number_parse_double(bytes_of(text, len), &number) && !convert_hard_double(p, text, len, &number))
        return no_room(p);
    if (!isfinite(number))
        return fail(p, "the number is too large");
    *out = value_double(number);
    return STATUS_OK;
}

/* An integer of at most 20 digits; false when it does not fit. */
static bool convert_integer(const uint8_t *digits, size_t len, bool negative, struct fby_value *out)
{
    uint64_t value = 0;
    if (len > 20 || (negative && len == 1 && *digits == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = digits[i] - (unsigned)'0';
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    if (negative && value > (uint64_t)INT64_MAX + 1)
        return false;
    if (negative)
        *out = value_int((int64_t)(0 - value));
    else
        *out = value <= INT64_MAX ? value_int((int64_t)value) : value_uint(value);
    return true;
}

/* Decimals of up to 15 digits with a small exponent: both factors are exact, so one division is. */
static bool convert_short_decimal(const uint8_t *text, const uint8_t *end, struct fby_value *out)
{
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    bool negative = *text == '-';
    uint64_t digits = 0;
    const uint8_t *dot = NULL;
    text += negative;
    if (end - text > 16)
        return false;
    for (; text < end; text++) {
        if (*text == '.')
            dot = text;
        else if (*text >= '0' && *text <= '9')
            digits = digits * 10 + (uint64_t)(*text - '0');
        else
            return false;
    }
    double number = dot ? (double)digits / powers[end - dot - 1] : (double)digits;
    *out = value_double(negative ? -number : number);
    return true;
}

static enum status keep_text(const struct parser *p, const uint8_t *text, struct fby_value *out)
{
    *out = value_string(bytes_of(text, (size_t)(p->at - text)));
    out->flags = FBY_FLAG_DIGITS;
    return STATUS_OK;
}

/* A whole number that does not fit 64 bits. */
static enum status convert_big(struct parser *p, const uint8_t *text, struct fby_value *out)
{
    if (p->big_integers == VALUE_JSON_BIG_FAIL)
        return fail(p, "the number does not fit 64 bits");
    if (p->big_integers == VALUE_JSON_BIG_DOUBLE)
        return convert_double(p, text, (size_t)(p->at - text), out);
    return keep_text(p, text, out);
}

/* Whole numbers of up to 18 digits, which most are. False: it is another, or none. */
static bool take_short_integer(struct parser *p, struct fby_value *out)
{
    enum { DIGITS = 18 };
    bool negative = *p->at == '-';
    const uint8_t *digits = p->at + negative, *at = digits;
    uint64_t value = 0; /* of one digit more than is taken, too */
    while (at < p->end && *at >= '0' && *at <= '9' && at - digits <= DIGITS)
        value = value * 10 + (uint64_t)(*at++ - '0');
    size_t count = (size_t)(at - digits);
    if (count == 0 || count > DIGITS || (*digits == '0' && (count > 1 || negative)) ||
        (at < p->end && (*at == '.' || (*at | 0x20) == 'e')))
        return false;
    p->at = at;
    *out = (struct fby_value){.type = FBY_INT, .integer = negative ? -(int64_t)value : (int64_t)value};
    return true;
}

static enum status parse_number(struct parser *p, struct fby_value *out)
{
    if (take_short_integer(p, out))
        return STATUS_OK;
    const uint8_t *text = p->at;
    bool negative = *p->at == '-', whole = true;
    p->at += negative;
    const uint8_t *digits = p->at;
    if (!skip_digits(p))
        return fail(p, "a number needs a digit here");
    size_t digit_count = (size_t)(p->at - digits);
    if (*digits == '0' && digit_count > 1)
        return fail(p, "a number must not begin with 0");
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        whole = false;
        if (!skip_digits(p))
            return fail(p, "a number needs a digit here");
    }
    if (p->at < p->end && (*p->at | 0x20) == 'e') {
        p->at++;
        whole = false;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-'))
            p->at++;
        if (!skip_digits(p))
            return fail(p, "a number needs a digit here");
    }
    if ((whole && convert_integer(digits, digit_count, negative, out)) ||
        convert_short_decimal(text, p->at, out))
        return STATUS_OK;
    if (whole)
        return convert_big(p, text, out);
    return p->big_integers == VALUE_JSON_BIG_EXACT ? keep_text(p, text, out)
                                                   : convert_double(p, text, (size_t)(p->at - text), out);
}

/* ---- Containers ---- */

static bool grow_stack(struct parser *p)
{
    size_t size = p->stack_capacity * sizeof *p->stack;
    struct fby_field *stack = arena_alloc(p->arena, 2 * size);
    if (!stack)
        return false;
    memcpy(stack, p->stack, size);
    p->stack = stack;
    p->stack_capacity *= 2;
    return true;
}

/* The next entry of the stack, to be filled at once; NULL: no memory. */
static inline struct fby_field *push(struct parser *p)
{
    if (p->stack_len == p->stack_capacity && !grow_stack(p))
        return NULL;
    return &p->stack[p->stack_len++];
}

static bool same_name(const struct fby_field *a, const struct fby_field *b)
{
    return a->name.len == b->name.len && memcmp(a->name.data, b->name.data, a->name.len) == 0;
}

/* Where to look for a name among those already kept: entry number + 1, or 0 for a free slot. */
static uint32_t *find_slot(const struct fby_field *kept, const struct fby_field *f, uint32_t *slots,
                           size_t slot_count)
{
    size_t i = (size_t)strmap_hash(f->name.data, f->name.len) & (slot_count - 1);
    while (slots[i] && !same_name(&kept[slots[i] - 1], f))
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

/* Keep the last value of each name at the place of the first; sets the new count. */
static enum status merge_duplicates(struct parser *p, struct fby_field *fields, size_t *count)
{
    size_t kept = 0, slot_count = 0;
    uint32_t *slots = NULL;
    struct arena_mark mark = arena_mark(p->arena);
    if (*count > LINEAR_DUPLICATES_MAX) {
        for (slot_count = 64; slot_count < 2 * *count;)
            slot_count *= 2;
        slots = arena_calloc(p->arena, slot_count, sizeof *slots);
        if (!slots)
            return no_room(p);
    }
    for (size_t i = 0; i < *count; i++) {
        size_t same = 0;
        uint32_t *slot = slots ? find_slot(fields, &fields[i], slots, slot_count) : NULL;
        if (slot)
            same = *slot ? *slot - 1 : kept;
        else
            while (same < kept && !same_name(&fields[same], &fields[i]))
                same++;
        if (same < kept && p->refuse_duplicates)
            return fail(p, "a name occurs twice in this map");
        fields[same < kept ? same : kept] = fields[i];
        if (same < kept)
            continue;
        kept++;
        if (slot)
            *slot = (uint32_t)kept;
    }
    if (slots)
        arena_rewind(p->arena, mark);
    *count = kept;
    return STATUS_OK;
}

static enum status finish_map(struct parser *p, size_t base, struct fby_value *out)
{
    size_t count = p->stack_len - base;
    enum status status = merge_duplicates(p, p->stack + base, &count);
    if (status != STATUS_OK)
        return status;
    *out = (struct fby_value){.type = FBY_MAP, .len = (uint32_t)count};
    if (count) {
        out->fields = arena_alloc(p->arena, count * sizeof *out->fields);
        if (!out->fields)
            return no_room(p);
        memcpy(out->fields, p->stack + base, count * sizeof *out->fields);
    }
    p->stack_len = base;
    return STATUS_OK;
}

static enum status finish_list(struct parser *p, size_t base, struct fby_value *out)
{
    size_t count = p->stack_len - base;
    *out = (struct fby_value){.type = FBY_LIST, .len = (uint32_t)count};
    if (count) {
        out->items = arena_alloc(p->arena, count * sizeof *out->items);
        if (!out->items)
            return no_room(p);
        for (size_t i = 0; i < count; i++)
            out->items[i] = p->stack[base + i].value;
    }
    p->stack_len = base;
    return STATUS_OK;
}

static enum status parse_value(struct parser *p, struct fby_value *out);

/* One entry of a map, onto the stack. */
static enum status parse_entry(struct parser *p)
{
    struct fby_field entry;
    enum status status = parse_name(p, &entry.name);
    if (status != STATUS_OK)
        return status;
    skip_space(p);
    if (p->at == p->end || *p->at != ':')
        return fail(p, "expected : behind the name");
    p->at++;
    status = parse_value(p, &entry.value);
    if (status != STATUS_OK)
        return status;
    struct fby_field *to = push(p);
    if (!to)
        return no_room(p);
    *to = entry;
    return STATUS_OK;
}

/* The same of a list. */
static enum status parse_item(struct parser *p)
{
    struct fby_value item;
    enum status status = parse_value(p, &item);
    if (status != STATUS_OK)
        return status;
    struct fby_field *to = push(p);
    if (!to)
        return no_room(p);
    to->value = item;
    return STATUS_OK;
}

static enum status parse_container(struct parser *p, struct fby_value *out)
{
    bool is_map = *p->at++ == '{';
    uint8_t close = is_map ? '}' : ']';
    size_t base = p->stack_len;
    if (p->depth == p->depth_max)
        return over_limit(p, "nested too deep");
    p->depth++;
    skip_space(p);
    bool empty = p->at < p->end && *p->at == close;
    while (!empty) {
        enum status status = is_map ? parse_entry(p) : parse_item(p);
        if (status != STATUS_OK)
            return status;
        skip_space(p);
        if (p->at < p->end && *p->at == close)
            break;
        if (p->at == p->end || *p->at != ',')
            return fail(p, is_map ? "expected , or }" : "expected , or ]");
        p->at++;
        if (is_map)
            skip_space(p);
    }
    p->at++;
    p->depth--;
    return is_map ? finish_map(p, base, out) : finish_list(p, base, out);
}

static enum status parse_word(struct parser *p, const char *word, struct fby_value value,
                              struct fby_value *out)
{
    size_t len = strlen(word);
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0)
        return fail(p, "expected a value");
    p->at += len;
    *out = value;
    return STATUS_OK;
}

static enum status parse_value(struct parser *p, struct fby_value *out)
{
    skip_space(p);
    if (p->at == p->end)
        return fail(p, "the text ends too early");
    if (p->elements_left-- == 0) {
        p->elements_left = 0;
        return over_limit(p, "too many values");
    }
    if (is_digit(p))
        return parse_number(p, out);
    switch (*p->at) {
    case '{':
    case '[':
        return parse_container(p, out);
    case '"':
        return parse_string(p, out);
    case 't':
        return parse_word(p, "true", value_bool(true), out);
    case 'f':
        return parse_word(p, "false", value_bool(false), out);
    case 'n':
        return parse_word(p, "null", value_null(), out);
    case '-':
        return parse_number(p, out);
    default:
        return fail(p, "expected a value");
    }
}

static unsigned depth_limit(const struct value_json_limits *limits)
{
    unsigned depth = limits && limits->depth ? limits->depth : DEPTH_DEFAULT;
    return depth < VALUE_DEPTH_MAX ? depth : VALUE_DEPTH_MAX;
}

enum status value_parse_json(struct bytes text, const struct value_json_limits *limits, struct arena *a,
                             struct fby_value *out, struct error *err)
{
    struct fby_field first[STACK_FIRST];
    struct parser p = {.start = text.data,
                       .at = text.data,
                       .end = text.data + text.len,
                       .arena = a,
                       .err = err,
                       .stack = first,
                       .stack_capacity = STACK_FIRST,
                       .elements_left = limits && limits->elements ? limits->elements : ELEMENTS_DEFAULT,
                       .depth_max = depth_limit(limits),
                       .refuse_duplicates = limits && limits->refuse_duplicates,
                       .big_integers = limits ? limits->big_integers : VALUE_JSON_BIG_DOUBLE};
    *out = value_null();
    enum status status = parse_value(&p, out);
    if (status != STATUS_OK)
        return status;
    skip_space(&p);
    return p.at == p.end ? STATUS_OK : fail(&p, "something follows the value");
}
