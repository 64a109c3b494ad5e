/* SPDX-License-Identifier: Apache-2.0
 *
 * Single values from text, see option.h. The reason in `err` is what was expected; the caller adds what was
 * found.
 */
#include "base/memory.h"
#include "config/config_memory.h"
#include "config/option.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"B", 1},         {"kB", 1000},     {"MB", 1000000},  {"GB", 1000000000},        {"TB", 1000000000000},
    {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", (int64_t)1 << 40},
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {"w", 604800000},
};

bool option_parse_bool(const char *text, bool *value, struct error *err)
{
    static const char *const yes[] = {"true", "yes", "on"}, *const no[] = {"false", "no", "off"};
    for (size_t i = 0; i < array_count(yes); i++) {
        *value = strcasecmp(text, yes[i]) == 0;
        if (*value || strcasecmp(text, no[i]) == 0)
            return true;
    }
    error_set(err, STATUS_INVALID, "expected true or false");
    return false;
}

bool option_parse_int(const char *text, int64_t *value, struct error *err)
{
    const char *digits = text + (*text == '-' || *text == '+');
    errno = 0;
    char *end;
    long long number = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*digits) || *end) {
        error_set(err, STATUS_INVALID, "expected a whole number");
        return false;
    }
    if (errno == ERANGE) {
        error_set(err, STATUS_INVALID, "expected a number of at most 64 bits");
        return false;
    }
    *value = number;
    return true;
}

/* strtod of the C locale. */
static double parse_number(const char *text, const char **end)
{
    static locale_t c_locale;
    if (!c_locale)
        c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *behind;
    double number = c_locale ? strtod_l(text, &behind, c_locale) : strtod(text, &behind);
    *end = behind;
    return number;
}

/* Only digits, sign, point and exponent: strtod would take hexadecimal, nan and infinity as well. */
static bool is_decimal(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!strchr("0123456789+-.eE", text[i]))
            return false;
    return len > 0;
}

bool option_parse_double(const char *text, double *value, struct error *err)
{
    const char *end;
    double number = parse_number(text, &end);
    if (*end || !is_decimal(text, strlen(text)) || !isfinite(number)) {
        error_set(err, STATUS_INVALID, "expected a number");
        return false;
    }
    *value = number;
    return true;
}

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (strlen(units[i].name) == len && strncasecmp(units[i].name, name, len) == 0)
            return &units[i];
    return NULL;
}

/* A number such as 1.5 at *text, moved behind it; false without digits. */
static bool take_amount(const char **text, double *amount)
{
    const char *digits = *text;
    size_t len = strspn(digits, "0123456789");
    if (len == 0 || len > 18)
        return false;
    if (digits[len] == '.') {
        size_t fraction = strspn(digits + len + 1, "0123456789");
        if (fraction == 0 || fraction > 9)
            return false;
        len += 1 + fraction;
    }
    char copy[40];
    memcpy(copy, digits, len);
    copy[len] = 0;
    const char *end;
    *amount = parse_number(copy, &end);
    *text = digits + len;
    return true;
}

static const char *skip_spaces(const char *text)
{
    return text + strspn(text, " ");
}

static size_t word_length(const char *text)
{
    size_t len = 0;
    while (isalpha((unsigned char)text[len]))
        len++;
    return len;
}

bool option_parse_size(const char *text, int64_t *bytes, struct error *err)
{
    double amount;
    const char *at = text;
    bool right = take_amount(&at, &amount);
    at = skip_spaces(at);
    size_t len = word_length(at);
    if (right && len == 1 && strchr("kKmMgGtT", *at) && !at[1]) {
        error_set(
            err, STATUS_INVALID, "expected a size with a full unit: %c%s is 1024-based, %c%s 1000-based",
            toupper((unsigned char)*at), "iB", (*at | 0x20) == 'k' ? 'k' : toupper((unsigned char)*at), "B");
        return false;
    }
    const struct unit *unit = len ? find_unit(size_units, array_count(size_units), at, len) : &size_units[0];
    double total = right && unit ? amount * (double)unit->factor : -1;
    if (!right || !unit || at[len] || total != floor(total)) {
        error_set(err, STATUS_INVALID, "expected a size such as 512, 64 KiB or 10 MB");
        return false;
    }
    if (total >= 0x1p62) {
        error_set(err, STATUS_INVALID, "expected a size below 4096 PiB");
        return false;
    }
    *bytes = (int64_t)total;
    return true;
}

