// scenario: a program's own memcpy, getenv, dlsym and so on are never called by the recorder
// build: -D_GNU_SOURCE -fno-builtin -fno-tree-loop-distribute-patterns
// link: -rdynamic -pthread
// output: all functions of the program's own were called
// image: {"events_lost": 0}
// expect: {"rule": "never-released", "family": "heap", "blame": "leak_one:lost", "count": 3, "acquired": 3}
//
// Each of these functions looks at its return address, and writes a line if that lies in the recorder. The output must be
// that of a run without the recorder, which has no such line.
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { most_functions = 64, most_early = 4096 };

static unsigned long recorder_start, recorder_end;
static const char *called[most_functions];
static struct {
    const char *function;
    unsigned long from;
} early[most_early];
static int n_early, ranges_known;

static void write_text(const char *text)
{
    size_t n = 0;
    while (text[n] != '\0')
        n++;
    syscall(SYS_write, 1, text, n);
}

static void look_at(const char *function, unsigned long from)
{
    if (from < recorder_start || from >= recorder_end)
        return;
    write_text("called by the recorder: ");
    write_text(function);
    write_text("\n");
}

static void note(int number, const char *function, void *from)
{
    called[number] = function;
    if (ranges_known)
        look_at(function, (unsigned long)from);
    else if (n_early < most_early) {
        early[n_early].function = function;
        early[n_early++].from = (unsigned long)from;
    }
}

#define OWN note(__COUNTER__, __func__, __builtin_return_address(0))

// ---- string.h ----------------------------------------------------------------------------------------------------

void *memmove(void *to, const void *from, size_t n)
{
    OWN;
    char *target = to;
    const char *source = from;
    if (target < source)
        for (size_t i = 0; i < n; i++)
            target[i] = source[i];
    else
        while (n-- > 0)
            target[n] = source[n];
    return to;
}
void *memcpy(void *to, const void *from, size_t n)
{
    OWN;
    for (size_t i = 0; i < n; i++)
        ((char *)to)[i] = ((const char *)from)[i];
    return to;
}
void *memset(void *at, int value, size_t n)
{
    OWN;
    for (size_t i = 0; i < n; i++)
        ((char *)at)[i] = (char)value;
    return at;
}
int memcmp(const void *a, const void *b, size_t n)
{
    OWN;
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)a)[i] != ((const unsigned char *)b)[i])
            return ((const unsigned char *)a)[i] - ((const unsigned char *)b)[i];
    return 0;
}
void *memchr(const void *in, int value, size_t n)
{
    OWN;
    for (size_t i = 0; i < n; i++)
        if (((const unsigned char *)in)[i] == (unsigned char)value)
            return (char *)in + i;
    return NULL;
}
size_t strlen(const char *text)
{
    OWN;
    size_t n = 0;
    while (text[n] != '\0')
        n++;
    return n;
}
size_t strnlen(const char *text, size_t most)
{
    OWN;
    size_t n = 0;
    while (n < most && text[n] != '\0')
        n++;
    return n;
}
static int compare(const char *a, const char *b, size_t n)
{
    for (; n != 0; n--, a++, b++)
        if (*a != *b || *a == '\0')
            return (unsigned char)*a - (unsigned char)*b;
    return 0;
}
int strcmp(const char *a, const char *b)
{
    OWN;
    return compare(a, b, (size_t)-1);
}
int strncmp(const char *a, const char *b, size_t n)
{
    OWN;
    return compare(a, b, n);
}
char *strchr(const char *text, int value)
{
    OWN;
    for (; *text != (char)value; text++)
        if (*text == '\0')
            return NULL;
    return (char *)text;
}
char *strrchr(const char *text, int value)
{
    OWN;
    const char *last = NULL;
    for (;; text++) {
        if (*text == (char)value)
            last = text;
        if (*text == '\0')
            return (char *)last;
    }
}
char *strcpy(char *to, const char *from)
{
    OWN;
    size_t i = 0;
    do
        to[i] = from[i];
    while (from[i++] != '\0');
    return to;
}
char *strstr(const char *text, const char *wanted)
{
    OWN;
    size_t n = 0;
    while (wanted[n] != '\0')
        n++;
    for (;; text++) {
        if (compare(text, wanted, n) == 0)
            return (char *)text;
        if (*text == '\0')
            return NULL;
    }
}
static size_t span(const char *text, const char *set, int within)
{
    size_t n = 0;
    for (; text[n] != '\0'; n++) {
        int in_set = 0;
        for (const char *s = set; *s != '\0'; s++)
            in_set |= *s == text[n];
        if (in_set != within)
            break;
    }
    return n;
}
size_t strspn(const char *text, const char *set)
{
    OWN;
    return span(text, set, 1);
}
size_t strcspn(const char *text, const char *set)
{
    OWN;
    return span(text, set, 0);
}

// ---- the process, the clock, the loader ---------------------------------------------------------------------------

