/* Sink: a file, for programs with an operating system under them; UNPAIRED_OUTPUT in the environment is its path,
 * `%p` in it the process id (default "unpaired.%p.stream").
 *
 * The system calls are made directly: no descriptor of ours is recorded, whatever the tables are. Linux only. */
#define _GNU_SOURCE
#include "unpaired/port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UNPAIRED_FILE_DEFAULT
#define UNPAIRED_FILE_DEFAULT "unpaired.%p.stream"
#endif

enum { NOT_OPENED = -1, NOT_TO_BE_HAD = -2 };
static int file = NOT_OPENED;
static long opened_by;
static uint64_t writable; /* bytes up to RLIMIT_FSIZE: to write past it kills with SIGXFSZ (setrlimit(2)) */

/* Writes the path with every %p replaced. Returns 0 if it is too long. */
static int expand(const char *pattern, long pid, char *path, size_t room)
{
    size_t n = 0;
    for (; *pattern; pattern++) {
        char digits[24];
        size_t count = 0;
        if (pattern[0] == '%' && pattern[1] == 'p') {
            long rest = pid;
            do
                digits[count++] = (char)('0' + rest % 10);
            while ((rest /= 10) > 0);
            pattern++;
        } else {
            digits[count++] = *pattern;
        }
        if (n + count >= room)
            return 0;
        while (count)
            path[n++] = digits[--count];
    }
    path[n] = '\0';
    return 1;
}

/* The lowest free numbers are the program's: it may count on them, and it may run with its standard streams closed.
 * Returns a number far above, or -1. */
static int out_of_the_way(long fd)
{
    static const int above[] = {1000, 200, 50}; /* the limit of descriptors may be low */
    unsigned i;
    long moved = -1;
    for (i = 0; i < sizeof above / sizeof above[0] && moved < 0; i++)
        moved = syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, above[i]);
    (void)syscall(SYS_close, fd);
    return (int)moved;
}

static void open_file(long pid)
{
    char path[4096];
    const char *pattern = getenv("UNPAIRED_OUTPUT");
    file = NOT_TO_BE_HAD;
    opened_by = pid;
    if (expand(pattern && *pattern ? pattern : UNPAIRED_FILE_DEFAULT, pid, path, sizeof path)) {
        long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        uint64_t limit[2] = {~UINT64_C(0), 0}; /* struct rlimit64 */
        (void)syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, (void *)0, limit);
        writable = limit[0];
        if (fd >= 0)
            file = out_of_the_way(fd);
        if (file < 0)
            file = NOT_TO_BE_HAD;
    }
}

int unpaired_sink_write(const void *bytes, size_t length)
{
    const char *p = (const char *)bytes;
    int saved = errno;
    long pid = syscall(SYS_getpid);
    if (file == NOT_OPENED)
        open_file(pid);
    /* a forked child says nothing: two processes in one stream would be neither's */
    while (length && file >= 0 && opened_by == pid) {
        long written = length <= writable ? syscall(SYS_write, file, p, length) : 0;
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            file = NOT_TO_BE_HAD; /* a full disk or the limit: behind half a record nothing can be read */
            break;
        }
        p += written;
        writable -= (uint64_t)written;
        length -= (size_t)written;
    }
    errno = saved;
    return 1;
}
