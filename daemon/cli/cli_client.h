/* SPDX-License-Identifier: Apache-2.0
 *
 * One HTTP request over a Unix socket, and its answer. HTTP/1.0 is asked for, so that an answer ends with its
 * Content-Length or with the connection. Rank 6.
 */
#ifndef CLI_CLI_CLIENT_H
#define CLI_CLI_CLIENT_H

#include "base/bytes.h"
#include "base/error.h"

struct cli_answer {
    int status;         /* 200, … */
    struct buffer text; /* the whole answer */
    size_t body_offset;
};

/* STATUS_NOT_FOUND: nobody listens there. STATUS_REFUSED: no right to the socket. STATUS_BUSY: no answer
 * within `timeout_ms`. STATUS_CORRUPT: not HTTP, or cut off. STATUS_LIMIT: more than 64 MiB. Give it back
 * with cli_answer_finish() in every case. */
MUST_CHECK enum status cli_client_request(const char *socket_path, const char *method, const char *path,
                                          int timeout_ms, struct cli_answer *answer, struct error *err);
struct bytes cli_answer_body(const struct cli_answer *answer);
void cli_answer_finish(struct cli_answer *answer);

/* Take an answer apart: status and body. Apart from the socket so that it can be tested and fuzzed. */
MUST_CHECK enum status cli_answer_parse(struct cli_answer *answer, struct error *err);

#endif
