// The walk by cached rules (x86-64): return address → how to find the caller's frame. Rules are read once from
// .eh_frame and kept in an insert-only table that all threads share; readers take no lock.
#include "walk.h"

#include <ucontext.h>

namespace unpaired {

#if defined(__x86_64__)
namespace {

using cfi::Kind;
using cfi::Rule;

constexpr unsigned smallest_bits = 14; // 256 KiB
constexpr unsigned largest_bits = 18;  // 4 MiB: about 200,000 return addresses; later ones are read each time
constexpr uint64_t sane_frame = 16u << 20; // a frame larger than this is taken for damage

struct Entry {
    uint64_t pc;
    Rule rule;
};
/// A table that has become too small stays behind: somebody may still be reading it.
struct Cache {
    unsigned bits;
    Entry *entries;

    uint64_t mask() const { return (uint64_t{1} << bits) - 1; }
    uint64_t place_of(uint64_t pc) const { return (pc * 0x9e3779b97f4a7c15ull) >> (64 - bits); }
};
Cache tables[largest_bits - smallest_bits + 1];
Cache *cache;        // the table in use
uint32_t filled;     // entries in it; changed under `writer`, like the entries
uint32_t writer;     // a lock that is tried, never waited for
uint32_t generation; // counted up when rules are forgotten

void put(Cache &table, uint64_t pc, Rule rule)
{
    for (uint64_t i = table.place_of(pc);; i = (i + 1) & table.mask()) {
        Entry &entry = table.entries[i];
        if (entry.pc == pc)
            return;
        if (entry.pc != 0)
            continue;
        uint64_t word;
        __builtin_memcpy(&word, &rule, sizeof word);
        __atomic_store_n(reinterpret_cast<uint64_t *>(&entry.rule), word, __ATOMIC_RELAXED);
        store(entry.pc, pc, __ATOMIC_RELEASE);
        filled++;
        return;
    }
}

/// Makes the next larger table the one in use, with what the present one holds. Under `writer`.
bool grow()
{
    const unsigned bits = cache == nullptr ? smallest_bits : cache->bits + 2;
    if (bits > largest_bits)
        return false;
    auto *entries = static_cast<Entry *>(sys::anonymous(sizeof(Entry) << bits));
    if (entries == nullptr)
        return false;
    Cache &larger = tables[bits - smallest_bits];
    larger = {bits, entries};
    filled = 0;
    if (cache != nullptr)
        for (uint64_t i = 0; i <= cache->mask(); i++)
            if (cache->entries[i].pc != 0)
                put(larger, cache->entries[i].pc, cache->entries[i].rule);
    store(cache, &larger, __ATOMIC_RELEASE);
    return true;
}

Rule remember(uint64_t pc)
{
    const uint32_t read_under = load(generation, __ATOMIC_ACQUIRE);
    const Rule rule = cfi::read_rule(pc);
    if (__atomic_exchange_n(&writer, 1u, __ATOMIC_ACQUIRE) != 0)
        return rule; // somebody else is inserting: next time
    const auto full = [] { return cache == nullptr || filled >= (cache->mask() + 1) * 3 / 4; };
    if (read_under == load(generation) && (!full() || grow()))
        put(*cache, pc, rule);
    store(writer, 0u, __ATOMIC_RELEASE);
    return rule;
}

inline Rule rule_for(uint64_t pc, const Cache *table)
{
    if (UNPAIRED_UNLIKELY(table == nullptr))
        return remember(pc);
    for (uint64_t i = table->place_of(pc);; i = (i + 1) & table->mask()) {
        const Entry &entry = table->entries[i];
        const uint64_t key = load(entry.pc, __ATOMIC_ACQUIRE);
        if (UNPAIRED_LIKELY(key == pc)) {
            const uint64_t word =
                __atomic_load_n(reinterpret_cast<const uint64_t *>(&entry.rule), __ATOMIC_RELAXED);
            Rule rule;
            __builtin_memcpy(&rule, &word, sizeof rule);
            return rule;
        }
        if (key == 0)
            return remember(pc);
    }
}

inline uint64_t word_at(uint64_t address) { return *reinterpret_cast<const volatile uint64_t *>(address); }

} // namespace

void walk_stack(const Caller &caller, Stack &stack)
{
    const Cache *table = load(cache, __ATOMIC_ACQUIRE);
    uint64_t pc = caller.pc, sp = caller.sp, bp = caller.bp;
    uint32_t depth = 0;
    for (;;) {
        stack.pc[depth++] = pc;
        if (depth == UNPAIRED_MAX_DEPTH)
            break;
        const Rule rule = rule_for(pc, table);
        uint64_t cfa;
        if (UNPAIRED_LIKELY(rule.kind == Kind::from_sp)) {
            cfa = sp + static_cast<uint64_t>(int64_t{rule.cfa_offset});
        } else if (rule.kind == Kind::from_bp) {
            cfa = bp + static_cast<uint64_t>(int64_t{rule.cfa_offset});
        } else if (rule.kind == Kind::realigned) {
            cfa = word_at(bp + static_cast<uint64_t>(int64_t{rule.cfa_offset}));
            bp = word_at(bp);
        } else if (rule.kind == Kind::signal) {
            // The kernel's frame: behind the return address stands the ucontext (x86-64: arch/x86 rt_sigframe).
            const auto *context = reinterpret_cast<const ucontext_t *>(sp);
            pc = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RIP]) + 1;
            sp = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RSP]);
            bp = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RBP]);
            continue;
        } else if (rule.kind == Kind::unknown) {
            walk_with_libunwind(caller, stack);
            return;
        } else {
            break;
        }
        if (cfa <= sp || cfa - sp > sane_frame || cfa % 8 != 0)
            break;
        if (rule.bp_words != 0)
            bp = word_at(cfa + static_cast<uint64_t>(8 * int64_t{rule.bp_words}));
        pc = word_at(cfa - 8);
        sp = cfa;
        if (pc < 4096)
            break;
    }
    stack.depth = depth;
}

void forget_unwind_rules()
{
    constexpr unsigned patience = 1u << 20;
    for (unsigned tries = 0; __atomic_exchange_n(&writer, 1u, __ATOMIC_ACQUIRE) != 0;)
        if (++tries > patience)
            return;
    __atomic_fetch_add(&generation, 1u, __ATOMIC_ACQ_REL);
    if (cache != nullptr)
        for (uint64_t i = 0; i <= cache->mask(); i++)
            store(cache->entries[i].pc, uint64_t{0});
    filled = 0;
    store(writer, 0u, __ATOMIC_RELEASE);
}

void release_unwind_lock() { store(writer, 0u); }
uint32_t unwind_rules_kept() { return load(filled); }
Rule rule_at(uint64_t return_address) { return rule_for(return_address, load(cache, __ATOMIC_ACQUIRE)); }

#else

void walk_stack(const Caller &caller, Stack &stack) { walk_with_libunwind(caller, stack); }
void forget_unwind_rules() {}
void release_unwind_lock() {}
uint32_t unwind_rules_kept() { return 0; }
cfi::Rule rule_at(uint64_t) { return {}; }

#endif

} // namespace unpaired
