/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_request.h. The head is copied once and cut in place.
 */
#include "admin/http_request.h"

#include "base/memory.h"

#include <stdlib.h>
#include <strings.h>

/* What the header lines said so far. */
struct fields {
    const char *content_length;
    const char *connection;
    bool expects_continue;
};

static int refuse(const char **reason, int status, const char *words)
{
    *reason = words;
    return status;
}

static bool is_token_character(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(const char *text)
{
    if (!*text)
        return false;
    while (is_token_character(*text))
        text++;
    return !*text;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Replace %XX (and + if asked) in place; false for a broken escape or a control character. */
static bool decode(char *text, bool plus_is_space)
{
    char *to = text;
    for (; *text; text++) {
        char c = *text;
        if (c == '%') {
            int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0)
                return false;
            c = (char)(high << 4 | low);
            text += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if ((unsigned char)c < 0x20 || c == 0x7f)
            return false;
        *to++ = c;
    }
    *to = 0;
    return true;
}

/* Cut `text` at the first `separator`; returns what follows, or NULL. */
static char *cut(char *text, char separator)
{
    char *at = strchr(text, separator);
    if (!at)
        return NULL;
    *at = 0;
    return at + 1;
}

static int parse_query(struct http_request *rq, char *query, const char **reason)
{
    for (char *next; query; query = next) {
        next = cut(query, '&');
        if (!*query)
            continue;
        if (rq->parameter_count == HTTP_PARAMETERS_MAX)
            return refuse(reason, 400, "too many parameters");
        char *value = cut(query, '=');
        if (!decode(query, true) || (value && !decode(value, true)))
            return refuse(reason, 400, "the parameters have a broken %XX or a control character");
        rq->parameters[rq->parameter_count++] = (struct http_parameter){query, value ? value : ""};
    }
    return HTTP_COMPLETE;
}

static int parse_target(struct http_request *rq, char *target, const char **reason)
{
    if (*target != '/')
        return refuse(reason, 400, "the request target must begin with /");
    char *query = cut(target, '?');
    if (!decode(target, false))
        return refuse(reason, 400, "the path has a broken %XX or a control character");
    rq->path = target;
    return parse_query(rq, query, reason);
}

static int parse_request_line(struct http_request *rq, char *line, const char **reason)
{
    char *target = cut(line, ' ');
    char *version = target ? cut(target, ' ') : NULL;
    if (!version || !is_token(line))
        return refuse(reason, 400, "the request line is not METHOD PATH HTTP/1.1");
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(reason, 505, "this server speaks HTTP/1.1");
    rq->method = line;
    rq->is_http_1_0 = version[7] == '0';
    return parse_target(rq, target, reason);
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        text[--len] = 0;
    return text;
}

static int parse_field(struct fields *f, char *line, const char **reason)
{
    char *value = cut(line, ':');
    if (!value || !is_token(line))
        return refuse(reason, 400, "a header line is not NAME: VALUE");
    value = trim(value);
    if (strcasecmp(line, "Transfer-Encoding") == 0)
        return refuse(reason, 501, "send the body with Content-Length, chunked bodies are not taken");
    if (strcasecmp(line, "Content-Length") == 0) {
        if (f->content_length)
            return refuse(reason, 400, "Content-Length is given twice");
        f->content_length = value;
    } else if (strcasecmp(line, "Connection") == 0) {
        f->connection = value;
    } else if (strcasecmp(line, "Expect") == 0) {
        if (strcasecmp(value, "100-continue") != 0)
            return refuse(reason, 417, "Expect may only be 100-continue");
        f->expects_continue = true;
    }
    return HTTP_COMPLETE;
}

static int apply_fields(struct http_request *rq, const struct fields *f, const char **reason)
{
    rq->expects_continue = f->expects_continue && !rq->is_http_1_0;
    rq->keep_alive = !rq->is_http_1_0;
    if (f->connection && strcasestr(f->connection, "close"))
        rq->keep_alive = false;
    if (!f->content_length)
        return HTTP_COMPLETE;
    size_t digits = strspn(f->content_length, "0123456789");
    if (!digits || f->content_length[digits])
        return refuse(reason, 400, "Content-Length is not a number");
    if (digits > 18)
        return refuse(reason, 413, "the body is too large");
    rq->body_len = strtoull(f->content_length, NULL, 10);
    return HTTP_COMPLETE;
}

/* Only CRLF ends a line, and nothing else below space is in the head but tabs. */
static bool has_stray_characters(struct bytes head)
{
    for (size_t i = 0; i < head.len; i++) {
        uint8_t c = head.data[i];
        if (c == '\r' && i + 1 < head.len && head.data[i + 1] == '\n') {
            i++;
            continue;
        }
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return true;
    }
    return false;
}

static int parse_head(struct http_request *rq, const char **reason)
{
    struct fields fields = {0};
    char *line = rq->text;
    for (bool is_first = true; *line; is_first = false) {
        char *end = strstr(line, "\r\n");
        if (!end || end == line)
            break;
        *end = 0;
        int result = is_first ? parse_request_line(rq, line, reason) : parse_field(&fields, line, reason);
        if (result != HTTP_COMPLETE)
            return result;
        line = end + 2;
    }
    if (!rq->method)
        return refuse(reason, 400, "the request is empty");
    return apply_fields(rq, &fields, reason);
}

int http_request_parse(struct bytes input, struct http_request *rq, const char **reason)
{
    *rq = (struct http_request){0};
    const uint8_t *end = input.len ? memmem(input.data, input.len, "\r\n\r\n", 4) : NULL;
    size_t head_len = end ? (size_t)(end - input.data) + 4 : input.len;
    if (head_len > HTTP_HEAD_MAX)
        return refuse(reason, 431, "the head of the request is longer than 16 KiB");
    if (!end)
        return HTTP_INCOMPLETE;
    if (has_stray_characters(bytes_of(input.data, head_len)))
        return refuse(reason, 400, "the head of the request has a stray control character");
    rq->head_len = head_len;
    rq->text = xstrndup((const char *)input.data, head_len);
    int result = parse_head(rq, reason);
    if (result != HTTP_COMPLETE)
        http_request_finish(rq);
    return result;
}

const char *http_request_parameter(const struct http_request *rq, const char *name)
{
    for (size_t i = 0; i < rq->parameter_count; i++)
        if (strcmp(rq->parameters[i].name, name) == 0)
            return rq->parameters[i].value;
    return NULL;
}

void http_request_finish(struct http_request *rq)
{
    free(rq->text);
    *rq = (struct http_request){0};
}

const char *http_status_words(int status)
{
    static const struct {
        int status;
        const char *words;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < array_count(table); i++)
        if (table[i].status == status)
            return table[i].words;
    return status < 400 ? "OK" : "Error";
}
