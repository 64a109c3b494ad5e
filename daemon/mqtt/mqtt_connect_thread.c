/* SPDX-License-Identifier: Apache-2.0
 *
 * See mqtt_connect_thread.h. libmosquitto's connect has no time limit (the kernel gives up after two
 * minutes), so connect() is defined here as well: in a helper thread it waits MQTT_CONNECT_TIMEOUT_MS at
 * most, everywhere else it is the kernel's.
 */
#include "mqtt/mqtt_connect_thread.h"

#include "base/list.h"
#include "loop/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STACK_BYTES = 512 * 1024 }; /* name service modules are not modest */

struct mqtt_connect_job {
    const struct mqtt_connect_work *work;
    void *subject, *ctx;
    struct loop_notifier *notifier;
    bool finished;    /* run() has returned */
    bool released;    /* nobody waits */
    bool told;        /* done() was called */
    struct list link; // queue
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list queue = {&queue, &queue}; // mqtt_connect_job.link
static unsigned running;
static __thread bool is_helper;

static int wait_connected(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n;
    do
        n = poll(&p, 1, MQTT_CONNECT_TIMEOUT_MS);
    while (n < 0 && errno == EINTR);
    if (n == 0) {
        errno = ETIMEDOUT;
        return -1;
    }
    int error = 0;
    socklen_t len = sizeof error;
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -1;
    errno = error;
    return error ? -1 : 0;
}

__attribute__((visibility("default"))) int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    int flags = is_helper ? fcntl(fd, F_GETFL) : -1;
    if (flags < 0 || (flags & O_NONBLOCK))
        return (int)syscall(SYS_connect, fd, address, len);
    if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return -1;
    int result = (int)syscall(SYS_connect, fd, address, len);
    if (result != 0 && errno == EINPROGRESS)
        result = wait_connected(fd);
    int error = errno;
    fcntl(fd, F_SETFL, flags);
    errno = error;
    return result;
}

static void *run_jobs(void *unused)
{
    is_helper = true;
    pthread_mutex_lock(&lock);
    struct mqtt_connect_job *job;
    while ((job = list_first(&queue, struct mqtt_connect_job, link))) {
        list_remove(&job->link);
        pthread_mutex_unlock(&lock);
        job->work->run(job->subject);
        pthread_mutex_lock(&lock);
        job->finished = true;
        if (!job->released) {
            loop_notifier_signal(job->notifier);
            continue;
        }
        pthread_mutex_unlock(&lock);
        job->work->abandoned(job->subject);
        free(job);
        pthread_mutex_lock(&lock);
    }
    running--;
    pthread_mutex_unlock(&lock);
    return unused;
}

/* With the lock held. */
static bool start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool ok = pthread_create(&thread, &attributes, run_jobs, NULL) == 0;
    pthread_attr_destroy(&attributes);
    if (ok)
        running++;
    return ok;
}

static void handle_finished(void *ctx)
{
    struct mqtt_connect_job *job = ctx;
    pthread_mutex_lock(&lock);
    bool tell = job->finished && !job->told;
    job->told |= tell;
    pthread_mutex_unlock(&lock);
    if (tell)
        job->work->done(job->ctx);
}

struct mqtt_connect_job *mqtt_connect_thread_start(struct loop *l, const struct mqtt_connect_work *work,
                                                   void *subject, void *ctx, struct error *err)
{
    struct mqtt_connect_job *job = xcalloc(1, sizeof *job);
    job->work = work;
    job->subject = subject;
    job->ctx = ctx;
    list_init(&job->link);
    job->notifier = loop_notifier_create(l, handle_finished, job);
    pthread_mutex_lock(&lock);
    bool ok = job->notifier && (running >= MQTT_CONNECT_THREADS || start_thread() || running > 0);
    if (ok)
        list_add(&queue, &job->link);
    pthread_mutex_unlock(&lock);
    if (ok)
        return job;
    loop_notifier_destroy(job->notifier);
    free(job);
    error_set(err, STATUS_LIMIT,
              "cannot start a thread for the connection; the system's limit of threads or "
              "descriptors is reached");
    return NULL;
}

void mqtt_connect_thread_release(struct mqtt_connect_job *job)
{
    if (!job)
        return;
    pthread_mutex_lock(&lock);
    bool finished = job->finished, told = job->told;
    job->released = true;
    bool queued = !list_is_empty(&job->link);
    list_remove(&job->link);
    struct loop_notifier *notifier = job->notifier;
    job->notifier = NULL;
    pthread_mutex_unlock(&lock);
    loop_notifier_destroy(notifier);
    if (!finished && !queued)
        return; /* the thread frees it */
    if (!told)
        job->work->abandoned(job->subject);
    free(job);
}

unsigned mqtt_connect_thread_count(void)
{
    pthread_mutex_lock(&lock);
    unsigned count = running;
    pthread_mutex_unlock(&lock);
    return count;
}
