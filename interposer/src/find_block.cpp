#include "find_block.h"

#include "heap_index.h"

#include <sys/uio.h>

namespace unpaired {
namespace {

/// Copies memory that may not be readable. Returns false if it is not, or while the program filters its system calls.
bool copy_carefully(const void *from, void *to, size_t size)
{
    const iovec here{to, size}, there{const_cast<void *>(from), size};
    return sys::call(SYS_process_vm_readv, sys::getpid(), sys::of(&here), 1, sys::of(&there), 1, 0) ==
           static_cast<long>(size);
}

TagState state_of(const unpaired_trailer &tag, const void *block)
{
    const auto address = reinterpret_cast<uint64_t>(block);
    if (tag.check == unpaired_trailer_check(&tag, address, UNPAIRED_TAG_LIVE))
        return TagState::live;
    return tag.check == unpaired_trailer_check(&tag, address, UNPAIRED_TAG_RELEASED) ? TagState::released
                                                                                     : TagState::none;
}

/// Returns the tag of a block with a live slot. The size word may be damaged: nullptr unless the tag lies where a
/// block of the size in the slot has it.
unpaired_trailer *tag_of_recorded(void *block, size_t usable, const unpaired_slot &slot)
{
    constexpr size_t largest_rest = 64; // glibc makes no chunk of a remainder up to this size
    const size_t needed = slot.size + UNPAIRED_TRAILER_SIZE, rest = usable - needed;
    const uint64_t last = handle_of(block) + needed - 1;
    if (usable < needed || (rest > largest_rest && last / smallest_page != (last + rest) / smallest_page))
        return nullptr;
    return trailer_of(block, usable);
}

Found of_tag(const Tag &tag)
{
    const bool live = tag.state == TagState::live;
    return {tag, live ? tag.at->slot : 0, live, false, false};
}

Found find_by_address(void *block)
{
    const uint32_t slot = heap_index::take(handle_of(block));
    return {{}, slot, slot != 0, slot != 0, false};
}

Found find_far(void *block, size_t usable)
{
    Found found = find_by_address(block);
    if (!found.live)
        return of_tag(read_tag_carefully(block, usable));
    if (unpaired_trailer *at = tag_of_recorded(block, usable, *slot_at(found.slot)); at != nullptr) {
        found.tag = {at, state_of(*at, block)};
        found.damaged = found.tag.state != TagState::live;
    }
    return found;
}

} // namespace

Tag read_tag_carefully(void *block, size_t usable)
{
    constexpr size_t largest = size_t{1} << 48;
    unpaired_trailer copy;
    if (usable < sizeof copy || usable > largest)
        return {};
    unpaired_trailer *at = trailer_of(block, usable);
    if (!copy_carefully(at, &copy, sizeof copy))
        return {};
    const TagState state = state_of(copy, block);
    return state != TagState::none ? Tag{at, state} : Tag{};
}

Found find_otherwise(void *block, size_t usable, const Tag &near)
{
    if (near.state == TagState::released)
        return {near, 0, false, false, false};
    return tag_is_readable(block, usable) ? find_by_address(block) : find_far(block, usable);
}

Found find_without_reading(void *block)
{
    const Found found = find_by_address(block);
    uint64_t word = 0;
    if (found.live || !process.libc_heap ||
        !copy_carefully(static_cast<const uint64_t *>(block) - 1, &word, sizeof word))
        return found;
    return of_tag(read_tag_carefully(block, size_by(word)));
}

} // namespace unpaired
