// Memory mappings and loaded libraries.
#include "hook.h"

#include "address_space.h"
#include "deep_bind.h"
#include "loader_call.h"
#include "mapping.h"
#include "modules.h"
#include "walk.h"

#include <cstdarg>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>

using namespace unpaired;

namespace {

constexpr uint64_t page = 4096;
uint64_t whole_pages(uint64_t bytes) { return (bytes + page - 1) & ~(page - 1); }

/// Everything recorded in [from, from + size) is gone: mappings inside are retired, those that stick out are cut.
/// Returns the flags of all of them.
uint8_t unmap(Thread &thread, const Caller &caller, unsigned function, uint64_t from, uint64_t size)
{
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    called_to_release(function, thread, caller); // munmap; mmap and mremap are acquirers
    const uint64_t to = from + size;
    uint8_t flags = 0;
    for (;;) {
        const uint32_t reference = index::take_range_within(from, size);
        if (reference == 0)
            return flags;
        unpaired_slot &slot = *slot_at(reference);
        flags |= slot.flags;
        const uint64_t start = slot.handle, end = slot.handle + slot.size;
        if (start >= from && end <= to) { // claimed
            retire(thread, reference, site_here(thread, function, UNPAIRED_FAMILY_mapping, caller));
            continue;
        }
        if (start < from) { // its head stays
            cut(thread, reference, start, from - start);
        } else {
            cut(thread, reference, to, end - to);
        }
        index::enter_range(reference);
        if (start < from && end > to) { // and its tail
            if (const uint32_t tail = take_slot(thread); tail != 0) {
                const Acquired rest{to,         end - to,  slot.site, slot.parent, slot.parent_sequence,
                                    slot.space, slot.flags};
                fill(thread, tail, rest);
                index::enter_range(tail);
                make_live(thread, tail, rest);
            }
        }
    }
}

Acquisition mapping(unsigned function, void *at, size_t size)
{
    return {function, UNPAIRED_FAMILY_mapping, UNPAIRED_SPACE_mapping, handle_of(at), whole_pages(size)};
}

/// A mapping was recorded: is it address space that was only reserved, or takes the place of such?
void note_reservation(uint32_t reference, int protection, uint8_t flags_before)
{
    if (reference != 0 && (protection == PROT_NONE || (flags_before & UNPAIRED_SLOT_RESERVED) != 0))
        slot_at(reference)->flags |= UNPAIRED_SLOT_RESERVED;
}

} // namespace