char *getenv(const char *name)
{
    OWN;
    (void)name;
    return NULL;
}
long sysconf(int name)
{
    OWN;
    return name == _SC_PAGESIZE ? 4096 : -1;
}
int clock_gettime(clockid_t clock, struct timespec *now)
{
    OWN;
    return (int)syscall(SYS_clock_gettime, clock, now);
}
#define REAL(function, ...) ((__typeof__(&function))dlvsym(RTLD_NEXT, #function, __VA_ARGS__))
unsigned long getauxval(unsigned long type)
{
    OWN;
    return REAL(getauxval, "GLIBC_2.16")(type);
}
void *dlsym(void *handle, const char *name)
{
    OWN;
    return REAL(dlsym, "GLIBC_2.34")(handle, name);
}
int dladdr(const void *address, Dl_info *info)
{
    OWN;
    return REAL(dladdr, "GLIBC_2.34")(address, info);
}
int dladdr1(const void *address, Dl_info *info, void **extra, int flags)
{
    OWN;
    return REAL(dladdr1, "GLIBC_2.34")(address, info, extra, flags);
}
int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *, size_t, void *), void *data)
{
    OWN;
    return REAL(dl_iterate_phdr, "GLIBC_2.2.5")(callback, data);
}

// ---- stdio, dirent, threads ----------------------------------------------------------------------------------------

int fileno_unlocked(FILE *stream)
{
    OWN;
    (void)stream;
    return -1;
}
int dirfd(DIR *stream)
{
    OWN;
    (void)stream;
    return -1;
}
int fflush(FILE *stream)
{
    OWN;
    (void)stream;
    return 0;
}
int snprintf(char *to, size_t room, const char *format, ...)
{
    OWN;
    (void)format;
    if (room != 0)
        *to = '\0';
    return 0;
}
int pthread_attr_getdetachstate(const pthread_attr_t *attributes, int *state)
{
    OWN;
    (void)attributes;
    *state = PTHREAD_CREATE_JOINABLE;
    return 0;
}
int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    OWN;
    (void)lock;
    return 0;
}
int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    OWN;
    (void)lock;
    return 0;
}
int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    OWN;
    (void)lock;
    return 0;
}
enum { functions_defined = __COUNTER__ };

// ---- the program ------------------------------------------------------------------------------------------------------

/// Finds the code of the recorder in /proc/self/maps.
static void find_recorder(void)
{
    static char maps[1 << 18];
    const int fd = open("/proc/self/maps", O_RDONLY);
    size_t got = 0;
    for (ssize_t n; (n = read(fd, maps + got, sizeof maps - 1 - got)) > 0;)
        got += (size_t)n;
    close(fd);
    for (char *line = maps; *line != '\0';) {
        char *end = line;
        while (*end != '\n')
            end++;
        *end = '\0';
        for (char *at = line; *at != '\0'; at++)
            if (compare(at, "libunpaired_preload.so", 22) == 0) {
                char *behind;
                const unsigned long from = strtoul(line, &behind, 16), to = strtoul(behind + 1, NULL, 16);
                recorder_start = recorder_start == 0 ? from : recorder_start;
                recorder_end = to;
            }
        line = end + 1;
    }
    ranges_known = 1;
    for (int i = 0; i < n_early; i++)
        look_at(early[i].function, early[i].from);
}

__attribute__((noinline)) static void leak_one(void)
{
    volatile char *block = malloc(24); // blame:lost
    block[0] = 1;
}

static void *thread(void *nothing)
{
    free(malloc(10));
    return nothing;
}

/// Calls each function once itself.
static void call_all(void)
{
    char text[8] = "text";
    struct timespec now;
    Dl_info info;
    int state;
    pthread_rwlock_t lock;
    DIR *volatile no_folder = NULL;
    pthread_attr_t *volatile no_attributes = NULL;
    memmove(text, text + 1, 2), memcpy(text, "a", 2), memset(text, 0, 2), memcmp(text, text, 2),
        memchr(text, 0, 2);
    (void)(strlen(text) + strnlen(text, 3) + strspn(text, "a") + strcspn(text, "a"));
    strcmp(text, text), strncmp(text, text, 2), strchr(text, 'a'), strrchr(text, 'a'), strstr(text, "a");
    strcpy(text, "b"), getenv("HOME"), sysconf(_SC_PAGESIZE), clock_gettime(CLOCK_MONOTONIC, &now),
        getauxval(6);
    dlsym(RTLD_DEFAULT, "malloc"), dladdr((void *)call_all, &info), dladdr1((void *)call_all, &info, NULL, 0);
    fileno_unlocked(stdin), dirfd(no_folder), fflush(stdin), snprintf(text, 1, "a");
    pthread_attr_getdetachstate(no_attributes, &state);
    pthread_rwlock_rdlock(&lock), pthread_rwlock_wrlock(&lock), pthread_rwlock_unlock(&lock);
}
static int no_object(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)info, (void)size, (void)data;
    return 1;
}

int main(void)
{
    find_recorder();
    call_all();
    dl_iterate_phdr(no_object, NULL);
    for (int i = 0; i < functions_defined; i++)
        if (called[i] == NULL)
            write_text("a function was not called\n");
    write_text("all functions of the program's own were called\n");

    FILE *file = fopen("/dev/null", "r");
    fclose(file);
    closedir(opendir("/"));
    dlclose(dlopen("libm.so.6", RTLD_NOW));
    munmap(mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 8192);
    pthread_t started;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_create(&started, &attributes, thread, NULL);
    pthread_join(started, NULL);
    pthread_attr_destroy(&attributes);
    free(realloc(malloc(10), 20));
    free(valloc(100));
    for (int i = 0; i < 3; i++)
        leak_one();
    return 0;
}
