// Hooks of the heap: the malloc family, operator new and delete. Each block of the C library's heap gets 24 more
// bytes than requested, and a tag at the end of its usable size; the pointer is the allocator's own. Blocks of any
// other allocator keep the requested size, since allocators and sized delete rely on it.
#include "hook.h"

#include "address_space.h"
#include "heap_blocks.h"
#include "hooks_heap.h"
#include "libc.h"
#include "modules.h"

#include <cstring>
#include <sys/auxv.h>

using namespace unpaired;

// Used by the others before their bodies come.
extern "C" void hook_free(void *block) __asm__("free");
extern "C" void *hook_realloc(void *block, size_t size) __asm__("realloc");
extern "C" size_t hook_malloc_usable_size(void *block) __asm__("malloc_usable_size");

namespace {

constexpr size_t extra = UNPAIRED_TRAILER_SIZE;
constexpr size_t largest =
    static_cast<size_t>(PTRDIFF_MAX) - extra; // beyond it the real call fails as it should

/// An allocation failed.
void failed(Thread &thread, const Caller &caller, unsigned function, unsigned family)
{
    note_failure(thread, caller, {function, family, UNPAIRED_SPACE_heap}, ENOMEM);
}

// ---- before the real functions are known: dlsym(3) may allocate ------------------------------------------------------

alignas(16) char pool[16 * 1024];
size_t pool_used;

bool in_pool(const void *block)
{
    return reinterpret_cast<uintptr_t>(block) - reinterpret_cast<uintptr_t>(pool) < sizeof pool;
}

void *pool_allocate(size_t size)
{
    const size_t rounded = (size + 31) & ~size_t{15}; // 16 in front keep the size
    const size_t at = add(pool_used, rounded);
    if (at + rounded > sizeof pool)
        return nullptr;
    memcpy(pool + at, &size, sizeof size);
    return pool + at + 16;
}
size_t pool_size(const void *block)
{
    const auto at = static_cast<size_t>(static_cast<const char *>(block) - pool);
    if (at < 16)
        return 0;
    size_t size;
    memcpy(&size, pool + at - 16, sizeof size);
    return size < sizeof pool - at ? size : sizeof pool - at;
}

bool resolving() { return UNPAIRED_UNLIKELY(load(real::addresses[UNPAIRED_FUNCTION_malloc]) == nullptr); }

/// While the real functions are looked up, the blocks come out of the pool.
bool use_pool() { return resolving() && (process.phase == Phase::starting || real::looking_up()); }

/// Marks that an allocator other than the C library's is at work: the mappings and locks that it acquires through
/// hooks are not the program's.
void enter_allocator(Thread &thread, const Caller &caller)
{
    if (UNPAIRED_UNLIKELY(!process.libc_heap))
        thread.enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};
}

Kept kept_by_malloc() { return UNPAIRED_UNLIKELY(process.heap_by_address) ? Kept::by_address : Kept::by_tag; }

/// Allocates outside the fast path, or before the recorder's start. `as_is` makes the real call for the requested
/// size, `enlarged` for `extra` more bytes.
template <class AsIs, class Enlarged>
[[gnu::noinline]] void *allocate_specially(const Caller &caller, unsigned function, unsigned family,
                                           size_t size, AsIs as_is, Enlarged enlarged)
{
    Thread *thread = enter_heap(caller);
    if (thread == nullptr || size > largest) {
        void *block = as_is();
        return block == nullptr && give_way(size) ? as_is() : block;
    }
    const Enclosing outer = enclosing_of(*thread, caller);
    enter_allocator(*thread, caller);
    const Kept kept = kept_by_malloc();
    const auto allocate = [&] { return kept == Kept::by_tag ? enlarged() : as_is(); };
    void *block = allocate();
    if (block == nullptr && give_way(size))
        block = allocate();
    thread->enclosing = outer;
    if (block != nullptr)
        acquired(*thread, caller, function, family, block, size, kept);
    else
        failed(*thread, caller, function, family);
    return block;
}

} // namespace

