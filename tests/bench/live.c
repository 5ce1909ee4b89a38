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

/* The allocator that the program would have without us, which need not be the C library's. Looking it up allocates
 * nothing unless it fails. */
#define REAL(result, name, parameters)                        \
    static result(*real_##name) parameters;                   \
    static result(*get_##name(void)) parameters               \
    {                                                         \
        if (!real_##name)                                     \
            *(void **)&real_##name = dlsym(RTLD_NEXT, #name); \
        return real_##name;                                   \
    }
REAL(void *, malloc, (size_t))
REAL(void *, calloc, (size_t, size_t))
REAL(void *, realloc, (void *, size_t))
REAL(void *, memalign, (size_t, size_t))
REAL(void *, aligned_alloc, (size_t, size_t))
REAL(int, posix_memalign, (void **, size_t, size_t))
REAL(void, free, (void *))
REAL(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))

static atomic_long blocks, most_blocks, threads = 1, most_threads = 1;

static void *one_more(void *block)
{
    const long now = block ? atomic_fetch_add(&blocks, 1) + 1 : 0;
    long most = atomic_load(&most_blocks);
    while (now > most && !atomic_compare_exchange_weak(&most_blocks, &most, now))
        ;
    return block;
}

void *malloc(size_t size) { return one_more(get_malloc()(size)); }
void *calloc(size_t n, size_t size) { return one_more(get_calloc()(n, size)); }
void *memalign(size_t alignment, size_t size) { return one_more(get_memalign()(alignment, size)); }
void *aligned_alloc(size_t alignment, size_t size) { return one_more(get_aligned_alloc()(alignment, size)); }
int posix_memalign(void **block, size_t alignment, size_t size)
{
    const int error = get_posix_memalign()(block, alignment, size);
    if (error == 0)
        one_more(*block);
    return error;
}
void *realloc(void *block, size_t size)
{
    void *now = get_realloc()(block, size);
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
    get_free()(block);
}

struct start {
    void *(*function)(void *);
    void *argument;
};
static void *run(void *at)
{
    struct start start = *(struct start *)at;
    void *result;
    get_free()(at);
    result = start.function(start.argument);
    atomic_fetch_sub(&threads, 1);
    return result;
}
int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *),
                   void *argument)
{
    struct start *start = get_malloc()(sizeof *start);
    long now;
    *start = (struct start){function, argument};
    now = atomic_fetch_add(&threads, 1) + 1;
    if (now > atomic_load(&most_threads))
        atomic_store(&most_threads, now);
    return get_pthread_create()(thread, attributes, run, start);
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
