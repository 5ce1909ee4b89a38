// Heap blocks: malloc and its kin, operator new and delete. Each block gets 24 bytes more than asked for, and a tag
// at the end of its usable size; the pointer is the allocator's own.
#include "hook.h"

#include "address_space.h"
#include "heap_blocks.h"

#include <cstring>
#include <unistd.h>

using namespace unpaired;

// Used by the others before their bodies come.
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
    size_t size;
    memcpy(&size, static_cast<const char *>(block) - 16, sizeof size);
    return size;
}

bool resolving() { return UNPAIRED_UNLIKELY(load(real::addresses[UNPAIRED_FUNCTION_malloc]) == nullptr); }

/// While the real functions are looked up, the blocks come out of the pool.
bool use_pool() { return resolving() && (process.phase == Phase::starting || real::looking_up()); }

/// The allocator's own mappings and locks, if it is not the C library's, are no business of the program.
void enter_allocator(Thread &thread, const Caller &caller)
{
    if (UNPAIRED_UNLIKELY(!process.libc_heap))
        thread.enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};
}

} // namespace

namespace {

/// An allocation that is out of the ordinary, or comes early. `as_is` is the real call for the size the program asked for,
/// `enlarged` for `extra` bytes more.
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
    void *block = enlarged();
    if (block == nullptr && give_way(size))
        block = enlarged();
    thread->enclosing = outer;
    if (block != nullptr)
        acquired(*thread, caller, function, family, block, size);
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
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
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
    int ret = UNPAIRED_REAL(posix_memalign)(result, alignment, size + extra);
    if (ret == ENOMEM && give_way(size))
        ret = UNPAIRED_REAL(posix_memalign)(result, alignment, size + extra);
    thread->enclosing = outer;
    if (ret == 0)
        acquired(*thread, caller, UNPAIRED_FUNCTION_posix_memalign, UNPAIRED_FAMILY_heap, *result, size);
    else
        failed(*thread, caller, UNPAIRED_FUNCTION_posix_memalign, UNPAIRED_FAMILY_heap);
    return ret;
}

UNPAIRED_HOOK(void, free, (void *block))
{
    if (UNPAIRED_UNLIKELY(in_pool(block)))
        return;
    if (UNPAIRED_UNLIKELY(load(real::addresses[UNPAIRED_FUNCTION_free]) == nullptr) && real::looking_up())
        return; // a message of dlerror's, out of the middle of our own dlsym: rather lost than looked up for ever
    const Caller caller = UNPAIRED_CALLER();
    if (UNPAIRED_LIKELY(block != nullptr)) {
        Thread *thread = enter_plainly();
        if (UNPAIRED_UNLIKELY(thread == nullptr))
            thread = enter_heap(caller);
        if (UNPAIRED_LIKELY(thread != nullptr))
            release(*thread, caller, UNPAIRED_FUNCTION_free, block);
    }
    UNPAIRED_REAL(free)(block);
}