/// An allocating hook: `as_is` and `enlarged` are the real calls for the size asked for and for `extra` bytes more.
#define UNPAIRED_ALLOCATE(function, family, size, as_is, enlarged)                                       \
    const Caller caller = UNPAIRED_CALLER();                                                             \
    Thread *thread = enter_plainly();                                                                    \
    if (UNPAIRED_UNLIKELY(thread == nullptr || (size) > largest))                                        \
        return allocate_specially(                                                                       \
            caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, size, [=] { return as_is; }, \
            [=] { return enlarged; });                                                                   \
    void *block = enlarged;                                                                              \
    if (UNPAIRED_UNLIKELY(block == nullptr) && give_way(size))                                           \
        block = enlarged;                                                                                \
    if (UNPAIRED_LIKELY(block != nullptr))                                                               \
        acquired_plainly(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, block, \
                         size);                                                                          \
    else                                                                                                 \
        failed(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family);                 \
    return block;

UNPAIRED_HOOK(void *, malloc, (size_t size))
{
    if (use_pool())
        return pool_allocate(size);
    UNPAIRED_ALLOCATE(malloc, heap, size, UNPAIRED_REAL(malloc)(size), UNPAIRED_REAL(malloc)(size + extra))
}

UNPAIRED_HOOK(void *, calloc, (size_t count, size_t each))
{
    if (use_pool()) // never handed out twice, so still zero
        return pool_allocate(count * each);
    size_t size;
    if (__builtin_mul_overflow(count, each, &size))
        size = SIZE_MAX;
    UNPAIRED_ALLOCATE(calloc, heap, size, UNPAIRED_REAL(calloc)(count, each),
                      UNPAIRED_REAL(calloc)(1, size + extra))
}

UNPAIRED_HOOK(void *, aligned_alloc, (size_t alignment, size_t size)){
    UNPAIRED_ALLOCATE(aligned_alloc, heap, size, UNPAIRED_REAL(aligned_alloc)(alignment, size),
                      UNPAIRED_REAL(aligned_alloc)(alignment, size + extra))}

UNPAIRED_HOOK(void *, memalign, (size_t alignment, size_t size)){
    UNPAIRED_ALLOCATE(memalign, heap, size, UNPAIRED_REAL(memalign)(alignment, size),
                      UNPAIRED_REAL(memalign)(alignment, size + extra))}

UNPAIRED_HOOK(void *, valloc, (size_t size)){
    UNPAIRED_ALLOCATE(valloc, heap, size, UNPAIRED_REAL(valloc)(size), UNPAIRED_REAL(valloc)(size + extra))}

UNPAIRED_HOOK(void *, pvalloc, (size_t size))
{
    // The whole last page is the caller's.
    const size_t page = libc::functions().getauxval(AT_PAGESZ);
    const size_t whole = size > largest - page ? SIZE_MAX : (size + page - 1) / page * page;
    UNPAIRED_ALLOCATE(pvalloc, heap, whole, UNPAIRED_REAL(pvalloc)(size),
                      UNPAIRED_REAL(pvalloc)(whole + extra))
}

UNPAIRED_HOOK(int, posix_memalign, (void **result, size_t alignment, size_t size))
{
    const Caller caller = UNPAIRED_CALLER();
    Thread *thread = enter_heap(caller);
    if (thread == nullptr || size > largest)
        return UNPAIRED_REAL(posix_memalign)(result, alignment, size);
    const Enclosing outer = enclosing_of(*thread, caller);
    enter_allocator(*thread, caller);
    const Kept kept = kept_by_malloc();
    const size_t enlarged = kept == Kept::by_tag ? size + extra : size;
    int ret = UNPAIRED_REAL(posix_memalign)(result, alignment, enlarged);
    if (ret == ENOMEM && give_way(size))
        ret = UNPAIRED_REAL(posix_memalign)(result, alignment, enlarged);
    thread->enclosing = outer;
    if (ret == 0)
        acquired(*thread, caller, UNPAIRED_FUNCTION_posix_memalign, UNPAIRED_FAMILY_heap, *result, size,
                 kept);
    else
        failed(*thread, caller, UNPAIRED_FUNCTION_posix_memalign, UNPAIRED_FAMILY_heap);
    return ret;
}

