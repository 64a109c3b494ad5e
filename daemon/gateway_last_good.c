/* SPDX-License-Identifier: Apache-2.0
 *
 * See gateway_last_good.h. The copy is written beside and renamed, without a flush: the loop must not wait
 * for the disk. One that a power cut left torn does not pass the check and is not used.
 */
#include "gateway_last_good.h"

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool write_all(int fd, const char *text, size_t len)
{
    while (len) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

void gateway_last_good_save(const struct gateway_config *c)
{
    char *path = xasprintf("%s/last-good.yaml", c->gateway.state_directory);
    char *fresh = xasprintf("%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, c->text, strlen(c->text));
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(fresh, path) == 0;
    if (!ok)
        log_warning("config",
                    "cannot keep a copy of the configuration in %s: %s. It runs; only the next start with a "
                    "broken file would not have it",
                    path, strerror(errno));
    free(fresh);
    free(path);
}

static const char *default_directory(void)
{
    const char *directory = getenv("STATE_DIRECTORY");
    return directory && directory[0] == '/' ? directory : FBY_LOCALSTATEDIR "/lib/forebay";
}

struct gateway_config *gateway_last_good_read(const char *state_directory, struct plugin_host *plugins)
{
    char *path = xasprintf("%s/last-good.yaml", state_directory ? state_directory : default_directory());
    struct gateway_config *config = NULL;
    if (access(path, R_OK) == 0) {
        struct config_report *report = config_report_create();
        config = gateway_config_read_saved(path, plugins, report);
        if (config_report_error_count(report)) {
            gateway_config_destroy(config);
            config = NULL;
        }
        config_report_destroy(report);
    }
    free(path);
    return config;
}
