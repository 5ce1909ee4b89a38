// Blocks of the heap: recorded and tagged, found again by their tags, and retired.
#include "heap_blocks.h"

#include "anomalies.h"
#include "real.h"

namespace unpaired {
namespace {

size_t ask_usable_size(void *block)
{
    return reinterpret_cast<size_t (*)(void *)>(real::address(UNPAIRED_FUNCTION_malloc_usable_size))(block);
}

#if defined(__x86_64__)
/// glibc keeps a chunk's size in the word before the block (malloc/malloc.c: mchunk_size), its lowest three bits flags,
/// of which bit 1 says that it was mapped for itself. It is read there after a number of blocks for which that gave
/// what malloc_usable_size() says; never again if once it did not.
enum class ChunkWord : uint8_t { on_trial, trusted, distrusted };
ChunkWord chunk_word;
constexpr unsigned trials = 64;

inline size_t size_by_chunk_word(const void *block)
{
    const size_t word = static_cast<const size_t *>(block)[-1];
    return (word & ~size_t{7}) - ((word & 2) != 0 ? 2 * sizeof word : sizeof word);
}

size_t try_chunk_word(void *block)
{
    static unsigned agreed;
    const size_t size = ask_usable_size(block);
    if (!process.libc_heap || process.heap_untouched || size_by_chunk_word(block) != size)
        store(chunk_word, ChunkWord::distrusted);
    else if (add(agreed, 1u) == trials)
        store(chunk_word, ChunkWord::trusted);
    return size;
}
#endif

/// Of a block that is live.
inline size_t size_of_live(void *block)
{
#if defined(__x86_64__)
    const ChunkWord word = load(chunk_word);
    if (UNPAIRED_LIKELY(word == ChunkWord::trusted))
        return size_by_chunk_word(block);
    if (word == ChunkWord::on_trial)
        return try_chunk_word(block);
#endif
    return ask_usable_size(block);
}

} // namespace

size_t usable_size(void *block) { return ask_usable_size(block); }

void acquired(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
              size_t size)
{
    const uint32_t slot = acquire_another(
        &thread, caller,
        {function, family, UNPAIRED_SPACE_heap, handle_of(block), static_cast<uint64_t>(size)});
    const uint32_t owner = slot != 0 ? site_info(slot_at(slot)->site).owner : 0;
    write_tag(block, usable_size(block), size, owner, caller.pc, slot);
}

void acquired_plainly(Thread &thread, const Caller &caller, unsigned function, unsigned family, void *block,
                      size_t size)
{
    if (UNPAIRED_UNLIKELY(stopped())) {
        acquired(thread, caller, function, family, block, size);
        return;
    }
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    const SiteCacheEntry &site = site_of_call(thread, function, family, caller);
    const uint32_t slot = UNPAIRED_LIKELY(site.site != 0) ? take_slot(thread) : 0;
    if (UNPAIRED_LIKELY(slot != 0))
        publish(thread, slot, {handle_of(block), size, site.site, 0, 0, UNPAIRED_SPACE_heap, 0});
    else
        count_drop(UNPAIRED_DROP_NO_SPACE);
    write_tag(block, size_of_live(block), size, slot != 0 ? site.owner : 0, caller.pc, slot);
}

/// Looked up by its address. Blocks from before the recording have none,
/// so the search is given up when it never finds anything.
void release_untagged(Thread &thread, const Caller &caller, unsigned function, void *block)
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
    if (found == nullptr && before == nullptr) {
        add(fruitless, 1u);
        return;
    }
    const unpaired_slot &slot = found != nullptr ? *found : *before;
    Anomaly anomaly{found != nullptr ? UNPAIRED_ANOMALY_TAG_OVERWRITTEN : UNPAIRED_ANOMALY_DOUBLE_RELEASE,
                    UNPAIRED_SPACE_heap, function};
    anomaly.acquire_site = slot.site;
    anomaly.release_site = site_here(thread, function, site_info(slot.site).family, caller);
    anomaly.first_release_site = found != nullptr ? 0 : slot.release_site;
    anomaly.handle = address;
    anomaly.size = slot.size;
    record_anomaly(anomaly);
    if (found != nullptr && claim(*found))
        retire(thread, reference_of(found), anomaly.release_site);
}

void released_twice(Thread &thread, const Caller &caller, unsigned function, void *block,
                    const unpaired_trailer &tag)
{
    Anomaly anomaly{UNPAIRED_ANOMALY_DOUBLE_RELEASE, UNPAIRED_SPACE_heap, function};
    anomaly.handle = handle_of(block);
    if (tag.slot != 0 && plausible_slot(tag.slot)) {
        const unpaired_slot &slot = *slot_at(tag.slot);
        if (slot.image == process.image && slot.handle == handle_of(block) && !live(slot)) {
            anomaly.acquire_site = slot.site;
            anomaly.first_release_site = slot.release_site;
            anomaly.size = slot.size;
        }
    }
    anomaly.release_site = site_here(thread, function, UNPAIRED_FAMILY_NONE, caller);
    record_anomaly(anomaly);
}

void release(Thread &thread, const Caller &caller, unsigned function, void *block)
{
    const KeepErrno keep(thread);
    const Busy busy(thread, caller.sp);
    called_to_release(function, thread, caller);
    const size_t usable = size_of_live(block);
    if (UNPAIRED_UNLIKELY(index::in_place_near(handle_of(block), usable)))
        storage_freed(thread, caller, function, handle_of(block), usable);
    const Tag tag = read_tag(block, usable);
    if (UNPAIRED_UNLIKELY(tag.state != TagState::live)) {
        if (tag.state == TagState::released)
            released_twice(thread, caller, function, block, *tag.at);
        else
            release_untagged(thread, caller, function, block);
        return;
    }
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

} // namespace unpaired