namespace {

[[gnu::noinline]] void free_specially(const Caller &caller, void *block)
{
    Thread *thread = enter_heap(caller);
    if (thread == nullptr) {
        UNPAIRED_REAL(free)(block);
        return;
    }
    if (process.heap_by_address)
        release_by_address(*thread, caller, UNPAIRED_FUNCTION_free, block);
    else
        release(*thread, caller, UNPAIRED_FUNCTION_free, block);
    const Enclosing outer = enclosing_of(*thread, caller);
    enter_allocator(*thread, caller);
    UNPAIRED_REAL(free)(block);
    thread->enclosing = outer;
}

} // namespace

extern "C" __attribute__((visibility("default"))) void hook_free(void *block)
{
    if (UNPAIRED_UNLIKELY(in_pool(block)))
        return;
    if (UNPAIRED_UNLIKELY(load(real::addresses[UNPAIRED_FUNCTION_free]) == nullptr) && real::looking_up())
        return; // a message of dlerror's, out of the middle of our own dlsym: rather lost than looked up for ever
    const Caller caller = UNPAIRED_CALLER();
    if (UNPAIRED_LIKELY(block != nullptr)) {
        Thread *thread = enter_plainly();
        if (UNPAIRED_UNLIKELY(thread == nullptr)) {
            free_specially(caller, block);
            return;
        }
        release(*thread, caller, UNPAIRED_FUNCTION_free, block);
    }
    UNPAIRED_REAL(free)(block);
}

namespace {

/// Implements realloc and reallocarray. Requests more bytes for a tag if the result gets one.
void *reallocate(Thread *thread, const Caller &caller, unsigned function, void *block, size_t size)
{
    if (thread == nullptr || size > largest)
        return UNPAIRED_REAL(realloc)(block, size);
    const Kept kept = kept_by_malloc();
    const bool frees = block != nullptr && size == 0 && kept == Kept::by_tag; // glibc does
    if (frees) {
        release(*thread, caller, function, block);
        return UNPAIRED_REAL(realloc)(block, 0);
    }
    Taken taken;
    if (block != nullptr)
        take_block(taken, *thread, caller, function, block, kept);
    const Enclosing outer = enclosing_of(*thread, caller);
    enter_allocator(*thread, caller);
    const size_t enlarged = kept == Kept::by_tag ? size + extra : size;
    void *fresh = UNPAIRED_REAL(realloc)(block, enlarged);
    if (fresh == nullptr && size != 0 && give_way(size))
        fresh = UNPAIRED_REAL(realloc)(block, enlarged);
    thread->enclosing = outer;
    if (fresh == nullptr && size != 0) {
        put_back(*thread, caller, taken);
        failed(*thread, caller, function, UNPAIRED_FAMILY_heap);
        return nullptr;
    }
    if (block != nullptr)
        retire_taken(*thread, caller, function, taken, block, fresh);
    if (fresh != nullptr)
        acquired(*thread, caller, function, UNPAIRED_FAMILY_heap, fresh, size, kept);
    return fresh;
}

} // namespace

extern "C" __attribute__((visibility("default"))) void *hook_realloc(void *block, size_t size)
{
    if (UNPAIRED_UNLIKELY(in_pool(block)) || use_pool()) {
        void *fresh = use_pool() ? pool_allocate(size) : hook_malloc(size);
        if (fresh != nullptr && block != nullptr)
            memcpy(fresh, block, size < pool_size(block) ? size : pool_size(block));
        return fresh;
    }
    const Caller caller = UNPAIRED_CALLER();
    return reallocate(enter_heap(caller), caller, UNPAIRED_FUNCTION_realloc, block, size);
}

UNPAIRED_HOOK(void *, reallocarray, (void *block, size_t count, size_t each))
{
    const Caller caller = UNPAIRED_CALLER();
    size_t size;
    Thread *thread = enter_heap(caller);
    if (thread == nullptr || __builtin_mul_overflow(count, each, &size) || size > largest)
        return UNPAIRED_REAL(reallocarray)(block, count, each);
    return reallocate(thread, caller, UNPAIRED_FUNCTION_reallocarray, block, size);
}

