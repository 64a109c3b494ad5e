/* SPDX-License-Identifier: Apache-2.0
 *
 * Names that an operator gave as names of files. Rank 1.
 */
#ifndef BASE_FILE_NAME_H
#define BASE_FILE_NAME_H

/* Letters, digits, - and _ stay, every other byte becomes %XX. The caller frees it. */
char *file_name_escape(const char *name);

#endif
