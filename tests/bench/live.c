/* Preloaded by scripts/bench: counts what a program has live, with nothing of ours in it. Writes "BLOCKS THREADS", each
 * the most there were at once, to the file that LIVE_COUNT names, when the program ends. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static atomic_long blocks, most_blocks, threads = 1, most_threads = 1;

static void *one_more(void *block)
{
    const long now = block ? atomic_fetch_add(&blocks, 1) + 1 : 0;
    long most = atomic_load(&most_blocks);
    while (now > most && !atomic_compare_exchange_weak(&most_blocks, &most, now))
        ;
    return block;
}

void *malloc(size_t size) { return one_more(__libc_malloc(size)); }
void *calloc(size_t n, size_t size) { return one_more(__libc_calloc(n, size)); }
void *memalign(size_t alignment, size_t size) { return one_more(__libc_memalign(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return one_more(__libc_memalign(alignment, size)); }
int posix_memalign(void **block, size_t alignment, size_t size)
{
    *block = one_more(__libc_memalign(alignment, size));
    return *block ? 0 : 12;
}
void *realloc(void *block, size_t size)
{
    void *now = __libc_realloc(block, size);
    if (!block)
        one_more(now);
    else if (!now && size == 0)
        atomic_fetch_sub(&blocks, 1);
    return now;
}
void free(void *block)
{
    if (block)
        atomic_fetch_sub(&blocks, 1);
    __libc_free(block);
}

struct start {
    void *(*function)(void *);
    void *argument;
};
static void *run(void *at)
{
    struct start start = *(struct start *)at;
    void *result;
    __libc_free(at);
    result = start.function(start.argument);
    atomic_fetch_sub(&threads, 1);
    return result;
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    struct start *start = __libc_malloc(sizeof *start);
    long now;
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    *start = (struct start){function, argument};
    now = atomic_fetch_add(&threads, 1) + 1;
    if (now > atomic_load(&most_threads))
        atomic_store(&most_threads, now);
    return real(thread, attributes, run, start);
}

static __attribute__((destructor)) void tell(void)
{
    const char *path = getenv("LIVE_COUNT");
    char text[64];
    int file = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (file < 0)
        return;
    snprintf(text, sizeof text, "%ld %ld\n", atomic_load(&most_blocks), atomic_load(&most_threads));
    if (write(file, text, strlen(text)) < 0)
        abort();
    close(file);
}