extern "C" __attribute__((visibility("default"))) size_t hook_malloc_usable_size(void *block)
{
    if (in_pool(block))
        return pool_size(block);
    const size_t usable = UNPAIRED_REAL(malloc_usable_size)(block);
    // The tag is not the caller's to write on.
    const bool tagged = block != nullptr && process.base != nullptr && process.libc_heap &&
                        !process.heap_untouched && is_tagged(block, usable);
    return tagged ? usable - extra : usable;
}

// ---- operator new and delete -----------------------------------------------------------------------------------------

namespace {

/// The owner of the real operator new and delete. Determined at the first call of one of them, since a program may
/// have none.
enum class Operators : uint8_t { not_known, of_runtime, foreign };
Operators operators;

/// Determines the owner of the operators. Those of the C++ runtime call malloc and free, which the loader binds to
/// our hooks. Any other operator may take memory from anywhere, and rely on the size that sized delete passes.
[[gnu::noinline]] void find_out_operators(Thread &thread, const Caller &caller, unsigned called)
{
    const Enclosing outer = enclosing_of(thread, caller);
    thread.enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent}; // dlsym(3) may allocate
    const auto of_runtime = [](const void *address) {
        const ModuleView *module = module_at(reinterpret_cast<uint64_t>(address));
        return module != nullptr && module->runtime;
    };
    bool foreign = !of_runtime(real::address(called));
    for (const unsigned function : operator_functions)
        if (const void *address = real::known_or_next(function); address != nullptr)
            foreign = foreign || !of_runtime(address);
    thread.enclosing = outer;
    store(operators, foreign || process.heap_by_address ? Operators::foreign : Operators::of_runtime);
}

Thread *enter_new_plainly()
{
    return UNPAIRED_LIKELY(load(operators) == Operators::of_runtime) ? enter_plainly() : nullptr;
}
Thread *enter_new(const Caller &caller, unsigned called)
{
    Thread *thread = UNPAIRED_UNLIKELY(process.new_untouched) ? nullptr : enter_heap(caller);
    if (UNPAIRED_UNLIKELY(thread != nullptr && load(operators) == Operators::not_known))
        find_out_operators(*thread, caller, called);
    return thread;
}

Kept kept_by_new()
{
    return load(operators) == Operators::foreign || process.heap_by_address ? Kept::by_address : Kept::by_tag;
}

/// Implements an operator new outside the fast path: see allocate_specially().
template <class AsIs, class Enlarged>
[[gnu::noinline]] void *new_specially(const Caller &caller, unsigned function, unsigned family, size_t size,
                                      AsIs as_is, Enlarged enlarged)
{
    Thread *thread = enter_new(caller, function);
    if (thread == nullptr || size > largest)
        return as_is();
    const Enclosing outer = enclosing_of(*thread, caller);
    const Kept kept = kept_by_new();
    thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};
    void *block = kept == Kept::by_tag ? enlarged() : as_is();
    thread->enclosing = outer;
    if (block == nullptr)
        failed(*thread, caller, function, family);
    else
        acquired(*thread, caller, function, family, block, size, kept);
    return block;
}

template <class Delete>
[[gnu::noinline]] void delete_specially(const Caller &caller, unsigned function, void *block, Delete call)
{
    Thread *thread = block != nullptr ? enter_new(caller, function) : nullptr;
    if (thread == nullptr) {
        call();
        return;
    }
    if (kept_by_new() == Kept::by_address)
        release_by_address(*thread, caller, function, block);
    else
        release(*thread, caller, function, block);
    const Enclosing outer = enclosing_of(*thread, caller);
    thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};
    call();
    thread->enclosing = outer;
}

} // namespace

