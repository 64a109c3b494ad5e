/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_identity.h.
 */
#include "gateway_identity.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MACHINE_ID_LENGTH = 32 };

/* Never changes: every gateway's id, and with it its sessions and message ids, depends on it. */
static const unsigned char application[16] = {0x5c, 0x1f, 0x0e, 0x8a, 0x93, 0xd4, 0x4b, 0x27,
                                              0xa6, 0x70, 0x2d, 0x88, 0xe5, 0x39, 0x61, 0xfb};

static bool is_machine_id(const char *text)
{
    for (size_t i = 0; i < MACHINE_ID_LENGTH; i++)
        if (!isxdigit((unsigned char)text[i]))
            return false;
    return true;
}

enum status gateway_identity_read(const char *path, char id[GATEWAY_IDENTITY_SIZE], struct error *err)
{
    char machine[MACHINE_ID_LENGTH + 1] = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, STATUS_NOT_FOUND, errno, "%s", path);
    ssize_t len = read(fd, machine, MACHINE_ID_LENGTH);
    close(fd);
    if (len != MACHINE_ID_LENGTH || !is_machine_id(machine))
        return error_set(err, STATUS_INVALID, "%s holds no machine id", path);

    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (!HMAC(EVP_sha256(), machine, MACHINE_ID_LENGTH, application, sizeof application, digest, &digest_len))
        return error_set(err, STATUS_IO, "no SHA-256 in the cryptography library");
    snprintf(id, GATEWAY_IDENTITY_SIZE, "fby-%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2],
             digest[3], digest[4], digest[5]);
    return STATUS_OK;
}
