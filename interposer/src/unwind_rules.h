// Unwind rules by return address, and the table that keeps them. x86-64 and aarch64; elsewhere every rule is `unknown`.
#pragma once

#include "state.h"

namespace unpaired {

namespace cfi {
/// How to get from a frame to its caller. `unknown`: ask the general unwinder.
enum class Kind : uint8_t { unknown = 0, from_sp, from_bp, realigned, outermost, signal, no_code };
struct Rule {
    int32_t cfa_offset; ///< CFA = sp or bp + this; realigned: CFA = *(bp + this)
    int16_t bp_words;   ///< the caller's bp lies at CFA + 8 × this; 0: bp is unchanged
    Kind kind;
    uint8_t spare; ///< aarch64: where the return address is (cfi_aarch64.h)
};
static_assert(sizeof(Rule) == 8);
/// An object of the loader's, and its .eh_frame_hdr: nullptr if it has none.
struct Object {
    const void *start, *end;
    const uint8_t *tables;
    uint64_t
        frames; ///< of the table's second and third word, where and how many: another object's mostly differ

    bool operator==(const Object &) const = default;
};
enum class Known : uint8_t {
    yes,
    no,
    by_nobody
}; ///< by_nobody: the C library cannot be asked (before glibc 2.35)
/// Finds the object that code lies in, without a lock (_dl_find_object(3)).
Known object_at(uint64_t pc, Object &object);

/// Reads the rule for the frame with this return address out of its module's .eh_frame.
Rule read_rule(uint64_t return_address);
/// Returns true if the module's .eh_frame has an entry for the address, without exception handlers.
bool has_no_handlers(uint64_t return_address);
} // namespace cfi

/// A word of a stack, which an unwinder of that stack would read.
inline uint64_t word_at(uint64_t address) { return *reinterpret_cast<const volatile uint64_t *>(address); }
/// A frame larger than this is taken for damage.
inline constexpr uint64_t sane_frame = 16u << 20;

/// A table of rules that all threads share: insert-only, readers take no lock. One that has become too small stays
/// behind: somebody may still be reading it.
struct RuleTable {
    struct Entry {
        uint64_t pc;
        cfi::Rule rule;
    };
    unsigned bits;
    Entry *entries;

    uint64_t mask() const { return (uint64_t{1} << bits) - 1; }
    uint64_t place_of(uint64_t pc) const { return (pc * 0x9e3779b97f4a7c15ull) >> (64 - bits); }
};
/// The table in use; nullptr before the first rule.
extern RuleTable *unwind_rules;
/// Counted up when rules are forgotten: what was concluded from them before is void.
extern uint32_t unwind_generation;

/// Reads a rule and keeps it, if nobody else is doing so just now.
cfi::Rule read_and_keep_rule(uint64_t return_address);

/// The rule for a return address, out of `table` (what unwind_rules was when the walk began) if it is there.
inline cfi::Rule rule_for(uint64_t pc, const RuleTable *table)
{
    if (UNPAIRED_UNLIKELY(table == nullptr))
        return read_and_keep_rule(pc);
    for (uint64_t i = table->place_of(pc);; i = (i + 1) & table->mask()) {
        const RuleTable::Entry &entry = table->entries[i];
        const uint64_t key = load(entry.pc, __ATOMIC_ACQUIRE);
        if (UNPAIRED_LIKELY(key == pc)) {
            const uint64_t word =
                __atomic_load_n(reinterpret_cast<const uint64_t *>(&entry.rule), __ATOMIC_ACQUIRE);
            if (UNPAIRED_UNLIKELY(load(entry.pc) != pc))
                return read_and_keep_rule(pc); // forgotten meanwhile, and the place is another's
            cfi::Rule rule;
            __builtin_memcpy(&rule, &word, sizeof rule);
            return rule;
        }
        if (key == 0)
            return read_and_keep_rule(pc);
    }
}

/// Forgets what is known of the code at any address: after dlopen and dlclose. Where code was replaced without either,
/// that is noticed as soon as a rule of the new code is read.
void forget_unwind_rules();

/// In a forked child: another thread of the parent may have been adding a rule.
void release_unwind_lock();
/// Releases the lock after a signal handler left this thread's insertion by longjmp. `sp` is the stack pointer of the
/// caller of the hook that was left.
void release_unwind_lock_below(uint64_t sp);
/// How many rules the table holds.
uint32_t unwind_rules_kept();
/// The rule for a return address.
inline cfi::Rule rule_at(uint64_t return_address)
{
    return rule_for(return_address, load(unwind_rules, __ATOMIC_ACQUIRE));
}

} // namespace unpaired