namespace {

/// realloc and reallocarray of a live block.
void *resize(Thread &thread, const Caller &caller, unsigned function, void *block, size_t size)
{
    const size_t usable = usable_size(block);
    unpaired_trailer kept{};
    bool tagged = false;
    uint32_t slot = 0, site = 0;
    {
        const KeepErrno keep;
        const Busy busy(thread, caller.sp);
        const Tag tag = read_tag(block, usable);
        if (tag.state == TagState::live) {
            tagged = true;
            kept = *tag.at;
            slot = tag.at->slot;
            wipe_tag(tag.at, block);
            if (slot != 0 && (slot_at(slot)->image != process.image ||
                              slot_at(slot)->handle != handle_of(block) || !claim(*slot_at(slot))))
                slot = 0;
        } else if (tag.state == TagState::released) {
            released_twice(thread, caller, function, block, *tag.at);
        } else {
            release_untagged(thread, caller, function, block);
        }
    }
    const uint32_t old_slot_site = slot != 0 ? slot_at(slot)->site : 0;
    const Enclosing outer = enclosing_of(thread, caller);
    enter_allocator(thread, caller);
    void *moved = UNPAIRED_REAL(realloc)(block, size + extra);
    if (moved == nullptr && give_way(size))
        moved = UNPAIRED_REAL(realloc)(block, size + extra);
    thread.enclosing = outer;
    if (moved == nullptr) {
        if (slot != 0)
            restore(*slot_at(slot));
        if (tagged) // else these bytes are the program's, and may have changed meanwhile
            *trailer_of(block, usable) = kept;
        failed(thread, caller, function, UNPAIRED_FAMILY_heap);
        return nullptr;
    }
    {
        const KeepErrno keep;
        const Busy busy(thread, caller.sp);
        if (moved != block) // what stood in it went with it
            storage_freed(thread, caller, function, handle_of(block), usable);
        if (slot != 0) {
            site = site_here(thread, function, site_info(old_slot_site).family, caller);
            check_match(*slot_at(slot), site_info(old_slot_site), UNPAIRED_FUNCTION_free, site);
            retire(thread, slot, site);
        }
    }
    acquired(thread, caller, function, UNPAIRED_FAMILY_heap, moved, size);
    return moved;
}

/// Room for `extra` bytes at the end is needed only where there was a trailer to keep.
void *reallocate(Thread *thread, const Caller &caller, unsigned function, void *block, size_t size)
{
    if (thread == nullptr || size > largest)
        return UNPAIRED_REAL(realloc)(block, size);
    if (block != nullptr && size == 0) { // glibc frees it
        release(*thread, caller, function, block);
        return UNPAIRED_REAL(realloc)(block, 0);
    }
    if (block != nullptr && usable_size(block) >= extra)
        return resize(*thread, caller, function, block, size);
    const Enclosing outer = enclosing_of(*thread, caller);
    enter_allocator(*thread, caller);
    void *fresh = UNPAIRED_REAL(realloc)(block, size + extra);
    if (fresh == nullptr && give_way(size))
        fresh = UNPAIRED_REAL(realloc)(block, size + extra);
    thread->enclosing = outer;
    if (fresh != nullptr)
        acquired(*thread, caller, function, UNPAIRED_FAMILY_heap, fresh, size);
    else
        failed(*thread, caller, function, UNPAIRED_FAMILY_heap);
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
    return block != nullptr && read_tag(block, usable).state == TagState::live ? usable - extra : usable;
}

// ---- operator new and delete -----------------------------------------------------------------------------------------

namespace {

Thread *enter_new_plainly() { return UNPAIRED_UNLIKELY(process.new_untouched) ? nullptr : enter_plainly(); }
Thread *enter_new(const Caller &caller)
{
    return UNPAIRED_UNLIKELY(process.new_untouched) ? nullptr : enter_heap(caller);
}

} // namespace

// The real operator calls malloc itself, and may throw: the enclosure then stays behind and is recognised as stale.
#define UNPAIRED_NEW(family, function, parameters, plain_arguments, arguments)                               \
    UNPAIRED_HOOK(void *, function, parameters)                                                              \
    {                                                                                                        \
        const Caller caller = UNPAIRED_CALLER();                                                             \
        Thread *thread = enter_new_plainly();                                                                \
        const bool plainly = UNPAIRED_LIKELY(thread != nullptr);                                             \
        if (!plainly)                                                                                        \
            thread = enter_new(caller);                                                                      \
        if (UNPAIRED_UNLIKELY(thread == nullptr || size > largest))                                          \
            return UNPAIRED_REAL(function) plain_arguments;                                                  \
        const Enclosing outer = plainly ? Enclosing{} : enclosing_of(*thread, caller);                       \
        thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent};                            \
        void *block = UNPAIRED_REAL(function) arguments;                                                     \
        thread->enclosing = outer;                                                                           \
        if (UNPAIRED_UNLIKELY(block == nullptr))                                                             \
            failed(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family);                 \
        else if (plainly)                                                                                    \
            acquired_plainly(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, block, \
                             size);                                                                          \
        else                                                                                                 \
            acquired(*thread, caller, UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family, block, size);  \
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
        if (UNPAIRED_UNLIKELY(thread == nullptr && block != nullptr))             \
            thread = enter_new(caller);                                           \
        if (UNPAIRED_UNLIKELY(thread == nullptr)) {                               \
            UNPAIRED_REAL(function) arguments;                                    \
            return;                                                               \
        }                                                                         \
        release(*thread, caller, UNPAIRED_FUNCTION_##function, block);            \
        const Enclosing outer = enclosing_of(*thread, caller);                    \
        thread->enclosing = {caller.sp, caller.pc, 0, 0, Enclosure::transparent}; \
        UNPAIRED_REAL(function) arguments;                                        \
        thread->enclosing = outer;                                                \
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