// The real operator calls malloc itself, and may throw: the enclosure then stays behind and is recognised as stale.
#define UNPAIRED_NEW(family, function, parameters, plain_arguments, arguments)                               \
    UNPAIRED_HOOK(void *, function, parameters)                                                              \
    {                                                                                                        \
        const Caller caller = UNPAIRED_CALLER();                                                             \
        Thread *thread = enter_new_plainly();                                                                \
        if (UNPAIRED_UNLIKELY(thread == nullptr || size > largest))                                          \
            return new_specially(                                                                            \
                caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, size,                        \
                [=] { return UNPAIRED_REAL(function) plain_arguments; },                                     \
                [=] { return UNPAIRED_REAL(function) arguments; });                                          \
        thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};                            \
        void *block = UNPAIRED_REAL(function) arguments;                                                     \
        thread->enclosing = {};                                                                              \
        if (UNPAIRED_LIKELY(block != nullptr))                                                               \
            acquired_plainly(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, block, \
                             size);                                                                          \
        else                                                                                                 \
            failed(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family);                 \
        return block;                                                                                        \
    }
#define UNPAIRED_NEW_FORMS(family, plain, nothrow, aligned, aligned_nothrow)                                \
    UNPAIRED_NEW(family, plain, (size_t size), (size), (size + extra))                                      \
    UNPAIRED_NEW(family, nothrow, (size_t size, const void *tag), (size, tag), (size + extra, tag))         \
    UNPAIRED_NEW(family, aligned, (size_t size, size_t align), (size, align), (size + extra, align))        \
    UNPAIRED_NEW(family, aligned_nothrow, (size_t size, size_t align, const void *tag), (size, align, tag), \
                 (size + extra, align, tag))

UNPAIRED_NEW_FORMS(new, _Znwm, _ZnwmRKSt9nothrow_t, _ZnwmSt11align_val_t, _ZnwmSt11align_val_tRKSt9nothrow_t)
UNPAIRED_NEW_FORMS(new_array, _Znam, _ZnamRKSt9nothrow_t, _ZnamSt11align_val_t,
                   _ZnamSt11align_val_tRKSt9nothrow_t)

// The sizes that sized delete passes are the program's, and libstdc++ ignores them: it calls free.
#define UNPAIRED_DELETE(function, parameters, arguments)                          \
    UNPAIRED_HOOK(void, function, parameters)                                     \
    {                                                                             \
        const Caller caller = UNPAIRED_CALLER();                                  \
        Thread *thread = block != nullptr ? enter_new_plainly() : nullptr;        \
        if (UNPAIRED_UNLIKELY(thread == nullptr)) {                               \
            delete_specially(caller, UNPAIRED_FUNCTION_##function, block, [=] {   \
                UNPAIRED_REAL(function) arguments;                                \
            });                                                                   \
            return;                                                               \
        }                                                                         \
        release(*thread, caller, UNPAIRED_FUNCTION_##function, block);            \
        thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent}; \
        UNPAIRED_REAL(function) arguments;                                        \
        thread->enclosing = {};                                                   \
    }
#define UNPAIRED_DELETE_FORMS(plain, sized, nothrow, aligned, sized_aligned, aligned_nothrow)      \
    UNPAIRED_DELETE(plain, (void *block), (block))                                                 \
    UNPAIRED_DELETE(sized, (void *block, size_t size), (block, size))                              \
    UNPAIRED_DELETE(nothrow, (void *block, const void *tag), (block, tag))                         \
    UNPAIRED_DELETE(aligned, (void *block, size_t align), (block, align))                          \
    UNPAIRED_DELETE(sized_aligned, (void *block, size_t size, size_t align), (block, size, align)) \
    UNPAIRED_DELETE(aligned_nothrow, (void *block, size_t align, const void *tag), (block, align, tag))

UNPAIRED_DELETE_FORMS(_ZdlPv, _ZdlPvm, _ZdlPvRKSt9nothrow_t, _ZdlPvSt11align_val_t, _ZdlPvmSt11align_val_t,
                      _ZdlPvSt11align_val_tRKSt9nothrow_t)
UNPAIRED_DELETE_FORMS(_ZdaPv, _ZdaPvm, _ZdaPvRKSt9nothrow_t, _ZdaPvSt11align_val_t, _ZdaPvmSt11align_val_t,
                      _ZdaPvSt11align_val_tRKSt9nothrow_t)
