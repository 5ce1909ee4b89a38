// The trailer of a heap block: where it lies, and what state it is in.
#pragma once

#include "state.h"

#include "unpaired/owner_tag.h"

namespace unpaired {

enum class TagState { none, live, released };

struct Tag {
    unpaired_trailer *at = nullptr;
    TagState state = TagState::none;
};

inline unpaired_trailer *trailer_of(void *block, size_t usable)
{
    return reinterpret_cast<unpaired_trailer *>(static_cast<char *>(block) + usable - UNPAIRED_TRAILER_SIZE);
}

inline Tag read_tag(void *block, size_t usable)
{
    if (usable < UNPAIRED_TRAILER_SIZE)
        return {};
    Tag tag{trailer_of(block, usable), TagState::none};
    const auto address = reinterpret_cast<uint64_t>(block);
    if (UNPAIRED_LIKELY(tag.at->check == unpaired_trailer_check(tag.at, address, UNPAIRED_TAG_LIVE)))
        tag.state = TagState::live;
    else if (tag.at->check == unpaired_trailer_check(tag.at, address, UNPAIRED_TAG_RELEASED))
        tag.state = TagState::released;
    return tag;
}

inline void write_tag(void *block, size_t usable, size_t size, uint32_t owner, uint64_t site, uint32_t slot)
{
    unpaired_trailer *tag = trailer_of(block, usable);
    tag->owner = owner;
    tag->size = size > UINT32_MAX ? UINT32_MAX : static_cast<uint32_t>(size);
    tag->site = site;
    tag->slot = slot;
    tag->check = unpaired_trailer_check(tag, reinterpret_cast<uint64_t>(block), UNPAIRED_TAG_LIVE);
}

/// The owner's name must not outlive the block; the slot stays, for a second release to find the first.
inline void wipe_tag(unpaired_trailer *tag, const void *block)
{
    tag->owner = 0;
    tag->check = unpaired_trailer_check(tag, reinterpret_cast<uint64_t>(block), UNPAIRED_TAG_RELEASED);
}

} // namespace unpaired
