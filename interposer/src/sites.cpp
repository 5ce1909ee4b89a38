// Interning of call sites, and the decision who owns one (DESIGN §4): a declared scope, else a rule on the stack,
// else the thread's name, else the module. Decided once per distinct stack, never per event.
#include "sites.h"

#include "intern_table.h"
#include "mapping.h"
#include "modules.h"

#include "unpaired/owner_tag.h"

#include <cstring>

namespace unpaired {

SiteInfo *site_infos[site_info_pages];

namespace {

uint64_t key_of(uint32_t site) { return site_infos[site / site_info_page][site % site_info_page].key; }

InternTable<key_of> sites;

/// Numbers are taken from the file in blocks, for acquirers and for all others apart: only acquirers have counters, and
/// these come in such blocks, too. The next number of each; a multiple of the block's size: none is left.
uint32_t next_number[2];

struct Decision {
    uint32_t owner = 0, priority = UINT32_MAX;
};

/// Shell patterns with * and ? only (fnmatch(3) allocates and knows locales).
bool matches(const char *pattern, const char *text)
{
    const char *star = nullptr, *resume = nullptr;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != nullptr) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != nullptr ? slash + 1 : path;
}

uint32_t owner_by_rules(const Stack &stack)
{
    const unpaired_rules_header *rules = process.rules;
    if (rules == nullptr)
        return 0;
    const auto *modules = reinterpret_cast<const unpaired_rules_module *>(rules + 1);
    const auto *ranges = reinterpret_cast<const unpaired_rules_range *>(modules + rules->n_modules);
    const auto *patterns = reinterpret_cast<const unpaired_rules_pattern *>(ranges + rules->n_ranges);
    for (uint32_t frame = 0; frame < stack.depth; frame++) {
        const ModuleView *module = module_at(stack.pc[frame] - 1);
        if (module == nullptr)
            continue;
        Decision best;
        for (uint32_t i = 0; i < rules->n_patterns; i++)
            if (patterns[i].priority < best.priority && matches(patterns[i].pattern, base_name(module->path)))
                best = {patterns[i].owner, patterns[i].priority};
        const uint64_t address = stack.pc[frame] - 1 - module->bias;
        for (uint32_t m = 0; m < rules->n_modules; m++) {
            if (modules[m].build_id_len != module->build_id_len ||
                memcmp(modules[m].build_id, module->build_id, module->build_id_len) != 0)
                continue;
            const unpaired_rules_range *first = ranges + modules[m].first_range;
            for (uint32_t i = 0; i < modules[m].n_ranges && first[i].start <= address; i++)
                if (address < first[i].end && first[i].priority < best.priority)
                    best = {first[i].owner, first[i].priority};
        }
        if (best.owner != 0)
            return best.owner;
    }
    return 0;
}

uint32_t owner_by_module(const Stack &stack)
{
    for (uint32_t frame = 0; frame < stack.depth; frame++)
        if (const ModuleView *module = module_at(stack.pc[frame] - 1); module != nullptr && !module->runtime)
            if (const uint32_t owner = unpaired_owner_from_name(module->path); owner != 0)
                return owner;
    return 0;
}

SiteInfo decide(const Thread &thread, unsigned function, unsigned family, uint64_t key, const Stack &stack)
{
    SiteInfo info{key, thread.scope_owner, static_cast<uint16_t>(function), static_cast<uint8_t>(family),
                  UNPAIRED_OWNER_SCOPE};
    if (info.owner == 0) {
        info.owner = owner_by_rules(stack);
        info.owner_source = UNPAIRED_OWNER_RULE;
    }
    if (info.owner == 0) {
        info.owner = thread.thread_owner;
        info.owner_source = UNPAIRED_OWNER_THREAD;
    }
    if (info.owner == 0) {
        info.owner = owner_by_module(stack);
        info.owner_source = info.owner != 0 ? UNPAIRED_OWNER_MODULE : UNPAIRED_OWNER_UNKNOWN;
    }
    return info;
}

/// Sites by the hashes of their outermost frames, of one, two, and so on to all: a program has far fewer outer parts of
/// stacks than stacks. A new one replaces another that fell into its place. Of the two words the first tells whether
/// they belong together: threads may write them at the same time.
struct Sharing {
    uint64_t hash_and_site; ///< exclusive or
    uint64_t site;
};
Sharing shared[4096];

Sharing &place_of(uint64_t hash) { return shared[hash >> 32 & (sizeof shared / sizeof shared[0] - 1)]; }

/// The outermost frames that a site in the trace has in common with the stack, as SITE records say it; 0: none.
uint32_t outer_of(const Stack &stack)
{
    uint32_t most = 0;
    uint64_t hash = 0;
    for (uint32_t i = stack.depth; i-- > 0;) {
        hash = mix(hash, stack.pc[i]);
        const Sharing &place = place_of(hash);
        const uint64_t site = load(place.site);
        if (site != 0 && (load(place.hash_and_site) ^ site) == hash)
            most = UNPAIRED_SITE_OUTER(site, stack.depth - i);
    }
    return most;
}

void share(const Stack &stack, uint32_t site)
{
    uint64_t hash = 0;
    for (uint32_t i = stack.depth; i-- > 0;) {
        hash = mix(hash, stack.pc[i]);
        Sharing &place = place_of(hash);
        store(place.hash_and_site, hash ^ site);
        store(place.site, uint64_t{site});
    }
}

/// 0 when there are no more.
uint32_t new_number(bool acquirer)
{
    constexpr uint32_t block = UNPAIRED_COUNTERS_PER_BLOCK;
    uint32_t &next = next_number[acquirer ? 1 : 0];
    uint32_t number = load(next);
    while (number % block != 0)
        if (__atomic_compare_exchange_n(&next, &number, number + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return number;
    uint32_t first = load(process.file->next_site);
    do
        if (first / site_info_page >= site_info_pages)
            return 0;
    while (!__atomic_compare_exchange_n(&process.file->next_site, &first, (first | (block - 1)) + 1, true,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    // if another thread was faster, the rest of this block is nobody's
    __atomic_compare_exchange_n(&next, &number, first + 1, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return first;
}

/// Gives the site a number and writes it down; 0 when there is no room for it.
uint32_t new_site(Thread &thread, unsigned function, unsigned family, uint64_t key, const Stack &stack)
{
    const SiteInfo info = decide(thread, function, family, key, stack);
    const uint32_t site = new_number(acquires[function]);
    const uint32_t page = site / site_info_page;
    if (site == 0)
        return 0;
    if (load(site_infos[page], __ATOMIC_ACQUIRE) == nullptr) {
        auto *fresh = static_cast<SiteInfo *>(sys::anonymous(site_info_page * sizeof(SiteInfo)));
        SiteInfo *none = nullptr;
        if (fresh == nullptr)
            return 0;
        if (!__atomic_compare_exchange_n(&site_infos[page], &none, fresh, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_ACQUIRE))
            sys::call(SYS_munmap, sys::of(fresh), site_info_page * sizeof(SiteInfo));
    }
    site_infos[page][site % site_info_page] = info;
    unpaired_record_site record{};
    record.id = site;
    record.function = info.function;
    record.family = info.family;
    record.owner = info.owner;
    record.image = own_image();
    record.outer = outer_of(stack);
    const uint32_t own_frames = stack.depth - UNPAIRED_SITE_OUTER_FRAMES(record.outer);
    record.depth = static_cast<uint8_t>(own_frames);
    record.owner_source = info.owner_source;
    record.generation = module_generation();
    uint8_t *end = thread.packed_stack;
    for (uint32_t i = 0; i < own_frames; i++)
        end = unpaired_pack_address(end, stack.pc[i], i == 0 ? 0 : stack.pc[i - 1]);
    if (append(UNPAIRED_RECORD_SITE_PACKED, record,
               {thread.packed_stack, static_cast<size_t>(end - thread.packed_stack)}) == nullptr)
        return 0;
    share(stack, site);
    return site;
}

// A compiler has ten thousand call sites in use at a time. The memory that a thread may cost allows no such cache for each.
constexpr uint32_t misses_for_large_cache = 50000, most_large_caches = 8;

void enlarge_site_cache(Thread &thread)
{
    static uint32_t made;
    if (load(made) >= most_large_caches || add(made, 1u) >= most_large_caches)
        return;
    auto *larger =
        static_cast<SiteCacheEntry *>(sys::anonymous(large_site_cache_size * sizeof(SiteCacheEntry)));
    if (larger == nullptr)
        return;
    thread.site_cache_mask =
        0; // a signal handler's stand-in has a cache of its own; this order is for longjmp's sake
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread.site_cache = larger;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    thread.site_cache_mask = large_site_cache_size - 2;
}

} // namespace

const SiteCacheEntry &intern_slowly(Thread &thread, unsigned function, unsigned family, uint64_t key,
                                    const Caller &caller)
{
    static constexpr SiteCacheEntry none{};
    uint32_t site = sites.find(key);
    if (site == 0) {
        if (load(process.full) != 0)
            return none; // it could not be written down, and its number would be lost with every event
        Stack stack;
        stack_of(caller, thread.last_stack, stack);
        site = new_site(thread, function, family, key, stack);
        if (site == 0)
            return none;
        sites.insert(site);
    }
    if (UNPAIRED_UNLIKELY(++thread.site_cache_misses == misses_for_large_cache))
        enlarge_site_cache(thread);
    SiteCacheEntry *place = site_cache_place(thread, key);
    place[1] = place[0];
    place[0] = {key, site, site_info(site).owner};
    return place[0];
}

void forget_site_numbers_of_parent() { next_number[0] = next_number[1] = 0; }

} // namespace unpaired