#define UNPAIRED_MMAP(function)                                                                         \
    UNPAIRED_HOOK(void *, function,                                                                     \
                  (void *at, size_t size, int protection, int flags, int fd, off_t offset))             \
    {                                                                                                   \
        const Caller caller = UNPAIRED_CALLER();                                                        \
        Acquiring acquiring = begin_acquire(caller);                                                    \
        uint8_t before = 0;                                                                             \
        if (acquiring.thread != nullptr && (flags & MAP_FIXED) != 0)                                    \
            before = unmap(*acquiring.thread, caller, UNPAIRED_FUNCTION_##function, handle_of(at),      \
                           whole_pages(size));                                                          \
        void *ret = UNPAIRED_REAL(function)(at, size, protection, flags, fd, offset);                   \
        if (ret == MAP_FAILED && errno == ENOMEM && give_way(size))                                     \
            ret = UNPAIRED_REAL(function)(at, size, protection, flags, fd, offset);                     \
        if (ret != MAP_FAILED)                                                                          \
            note_reservation(                                                                           \
                finish_acquire(acquiring, caller, mapping(UNPAIRED_FUNCTION_##function, ret, size)),    \
                protection, before);                                                                    \
        else                                                                                            \
            finish_failed(acquiring, caller, mapping(UNPAIRED_FUNCTION_##function, nullptr, 0), errno); \
        return ret;                                                                                     \
    }
UNPAIRED_MMAP(mmap)
UNPAIRED_MMAP(mmap64)

UNPAIRED_HOOK(int, munmap, (void *at, size_t size))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool will_succeed = handle_of(at) % page == 0 && size != 0; // munmap(2): EINVAL otherwise
    Thread *thread = will_succeed ? enter(caller.sp) : nullptr;
    if (thread != nullptr && !inside_allocator(*thread, caller))
        unmap(*thread, caller, UNPAIRED_FUNCTION_munmap, handle_of(at), whole_pages(size));
    return UNPAIRED_REAL(munmap)(at, size);
}

UNPAIRED_HOOK(void *, mremap, (void *old, size_t old_size, size_t size, int flags, void *target))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    void *ret = UNPAIRED_REAL(mremap)(old, old_size, size, flags, target);
    if (ret == MAP_FAILED && errno == ENOMEM && give_way(size))
        ret = UNPAIRED_REAL(mremap)(old, old_size, size, flags, target);
    if (ret == MAP_FAILED) {
        finish_failed(acquiring, caller, mapping(UNPAIRED_FUNCTION_mremap, nullptr, 0), errno);
        return ret;
    }
    constexpr int keeps_the_old = 4; // MREMAP_DONTUNMAP
    if (acquiring.thread != nullptr) {
        if ((flags & keeps_the_old) == 0)
            unmap(*acquiring.thread, caller, UNPAIRED_FUNCTION_mremap, handle_of(old), whole_pages(old_size));
        unmap(*acquiring.thread, caller, UNPAIRED_FUNCTION_mremap, handle_of(ret), whole_pages(size));
    }
    finish_acquire(acquiring, caller, mapping(UNPAIRED_FUNCTION_mremap, ret, size));
    return ret;
}

namespace {

/// Updates the module map after libraries were unloaded, or loaded as `handle` with `mode` (if it is not null).
void modules_changed(void *handle = nullptr, int mode = 0)
{
    const KeepErrno keep;
    if (!is_recording())
        return;
    update_modules();
    forget_unwind_rules();
    if (handle != nullptr && (mode & RTLD_DEEPBIND) != 0)
        deep_bind::bind_to_hooks(handle);
}

Acquisition library(unsigned function, void *handle)
{
    return {function, UNPAIRED_FAMILY_dl, UNPAIRED_SPACE_dl, handle_of(handle)};
}

void finish_load(Acquiring &acquiring, const Caller &caller, unsigned function, void *handle, bool asked)
{
    if (handle != nullptr)
        finish_acquire(acquiring, caller, library(function, handle));
    else if (asked) // RTLD_NOLOAD is a question, and "no" an answer
        finish_nothing(acquiring);
    else
        finish_failed(acquiring, caller, library(function, nullptr), 0);
}

} // namespace

UNPAIRED_HOOK(void *, dlopen, (const char *name, int mode))
{
    const Caller caller = UNPAIRED_CALLER();
    // Constructors run inside: only what the loader itself allocates is a part of the library.
    Acquiring acquiring = begin_acquire(caller, Enclosure::own_parts);
    void *ret = loader_call::call(caller, real::address(UNPAIRED_FUNCTION_dlopen), sys::of(name), mode, 0);
    if (acquiring.thread != nullptr)
        acquiring.thread->enclosing.mode = Enclosure::transparent; // the loader now works for the recorder
    modules_changed(ret, mode);
    finish_load(acquiring, caller, UNPAIRED_FUNCTION_dlopen, ret, (mode & RTLD_NOLOAD) != 0);
    return ret;
}

UNPAIRED_HOOK(void *, dlmopen, (long name_space, const char *name, int mode))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller, Enclosure::own_parts);
    void *ret =
        loader_call::call(caller, real::address(UNPAIRED_FUNCTION_dlmopen), name_space, sys::of(name), mode);
    if (acquiring.thread != nullptr)
        acquiring.thread->enclosing.mode = Enclosure::transparent;
    modules_changed(ret, mode);
    finish_load(acquiring, caller, UNPAIRED_FUNCTION_dlmopen, ret, (mode & RTLD_NOLOAD) != 0);
    return ret;
}

UNPAIRED_HOOK(int, dlclose, (void *handle))
{
    const Caller caller = UNPAIRED_CALLER();
    Releasing releasing =
        begin_release(caller, UNPAIRED_FUNCTION_dlclose, UNPAIRED_SPACE_dl, handle_of(handle));
    const int ret = UNPAIRED_REAL(dlclose)(handle);
    const int error = errno;
    modules_changed();
    finish_release(releasing, caller, ret == 0, ret == 0, ret, error);
    return ret;
}