bool option_parse_duration(const char *text, int64_t *ms, struct error *err)
{
    const char *at = text;
    double total = 0;
    bool right = *at != 0;
    if (strcmp(text, "0") == 0) {
        *ms = 0;
        return true;
    }
    while (*at && right) {
        double amount = 0;
        right = take_amount(&at, &amount);
        at = skip_spaces(at);
        size_t len = word_length(at);
        if (right && len == 0 && !*at) {
            error_set(err, STATUS_INVALID, "expected a duration with a unit, such as %ss or %sms", text,
                      text);
            return false;
        }
        const struct unit *unit = find_unit(duration_units, array_count(duration_units), at, len);
        right = right && unit;
        total += right ? amount * (double)unit->factor : 0;
        at = skip_spaces(at + len);
    }
    if (!right || total != floor(total)) {
        error_set(err, STATUS_INVALID, "expected a duration such as 200ms, 5s, 10m, 2h or 7d");
        return false;
    }
    if (total > 0x1p53) {
        error_set(err, STATUS_INVALID, "expected a duration of less than 285,000 years");
        return false;
    }
    *ms = (int64_t)total;
    return true;
}

/* ---- Any YAML as a value ---- */

static struct fby_value text_value(const struct yaml_node *n)
{
    return (struct fby_value){.type = FBY_STRING, .len = (uint32_t)n->text_len, .bytes = n->text};
}

static bool special_double(const char *text, double *number)
{
    bool negative = *text == '-';
    text += negative || *text == '+';
    if (strcasecmp(text, ".inf") == 0)
        *number = negative ? -INFINITY : INFINITY;
    else if (strcasecmp(text, ".nan") == 0)
        *number = NAN;
    else
        return false;
    return true;
}

/* Octal 0o17 and hexadecimal 0x1f. */
static bool based_integer(const char *text, uint64_t *number)
{
    int base = strncmp(text, "0x", 2) == 0 ? 16 : strncmp(text, "0o", 2) == 0 ? 8 : 0;
    if (!base || !isxdigit((unsigned char)text[2]))
        return false;
    char *end;
    errno = 0;
    *number = strtoull(text + 2, &end, base);
    return !*end && !errno;
}

static struct fby_value unsigned_value(uint64_t u)
{
    return (struct fby_value){.type = u <= INT64_MAX ? FBY_INT : FBY_UINT, .uinteger = u};
}

/* A scalar without quotes, by the core schema of YAML 1.2. */
static struct fby_value plain_value(const struct yaml_node *n)
{
    const char *text = n->text;
    int64_t integer;
    uint64_t based;
    double number;
    if (yaml_node_is_null(n))
        return (struct fby_value){.type = FBY_NULL};
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "True") == 0 || strcmp(text, "TRUE") == 0;
    bool no = strcmp(text, "false") == 0 || strcmp(text, "False") == 0 || strcmp(text, "FALSE") == 0;
    if (yes || no)
        return (struct fby_value){.type = FBY_BOOL, .boolean = yes};
    if (option_parse_int(text, &integer, NULL))
        return (struct fby_value){.type = FBY_INT, .integer = integer};
    if (based_integer(text, &based))
        return unsigned_value(based);
    if (strspn(text, "0123456789") == n->text_len) {
        char *end;
        errno = 0;
        based = strtoull(text, &end, 10);
        if (!errno)
            return unsigned_value(based);
    }
    if (option_parse_double(text, &number, NULL) || special_double(text, &number))
        return (struct fby_value){.type = FBY_DOUBLE, .number = number};
    return text_value(n);
}

static void fill_value(const struct yaml_node *n, struct arena *a, struct fby_value *out)
{
    if (n->kind == YAML_SCALAR) {
        *out = n->plain ? plain_value(n) : text_value(n);
        return;
    }
    *out = (struct fby_value){.type = n->kind == YAML_LIST ? FBY_LIST : FBY_MAP, .len = (uint32_t)n->count};
    if (n->kind == YAML_LIST)
        out->items = config_calloc(a, n->count, sizeof *out->items);
    else
        out->fields = config_calloc(a, n->count, sizeof *out->fields);
    for (size_t i = 0; i < n->count; i++) {
        if (n->kind == YAML_LIST) {
            fill_value(n->items[i], a, &out->items[i]);
            continue;
        }
        out->fields[i].name = (struct fby_bytes){n->pairs[i].key->text, n->pairs[i].key->text_len};
        fill_value(n->pairs[i].value, a, &out->fields[i].value);
    }
}

struct fby_value *option_value(const struct yaml_node *n, struct arena *a)
{
    struct fby_value *v = config_calloc(a, 1, sizeof *v);
    if (n)
        fill_value(n, a, v);
    return v;
}
