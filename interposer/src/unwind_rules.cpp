// The table of unwind rules: reading, keeping, forgetting. Its readers are in the header.
#include "unwind_rules.h"

#include "try_lock.h"

namespace unpaired {

RuleTable *unwind_rules;
uint32_t unwind_generation;

#if defined(__x86_64__) || defined(__aarch64__)
namespace {

constexpr unsigned smallest_bits =
    10; // 16 KiB: no larger than needed, so that what is used often stays in the cache
constexpr unsigned largest_bits = 18; // 4 MiB: about 200,000 return addresses; later ones are read each time

RuleTable tables[largest_bits - smallest_bits + 1];
uint32_t filled; // entries in the table in use; changed under `writer`, like the entries
TryLock writer;

void put(RuleTable &table, uint64_t pc, cfi::Rule rule)
{
    for (uint64_t i = table.place_of(pc);; i = (i + 1) & table.mask()) {
        RuleTable::Entry &entry = table.entries[i];
        if (entry.pc == pc)
            return;
        if (entry.pc != 0)
            continue;
        uint64_t word;
        __builtin_memcpy(&word, &rule, sizeof word);
        __atomic_store_n(reinterpret_cast<uint64_t *>(&entry.rule), word,
                         __ATOMIC_RELEASE); // after forgetting
        store(entry.pc, pc, __ATOMIC_RELEASE);
        filled++;
        return;
    }
}

/// Replaces the table in use by the next larger one, with the same rules. The caller holds `writer`; but another
/// thread may detach the present table at any time.
bool grow(RuleTable *present)
{
    const unsigned bits = present == nullptr ? smallest_bits : present->bits + 1;
    if (bits > largest_bits)
        return false;
    auto *entries = static_cast<RuleTable::Entry *>(sys::anonymous(sizeof(RuleTable::Entry) << bits));
    if (entries == nullptr)
        return false;
    RuleTable &larger = tables[bits - smallest_bits];
    larger = {bits, entries};
    filled = 0;
    if (present != nullptr)
        for (uint64_t i = 0; i <= present->mask(); i++)
            if (present->entries[i].pc != 0)
                put(larger, present->entries[i].pc, present->entries[i].rule);
    return __atomic_compare_exchange_n(&unwind_rules, &present, &larger, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/// Voids what was concluded from the rules so far. Under `writer`.
void forget()
{
    __atomic_fetch_add(&unwind_generation, 1u, __ATOMIC_ACQ_REL);
    if (RuleTable *present = load(unwind_rules); present != nullptr)
        for (uint64_t i = 0; i <= present->mask(); i++)
            store(present->entries[i].pc, uint64_t{0});
    filled = 0;
}

/// Does the same without the lock, whose holder may never return: abandons the table in use.
void detach()
{
    __atomic_fetch_add(&unwind_generation, 1u, __ATOMIC_ACQ_REL);
    __atomic_store_n(&unwind_rules, static_cast<RuleTable *>(nullptr), __ATOMIC_RELEASE);
}

cfi::Object
    seen[256]; // objects that rules were read from; of more than that the oldest are not known any more
uint32_t n_seen;

/// Whether there was other code at this address before. The C library loads and unloads modules of its own (iconv(3),
/// nsswitch.conf(5)) without a call that we see. Under `writer`.
bool replaces_other_code(uint64_t pc)
{
    cfi::Object here;
    if (cfi::object_at(pc - 1, here) != cfi::Known::yes)
        return false;
    bool known = false, replaces = false;
    for (cfi::Object &other : seen) {
        if (other.start >= here.end || here.start >= other.end)
            continue;
        known = other == here;
        if (known)
            break;
        other = {};
        replaces = true;
    }
    if (!known)
        seen[n_seen++ % (sizeof seen / sizeof seen[0])] = here;
    return replaces;
}

} // namespace

cfi::Rule read_and_keep_rule(uint64_t pc)
{
    const uint32_t read_under = load(unwind_generation, __ATOMIC_ACQUIRE);
    const cfi::Rule rule = cfi::read_rule(pc);
    if (!writer.take())
        return rule; // another thread is inserting: insert at the next walk
    if (read_under == load(unwind_generation)) {
        if (replaces_other_code(pc))
            forget();
        RuleTable *present = load(unwind_rules);
        if (present == nullptr || filled >= (present->mask() + 1) * 3 / 4)
            present = grow(present) ? load(unwind_rules) : nullptr;
        if (present != nullptr)
            put(*present, pc, rule);
    }
    writer.give();
    return rule;
}

void forget_unwind_rules()
{
    if (!writer.take_waiting(process.pid)) {
        detach();
        return;
    }
    forget();
    writer.give();
}

void release_unwind_lock() { writer.give(); }
void release_unwind_lock_below(uint64_t sp) { writer.give_if_taken_below(sp); }
uint32_t unwind_rules_kept() { return load(filled); }

#else

cfi::Rule read_and_keep_rule(uint64_t) { return {}; }
void forget_unwind_rules() {}
void release_unwind_lock() {}
void release_unwind_lock_below(uint64_t) {}
uint32_t unwind_rules_kept() { return 0; }

#endif

} // namespace unpaired
