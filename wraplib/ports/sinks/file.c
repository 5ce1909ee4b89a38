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
#include <sys/syscall.h>
#include <unistd.h>

#ifndef UNPAIRED_FILE_DEFAULT
#define UNPAIRED_FILE_DEFAULT "unpaired.%p.stream"
#endif

enum { NOT_OPENED = -1, NOT_TO_BE_HAD = -2 };
static int file = NOT_OPENED;
static long opened_by;

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

static void open_file(long pid)
{
    char path[4096];
    const char *pattern = getenv("UNPAIRED_OUTPUT");
    file = NOT_TO_BE_HAD;
    opened_by = pid;
    if (expand(pattern && *pattern ? pattern : UNPAIRED_FILE_DEFAULT, pid, path, sizeof path)) {
        long fd = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd >= 0)
            file = (int)fd;
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
        long written = syscall(SYS_write, file, p, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            file = NOT_TO_BE_HAD; /* a full disk: what follows half a record could not be read anyway */
            break;
        }
        p += written;
        length -= (size_t)written;
    }
    errno = saved;
    return 1;
}
