/* SPDX-License-Identifier: Apache-2.0
 *
 * A real mosquitto for a test: started on a free port with given configuration lines, in a directory of its
 * own; stopped and cleaned up at the end.
 */
#ifndef HELPERS_MOSQUITTO_PROCESS_H
#define HELPERS_MOSQUITTO_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

struct mosquitto_process {
    char directory[64];
    int port;
    pid_t pid;
};

/* Is the program there? Tests skip, with the reason, when it is not. */
bool mosquitto_process_is_available(void);
/* A directory for files that `configuration` names, and a free port. */
void mosquitto_process_init(struct mosquitto_process *p);
/* Lines behind "listener <port> 127.0.0.1"; %s in them stands for the directory, any number of times. Returns
 * when the port answers. */
void mosquitto_process_start(struct mosquitto_process *p, const char *configuration);
void mosquitto_process_stop(struct mosquitto_process *p);
/* Stop, and remove the directory. */
void mosquitto_process_finish(struct mosquitto_process *p);
/* Run a shell command in the directory; fails the program when the command does. */
void mosquitto_process_run(const struct mosquitto_process *p, const char *command);

#endif
