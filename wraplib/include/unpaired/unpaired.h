/* What a program may say to its recorder: whose work this is, and where a cycle begins. C99 and C++11.
 *
 * A program that uses this runs unchanged where nothing records it. On Linux the recorder
 * (libunpaired_preload.so) is looked up once at run time, so nothing has to be linked (glibc before 2.34:
 * -ldl). In firmware define UNPAIRED_LINKED and link libunpaired_wrap.a; without it the calls do nothing.
 *
 * The first call of a translation unit looks the recorder up and may take the loader's lock: do not make it
 * in a signal handler. All calls are safe from any thread. */
#ifndef UNPAIRED_UNPAIRED_H
#define UNPAIRED_UNPAIRED_H

#include "unpaired/owner_tag.h"

#include <stdint.h>

#if !defined(UNPAIRED_LINKED) && defined(__linux__)
#define UNPAIRED_LOOKED_UP 1
#include <dlfcn.h>
#include <string.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The recorder's entry points. Call the functions without _impl instead. */
#if defined(UNPAIRED_LINKED)
uint32_t unpaired_owner_push_impl(uint32_t owner);
void unpaired_owner_pop_impl(uint32_t previous);
void unpaired_mark_impl(const char *name);
#endif

#if defined(UNPAIRED_LOOKED_UP)
struct unpaired_entry_points {
    uint32_t (*owner_push)(uint32_t owner);
    void (*owner_pop)(uint32_t previous);
    void (*mark)(const char *name);
};

/* Internal: the entry points, each null where no recorder is loaded. */
static inline struct unpaired_entry_points unpaired_find_entry_points(void)
{
    static void *cached[3];
    static int looked_up; /* threads that meet here first find the same and store the same */
    struct unpaired_entry_points found;
    void *symbol[3];
    int i;
    if (!__atomic_load_n(&looked_up, __ATOMIC_ACQUIRE)) {
        /* (void *)0 is RTLD_DEFAULT, which <dlfcn.h> hides from strict C99 */
        __atomic_store_n(&cached[0], dlsym((void *)0, "unpaired_owner_push_impl"), __ATOMIC_RELAXED);
        __atomic_store_n(&cached[1], dlsym((void *)0, "unpaired_owner_pop_impl"), __ATOMIC_RELAXED);
        __atomic_store_n(&cached[2], dlsym((void *)0, "unpaired_mark_impl"), __ATOMIC_RELAXED);
        __atomic_store_n(&looked_up, 1, __ATOMIC_RELEASE);
    }
    for (i = 0; i < 3; i++)
        symbol[i] = __atomic_load_n(&cached[i], __ATOMIC_RELAXED);
    /* ISO C has no cast from object to function pointer */
    memcpy(&found.owner_push, &symbol[0], sizeof symbol[0]);
    memcpy(&found.owner_pop, &symbol[1], sizeof symbol[1]);
    memcpy(&found.mark, &symbol[2], sizeof symbol[2]);
    return found;
}
#endif

/* What this thread acquires from now on belongs to `owner` (unpaired_owner_from_magic("MQTT")), in place of
 * module, thread and rules. Returns what to hand to unpaired_owner_pop(): the owner before, 0 for none. */
static inline uint32_t unpaired_owner_push(uint32_t owner)
{
#if defined(UNPAIRED_LINKED)
    return unpaired_owner_push_impl(owner);
#elif defined(UNPAIRED_LOOKED_UP)
    struct unpaired_entry_points recorder = unpaired_find_entry_points();
    return recorder.owner_push ? recorder.owner_push(owner) : 0;
#else
    (void)owner;
    return 0;
#endif
}

/* Ends what unpaired_owner_push() began; `previous` is what that returned. */
static inline void unpaired_owner_pop(uint32_t previous)
{
#if defined(UNPAIRED_LINKED)
    unpaired_owner_pop_impl(previous);
#elif defined(UNPAIRED_LOOKED_UP)
    struct unpaired_entry_points recorder = unpaired_find_entry_points();
    if (recorder.owner_pop)
        recorder.owner_pop(previous);
#else
    (void)previous;
#endif
}

/* A cycle begins (a reconnect, a request, an hour): growth is judged from mark to mark. `name` is copied and
 * may be null. */
static inline void unpaired_mark(const char *name)
{
#if defined(UNPAIRED_LINKED)
    unpaired_mark_impl(name);
#elif defined(UNPAIRED_LOOKED_UP)
    struct unpaired_entry_points recorder = unpaired_find_entry_points();
    if (recorder.mark)
        recorder.mark(name);
#else
    (void)name;
#endif
}

#ifdef __cplusplus
}
#endif

/* UNPAIRED_OWNER_SCOPE("MQTT"); -- a declaration: until the end of the enclosing block, however it is left,
 * what this thread acquires belongs to MQTT. At most four characters; further ones are dropped. Scopes nest. */
#define UNPAIRED_JOIN_(a, b) a##b
#define UNPAIRED_JOIN(a, b) UNPAIRED_JOIN_(a, b)

#ifdef __cplusplus
namespace unpaired {
class OwnerScope {
public:
    explicit OwnerScope(const char *magic) : previous_(unpaired_owner_push(unpaired_owner_from_magic(magic)))
    {}
    ~OwnerScope() { unpaired_owner_pop(previous_); }
    OwnerScope(const OwnerScope &) = delete;
    OwnerScope &operator=(const OwnerScope &) = delete;

private:
    uint32_t previous_;
};
} // namespace unpaired
#define UNPAIRED_OWNER_SCOPE(magic) \
    const ::unpaired::OwnerScope UNPAIRED_JOIN(unpaired_owner_scope_, __LINE__)(magic)
#elif defined(__GNUC__)
/* Internal: end of a C scope. */
static inline void unpaired_owner_scope_end(const uint32_t *previous) { unpaired_owner_pop(*previous); }
#define UNPAIRED_OWNER_SCOPE(magic)                                  \
    const uint32_t UNPAIRED_JOIN(unpaired_owner_scope_, __LINE__)    \
        __attribute__((cleanup(unpaired_owner_scope_end), unused)) = \
            unpaired_owner_push(unpaired_owner_from_magic(magic))
#endif /* other C compilers: unpaired_owner_push() and unpaired_owner_pop() by hand */

#endif
