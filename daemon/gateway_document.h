/* SPDX-License-Identifier: Apache-2.0
 *
 * The files of a configuration as one tree: the main file and conf.d/ beside it, merged by section; and the
 * text of all of them in one piece, from which the same tree can be read again later. Rank 6.
 */
#ifndef GATEWAY_DOCUMENT_H
#define GATEWAY_DOCUMENT_H

#include "config/config_report.h"
#include "config/yaml_tree.h"

/* Begins lines of whoever saves a text, in front of it; they are passed over. */
#define GATEWAY_DOCUMENT_NOTE "#!forebay-note "

/* NULL when a file has no usable tree; the report says why. `text` gets all files, each behind a line that
 * names it. */
struct yaml_node *gateway_document_read(const char *path, struct arena *a, struct config_report *r,
                                        struct buffer *text);
/* Read what gateway_document_read() gave as `text`, stored in the file `path`. Places and relative paths are
 * those of the original files. */
struct yaml_node *gateway_document_read_saved(const char *path, struct arena *a, struct config_report *r,
                                              struct buffer *text);

#endif
