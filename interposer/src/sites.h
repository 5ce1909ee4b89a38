// Call sites: a function, called from a stack, on behalf of an owner. Interned once and recorded once.
#pragma once

#include "modules.h"
#include "walk.h"

namespace unpaired {

struct SiteInfo {
    uint64_t key; ///< hash of all that makes the site
    uint32_t owner;
    uint16_t function;
    uint8_t family;
    uint8_t owner_source; ///< enum unpaired_owner_source
};
static_assert(sizeof(SiteInfo) == 16, "there may be a hundred thousand");

/// The site of a call: walks the stack and interns it; the site is 0 when there was no room to record it.
inline const SiteCacheEntry &site_of_call(Thread &thread, unsigned function, unsigned family,
                                          const Caller &caller);

/// What is known of a site that this image or an ancestor interned.
inline SiteInfo site_info(uint32_t site);

/// In a forked child: numbers that the parent has yet to give out are not ours.
void forget_site_numbers_of_parent();

// ---- how --------------------------------------------------------------------------------------------------------

inline constexpr uint32_t site_info_page = 1024, site_info_pages = 4096;
extern SiteInfo *site_infos[site_info_pages];

inline SiteInfo site_info(uint32_t site)
{
    const uint32_t page = site / site_info_page;
    const SiteInfo *of_page = page < site_info_pages ? load(site_infos[page], __ATOMIC_ACQUIRE) : nullptr;
    return of_page != nullptr ? of_page[site % site_info_page] : SiteInfo{};
}

/// The first of the two places where the key may stand.
inline SiteCacheEntry *site_cache_place(const Thread &thread, uint64_t key)
{
    return &thread.site_cache[key >> 32 & thread.site_cache_mask];
}

/// Looks the key up in the table of all threads, and makes the site if it is new. The stack is that of the last
/// hash_stack() of thread.last_stack.
const SiteCacheEntry &intern_slowly(Thread &thread, unsigned function, unsigned family, uint64_t key,
                                    const Caller &caller);

/// The same for the stack that hash_stack() has just walked for this caller.
inline const SiteCacheEntry &site_of_stack(Thread &thread, uint64_t stack_hash, unsigned function,
                                           unsigned family, const Caller &caller)
{
    const uint64_t what = uint64_t{function} << 32 | uint64_t{family} << 48 | module_generation();
    const uint64_t owners = uint64_t{thread.scope_owner} << 32 | thread.thread_owner;
    const uint64_t key = mix(stack_hash ^ what, owners * 0xd6e8feb86659fd93ull);
    const SiteCacheEntry *cached = site_cache_place(thread, key);
    if (UNPAIRED_LIKELY(cached->key == key || (++cached)->key == key))
        return *cached;
    return intern_slowly(thread, function, family, key, caller);
}

inline const SiteCacheEntry &site_of_call(Thread &thread, unsigned function, unsigned family,
                                          const Caller &caller)
{
    return site_of_stack(thread, hash_stack(caller, thread.last_stack), function, family, caller);
}

} // namespace unpaired
