/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer means for the messages of its request, in words for the operator.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http_transport.h"

enum http_meaning {
    HTTP_ACCEPTED,
    HTTP_AGAIN,   /* not now, or not with this configuration: nothing is wrong with the messages */
    HTTP_REFUSED, /* something in this request is wrong and stays wrong */
};

struct http_answer {
    enum http_meaning meaning;
    int64_t retry_after_ms;
    char reason[512];
};

void http_answer_read(const struct http_options *options, const struct http_response *response,
                      struct http_answer *answer);

#endif
