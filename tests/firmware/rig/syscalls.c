/* What newlib and picolibc want of a system: memory from the linker script's heap, output to the console. */
#include "board.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#ifndef __PICOLIBC__
#undef errno /* what the library's own layer sets errno from */
extern int errno;
#endif
extern char __HeapBase, __HeapLimit;

/* An image may move the heap's beginning before its first allocation. */
char *board_heap = &__HeapBase;
void *__dso_handle;

void *_sbrk(ptrdiff_t bytes)
{
    char *old = board_heap;
    if (old + bytes > &__HeapLimit) {
        errno = ENOMEM;
        return (void *)-1;
    }
    board_heap += bytes;
    return old;
}

ssize_t _write(int fd, const void *bytes, size_t length)
{
    char part[65];
    size_t i, n = 0;
    (void)fd;
    for (i = 0; i < length; i++) {
        char c = ((const char *)bytes)[i];
        if (c != '\n')
            part[n++] = c;
        if (n == sizeof part - 1 || (c == '\n' && n)) {
            part[n] = '\0';
            board_say(part);
            n = 0;
        }
    }
    if (n) {
        part[n] = '\0';
        board_say(part);
    }
    return (ssize_t)length;
}

void board_tell(const char *name, uint32_t value)
{
    char line[64];
    unsigned i = 0, j = sizeof line;
    line[--j] = '\0';
    do
        line[--j] = (char)('0' + value % 10u);
    while (value /= 10u);
    while (name[i] && i < 40) {
        line[i] = name[i];
        i++;
    }
    line[i++] = ' ';
    while ((line[i++] = line[j++]) != '\0') {
    }
    board_say(line);
}

/* clang-format off */
void _exit(int status) { board_exit(status); }
int _read(int fd, void *bytes, size_t length) { (void)fd; (void)bytes; (void)length; return 0; }
int _close(int fd) { (void)fd; return 0; }
off_t _lseek(int fd, off_t offset, int whence) { (void)fd; (void)offset; (void)whence; return 0; }
int _fstat(int fd, struct stat *status) { (void)fd; status->st_mode = S_IFCHR; return 0; }
int _isatty(int fd) { (void)fd; return 1; }
int _kill(int pid, int signal) { (void)pid; (void)signal; errno = EINVAL; return -1; }
int _getpid(void) { return 1; }
int _open(const char *path, int flags, ...) { (void)path; (void)flags; errno = ENOENT; return -1; }
int _gettimeofday(void *now, void *zone) { (void)now; (void)zone; errno = ENOSYS; return -1; }
void _init(void) {}
void _fini(void) {}
