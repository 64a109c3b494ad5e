/* SPDX-License-Identifier: Apache-2.0
 *
 * See http_answer.h. The rule behind the table: a message goes to the dead letters only when the service has
 * looked at it. What says "wrong address, wrong password, wrong method" would send the whole backlog there
 * because of one line of configuration; it is tried again, and shown.
 */
#include "http_answer.h"

#include <stdio.h>
#include <string.h>

struct status_words {
    long status;
    enum http_meaning meaning;
    const char *words;
};

static const struct status_words known[] = {
    {400, HTTP_REFUSED, "Bad Request"},
    {401, HTTP_AGAIN, "Unauthorized; check username, password or the Authorization header"},
    {402, HTTP_AGAIN, "Payment Required"},
    {403, HTTP_AGAIN, "Forbidden; check what these credentials may do"},
    {404, HTTP_AGAIN, "Not Found; check the path of the url"},
    {405, HTTP_AGAIN, "Method Not Allowed; check method and url"},
    {406, HTTP_AGAIN, "Not Acceptable"},
    {407, HTTP_AGAIN, "Proxy Authentication Required"},
    {408, HTTP_AGAIN, "Request Timeout"},
    {409, HTTP_REFUSED, "Conflict"},
    {410, HTTP_AGAIN, "Gone; check the url"},
    {413, HTTP_REFUSED, "Content Too Large"},
    {415, HTTP_AGAIN, "Unsupported Media Type; check batch.format or set a Content-Type header"},
    {421, HTTP_AGAIN, "Misdirected Request"},
    {422, HTTP_REFUSED, "Unprocessable Content"},
    {425, HTTP_AGAIN, "Too Early"},
    {426, HTTP_AGAIN, "Upgrade Required"},
    {429, HTTP_AGAIN, "Too Many Requests"},
    {451, HTTP_AGAIN, "Unavailable For Legal Reasons"},
    {500, HTTP_AGAIN, "Internal Server Error"},
    {502, HTTP_AGAIN, "Bad Gateway"},
    {503, HTTP_AGAIN, "Service Unavailable"},
    {504, HTTP_AGAIN, "Gateway Timeout"},
};

static struct status_words find_words(long status)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].status == status)
            return known[i];
    if (status >= 200 && status < 300)
        return (struct status_words){status, HTTP_ACCEPTED, ""};
    if (status >= 400 && status < 500)
        return (struct status_words){status, HTTP_REFUSED, "refused"};
    return (struct status_words){status, HTTP_AGAIN, status >= 500 ? "the service failed" : "not an answer"};
}

void http_answer_read(const struct http_options *options, const struct http_response *response,
                      struct http_answer *answer)
{
    *answer = (struct http_answer){.meaning = HTTP_AGAIN, .retry_after_ms = response->retry_after_ms};
    if (response->status == 0) {
        snprintf(answer->reason, sizeof answer->reason, "no answer: %s", response->error);
        return;
    }
    if (response->status >= 300 && response->status < 400) {
        snprintf(answer->reason, sizeof answer->reason,
                 "HTTP %ld points to %.300s; set the url to where it moved", response->status,
                 response->location ? response->location : "nowhere");
        return;
    }
    struct status_words w = find_words(response->status);
    answer->meaning = http_options_is_retry_status(options, response->status) ? HTTP_AGAIN : w.meaning;
    if (w.meaning != HTTP_ACCEPTED)
        snprintf(answer->reason, sizeof answer->reason, "HTTP %ld %s%s%.300s", response->status, w.words,
                 response->body[0] ? ": " : "", response->body);
}
