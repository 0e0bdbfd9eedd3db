/* Loaded into the program under test (LD_PRELOAD): ends it as kill -9 does, at exactly one point.
 *
 * Whatever the program does that outlives it goes through one of these calls: a commit to the disk (fdatasync, fsync),
 * bytes to a server (send, writev), or marks beside the store (write). They are counted, and each is two points: 2n-1
 * right before the n-th call, 2n right after it. KILL_AT names the point. KILL_ONLY=sync counts commits alone,
 * KILL_ONLY=marks marks alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long calls;

static void die_at(long point) {
    const char *at = getenv("KILL_AT");
    if (at != NULL && atol(at) == point) {
        kill(getpid(), SIGKILL);
        for (;;)
            pause();
    }
}

static int counts(const char *kind) {
    const char *only = getenv("KILL_ONLY");
    return only == NULL || strcmp(only, "all") == 0 || strcmp(only, kind) == 0;
}

/* Is this the file of the marks? */
static int holds_marks(int fd) {
    char link[64], path[512];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length < 0 ? 0 : length] = 0;
    return strstr(path, ".sending-") != NULL;
}

#define COUNTED(kind, type, call)                                                                                     \
    long n = counts(kind) ? atomic_fetch_add(&calls, 1) + 1 : 0;                                                       \
    if (n)                                                                                                             \
        die_at(2 * n - 1);                                                                                             \
    type result = call;                                                                                                \
    if (n)                                                                                                             \
        die_at(2 * n);                                                                                                 \
    return result;

int fdatasync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    COUNTED("sync", int, real(fd))
}

int fsync(int fd) {
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    COUNTED("sync", int, real(fd))
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    ssize_t (*real)(int, const void *, size_t, int) =
        (ssize_t (*)(int, const void *, size_t, int))dlsym(RTLD_NEXT, "send");
    COUNTED("network", ssize_t, real(fd, bytes, length, flags))
}

ssize_t writev(int fd, const struct iovec *pieces, int count) {
    ssize_t (*real)(int, const struct iovec *, int) =
        (ssize_t (*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
    /* Of the log. */
    if (fd == 2)
        return real(fd, pieces, count);
    COUNTED("network", ssize_t, real(fd, pieces, count))
}

ssize_t write(int fd, const void *bytes, size_t length) {
    ssize_t (*real)(int, const void *, size_t) = (ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    if (!holds_marks(fd))
        return real(fd, bytes, length);
    COUNTED("marks", ssize_t, real(fd, bytes, length))
}
