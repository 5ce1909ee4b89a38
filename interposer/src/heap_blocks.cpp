// Blocks of the heap: recorded and tagged, found again (find_block.h), and retired.
#include "heap_blocks.h"

#include "anomalies.h"
#include "find_block.h"
#include "heap_index.h"
#include "real.h"

namespace unpaired {
namespace {

/// Trust in the size word. The recorder trusts it after `trials` fresh blocks for which it agrees with
/// malloc_usable_size(). After one disagreement, blocks are no longer tagged.
enum class ChunkWord : uint8_t { on_trial, trusted, distrusted };
ChunkWord chunk_word;
constexpr unsigned trials = 64;

[[gnu::noinline]] size_t try_chunk_word(void *block, size_t by_word)
{
    static unsigned agreed;
    if (load(chunk_word) == ChunkWord::distrusted)
        return 0;
    using Ask = size_t (*)(void *);
    if (reinterpret_cast<Ask>(real::address(UNPAIRED_FUNCTION_malloc_usable_size))(block) != by_word) {
        store(chunk_word, ChunkWord::distrusted);
        store(process.plain_heap, false);
        store(process.heap_by_address, true);
        return 0;
    }
    if (add(agreed, 1u) == trials)
        store(chunk_word, ChunkWord::trusted);
    return by_word;
}

/// Returns the usable size of a block that the real allocator just returned, or 0 if it is not known.
inline size_t size_of_fresh(void *block)
{
    const size_t size = size_by(chunk_word_of(block));
    return UNPAIRED_LIKELY(load(chunk_word) == ChunkWord::trusted) ? size : try_chunk_word(block, size);
}

/// Claims the slot of a block that is being released. Returns false if the slot is not this process's, or another
/// thread has claimed it.
inline bool claim_slot_of(uint32_t reference, const void *block)
{
    unpaired_slot &slot = *slot_at(reference);
    return slot.image == process.image && slot.handle == handle_of(block) && claim(slot);
}

[[gnu::noinline]] void released_unseen(Thread &thread, uint32_t reference, const void *block)
{
    if (reference != 0 && plausible_slot(reference) && slot_at(reference)->space == UNPAIRED_SPACE_heap &&
        claim_slot_of(reference, block))
        retire_unseen(thread, reference);
}

/// Checks a fresh block for the live tag of an earlier block at its address: the release of that one was not seen.
inline void notice_tag_before(Thread &thread, void *block, const unpaired_trailer &before)
{
    if (before.owner != 0 && before.check != 0 &&
        UNPAIRED_UNLIKELY(before.check ==
                          unpaired_trailer_check(&before, handle_of(block), UNPAIRED_TAG_LIVE)))
        released_unseen(thread, before.slot, block);
}

[[gnu::noinline]] void enter_by_address(Thread &thread, const void *block, uint32_t slot)
{
    bool ok = true;
    const uint32_t before =
        slot != 0 ? heap_index::enter(handle_of(block), slot, ok) : heap_index::take(handle_of(block));
    if (before != 0)
        released_unseen(thread, before, block);
    if (!ok)
        count_drop(UNPAIRED_DROP_INDEX);
}

} // namespace

void acquired(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
              size_t size, Kept kept)
{
    const size_t usable = kept == Kept::by_tag ? size_of_fresh(block) : 0;
    const bool tagged = usable >= UNPAIRED_TRAILER_SIZE;
    if (tagged) {
        const KeepErrno keep;
        const Busy busy(thread, caller.sp);
        notice_tag_before(thread, block, *trailer_of(block, usable));
    }
    const uint32_t slot = acquire_another(
        &thread, caller,
        {function, family, UNPAIRED_SPACE_heap, handle_of(block), static_cast<uint64_t>(size)});
    if (tagged)
        write_tag(block, usable, size, slot != 0 ? site_info(slot_at(slot)->site).owner : 0, caller.pc, slot);
    if (!tagged || !tag_is_near(block, usable)) {
        const KeepErrno keep;
        const Busy busy(thread, caller.sp);
        enter_by_address(thread, block, slot);
    }
}

void acquired_plainly(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
                      size_t size)
{
    const size_t usable = size_of_fresh(block);
    if (UNPAIRED_UNLIKELY(stopped() || usable == 0)) {
        acquired(thread, caller, function, family, block, size, Kept::by_tag);
        return;
    }
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    notice_tag_before(thread, block, *trailer_of(block, usable));
    const SiteCacheEntry &site = site_of_call(thread, function, family, caller);
    const uint32_t slot = UNPAIRED_LIKELY(site.site != 0) ? take_slot(thread) : 0;
    if (UNPAIRED_LIKELY(slot != 0))
        publish(thread, slot, {handle_of(block), size, site.site, 0, 0, UNPAIRED_SPACE_heap, 0});
    else
        count_drop(UNPAIRED_DROP_NO_SPACE);
    write_tag(block, usable, size, slot != 0 ? site.owner : 0, caller.pc, slot);
    if (UNPAIRED_UNLIKELY(!tag_is_near(block, usable)))
        enter_by_address(thread, block, slot);
}

namespace {

void tag_overwritten(Thread &thread, const Caller &caller, unsigned function, const unpaired_slot &slot)
{
    Anomaly anomaly{UNPAIRED_ANOMALY_TAG_OVERWRITTEN, UNPAIRED_SPACE_heap, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = site_here(thread, function, site_info(slot.site).family, caller);
    anomaly.handle = slot.handle;
    anomaly.size = slot.size;
    record_anomaly(anomaly);
}

void released_twice(Thread &thread, const Caller &caller, unsigned function, const void *block,
                    const unpaired_slot *before)
{
    Anomaly anomaly{UNPAIRED_ANOMALY_DOUBLE_RELEASE, UNPAIRED_SPACE_heap, function};
    anomaly.handle = handle_of(block);
    unsigned family = UNPAIRED_FAMILY_NONE;
    if (before != nullptr) {
        anomaly.acquire_site = before->site;
        anomaly.first_release_site = before->release_site;
        anomaly.size = before->size;
        family = site_info(before->site).family;
    }
    anomaly.release_site = site_here(thread, function, family, caller);
    record_anomaly(anomaly);
}

/// Returns the retired slot that a wiped tag names, or nullptr if that slot was used again.
const unpaired_slot *slot_before(const unpaired_trailer &tag, const void *block)
{
    if (tag.slot == 0 || !plausible_slot(tag.slot))
        return nullptr;
    const unpaired_slot &slot = *slot_at(tag.slot);
    return slot.image == process.image && slot.handle == handle_of(block) && !live(slot) ? &slot : nullptr;
}

/// Handles the release of an address that has no tag and is not in the index. Searches all slots: the tag may have
/// been overwritten, or the block was released before. Blocks from before the recording have no slot, so these
/// searches stop after a number of them found nothing.
void release_unknown(Thread &thread, const Caller &caller, unsigned function, void *block)
{
    constexpr uint32_t fruitless_searches = 200;
    static uint32_t fruitless;
    if (load(fruitless) > fruitless_searches) {
        count_drop(UNPAIRED_DROP_SEARCH);
        return;
    }
    unpaired_slot *found = nullptr, *before = nullptr;
    const uint64_t address = handle_of(block);
    any_slot([&](unpaired_slot &slot) {
        if (slot.handle != address || slot.space != UNPAIRED_SPACE_heap || slot.site == 0)
            return false;
        if (live(slot)) {
            found = &slot;
            return true;
        }
        if (slot.release_site != 0)
            before = &slot;
        return false;
    });
    if (found != nullptr) {
        tag_overwritten(thread, caller, function, *found);
        const uint32_t site = site_here(thread, function, site_info(found->site).family, caller);
        if (claim(*found))
            retire(thread, reference_of(found), site);
    } else if (before != nullptr) {
        released_twice(thread, caller, function, block, before);
    } else {
        add(fruitless, 1u);
    }
}

/// Records a double release, an unknown block or a damaged tag. Does not retire the slot that was found.
void look_closer(Thread &thread, const Caller &caller, unsigned function, void *block, const Found &found)
{
    if (!found.live) {
        if (found.tag.state == TagState::released)
            released_twice(thread, caller, function, block, slot_before(*found.tag.at, block));
        else
            release_unknown(thread, caller, function, block);
        return;
    }
    if (found.damaged)
        tag_overwritten(thread, caller, function, *slot_at(found.slot));
}

void storage_of_slot_freed(Thread &thread, const Caller &caller, unsigned function, void *block,
                           uint32_t reference)
{
    const uint64_t size = reference != 0 ? slot_at(reference)->size : 0;
    if (size != 0 && index::in_place_near(handle_of(block), size))
        storage_freed(thread, caller, function, handle_of(block), size);
}

[[gnu::noinline]] void release_found(Thread &thread, const Caller &caller, unsigned function, void *block,
                                     const Found &found)
{
    look_closer(thread, caller, function, block, found);
    if (!found.live)
        return;
    storage_of_slot_freed(thread, caller, function, block, found.slot);
    if (found.tag.state == TagState::live)
        wipe_tag(found.tag.at, block);
    if (found.slot == 0 || !claim_slot_of(found.slot, block))
        return;
    const SiteInfo acquired = site_info(slot_at(found.slot)->site);
    const uint32_t site = site_here(thread, function, acquired.family, caller);
    check_match(*slot_at(found.slot), acquired, function, site);
    retire(thread, found.slot, site);
}

} // namespace

void release(Thread &thread, const Caller &caller, unsigned function, void *block)
{
    const size_t usable = size_by(chunk_word_of(block)); // may fault: nothing is recorded yet
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    called_to_release(function, thread, caller);
    const Tag tag = UNPAIRED_LIKELY(tag_is_readable(block, usable)) ? read_tag(block, usable) : Tag{};
    if (UNPAIRED_UNLIKELY(tag.state != TagState::live)) {
        release_found(thread, caller, function, block, find_otherwise(block, usable, tag));
        return;
    }
    if (UNPAIRED_UNLIKELY(index::in_place_near(handle_of(block), usable)))
        storage_freed(thread, caller, function, handle_of(block), usable);
    const uint32_t reference = tag.at->slot;
    wipe_tag(tag.at, block);
    if (UNPAIRED_UNLIKELY(reference == 0))
        return;
    // The slot of a block that lived long is in no cache by now: it comes while the stack is walked.
    unpaired_slot &slot = *slot_at(reference);
    __builtin_prefetch(&slot, 1);
    const uint64_t stack_hash = hash_stack(caller, thread.last_stack);
    if (UNPAIRED_UNLIKELY(slot.image != process.image || slot.handle != handle_of(block)))
        return; // inherited: its owner is the parent
    const SiteInfo acquired = site_info(slot.site);
    const uint32_t site = site_of_stack(thread, stack_hash, function, acquired.family, caller).site;
    if (UNPAIRED_UNLIKELY(!claim(slot)))
        return;
    check_match(slot, acquired, function, site);
    retire(thread, reference, site);
}

void release_by_address(Thread &thread, const Caller &caller, unsigned function, void *block)
{
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    called_to_release(function, thread, caller);
    release_found(thread, caller, function, block, find_without_reading(block));
}

namespace {

/// Wipes a live tag and remembers it.
inline void take_tag(Taken &taken, unpaired_trailer *tag, const void *block, size_t usable)
{
    taken.tag = tag;
    taken.kept = *tag;
    taken.usable = usable;
    wipe_tag(tag, block);
}

[[gnu::noinline]] void take_found(Taken &taken, Thread &thread, const Caller &caller, unsigned function,
                                  void *block, size_t usable, const Found &found)
{
    look_closer(thread, caller, function, block, found);
    taken.indexed = found.indexed;
    if (found.live && found.tag.state == TagState::live)
        take_tag(taken, found.tag.at, block, usable);
    if (found.slot != 0 && claim_slot_of(found.slot, block))
        taken.slot = found.slot;
}

} // namespace

void take_block(Taken &taken, Thread &thread, const Caller &caller, unsigned function, void *block, Kept kept)
{
    const size_t usable = kept == Kept::by_tag ? size_by(chunk_word_of(block)) : 0;
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    if (UNPAIRED_UNLIKELY(kept == Kept::by_address)) {
        take_found(taken, thread, caller, function, block, 0, find_without_reading(block));
        return;
    }
    const Tag tag = UNPAIRED_LIKELY(tag_is_readable(block, usable)) ? read_tag(block, usable) : Tag{};
    if (UNPAIRED_UNLIKELY(tag.state != TagState::live)) {
        take_found(taken, thread, caller, function, block, usable, find_otherwise(block, usable, tag));
        return;
    }
    const uint32_t slot = tag.at->slot;
    take_tag(taken, tag.at, block, usable);
    if (slot != 0 && claim_slot_of(slot, block))
        taken.slot = slot;
}

void put_back(Thread &thread, const Caller &caller, const Taken &taken)
{
    const KeepErrno keep;
    const Busy busy(thread, caller.sp);
    if (taken.slot != 0)
        restore(*slot_at(taken.slot));
    if (taken.tag != nullptr)
        *taken.tag = taken.kept;
    bool ok = true;
    if (taken.indexed && taken.slot != 0)
        heap_index::enter(slot_at(taken.slot)->handle, taken.slot, ok);
    if (!ok)
        count_drop(UNPAIRED_DROP_INDEX);
}

void retire_taken(Thread &thread, const Caller &caller, unsigned function, const Taken &taken,
                  const void *block, const void *now)
{
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    const uint64_t size = taken.slot != 0 ? slot_at(taken.slot)->size : taken.usable;
    if (now != block && size != 0 && index::in_place_near(handle_of(block), size))
        storage_freed(thread, caller, function, handle_of(block), size); // objects inside the block are gone
    if (taken.slot == 0)
        return;
    const unpaired_slot &slot = *slot_at(taken.slot);
    const SiteInfo acquired = site_info(slot.site);
    const uint32_t site = site_here(thread, function, acquired.family, caller);
    check_match(slot, acquired, UNPAIRED_FUNCTION_free, site);
    retire(thread, taken.slot, site);
}

bool is_tagged(void *block, size_t usable)
{
    if (tag_is_readable(block, usable))
        return read_tag(block, usable).state == TagState::live;
    return heap_index::find(handle_of(block)) != 0 ||
           read_tag_carefully(block, usable).state == TagState::live;
}

} // namespace unpaired
