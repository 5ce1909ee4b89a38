// The walk by cached rules (x86-64): return address → how to find the caller's frame. Rules are read once from
// .eh_frame and kept in an insert-only table that all threads share; readers take no lock.
#include "walk.h"

#include <ucontext.h>

namespace unpaired {

#if defined(__x86_64__)
namespace {

using cfi::Kind;
using cfi::Rule;

constexpr unsigned cache_bits = 14;
constexpr uint64_t cache_size = uint64_t{1} << cache_bits;
constexpr uint64_t sane_frame = 16u << 20; // a frame larger than this is taken for damage

struct Entry {
    uint64_t pc;
    Rule rule;
};
struct Cache {
    uint32_t filled;
    uint32_t writer;     // a lock that is tried, never waited for
    uint32_t generation; // counted up when rules are forgotten
    Entry entry[cache_size];
};
Cache *cache;

Rule remember(uint64_t pc, Cache *table)
{
    const uint32_t generation = load(table->generation, __ATOMIC_ACQUIRE);
    const Rule rule = cfi::read_rule(pc);
    if (__atomic_exchange_n(&table->writer, 1u, __ATOMIC_ACQUIRE) != 0)
        return rule; // somebody else is inserting: next time
    if (generation == load(table->generation) && table->filled < cache_size * 3 / 4) {
        for (uint64_t i = (pc * 0x9e3779b97f4a7c15ull) >> (64 - cache_bits);;
             i = (i + 1) & (cache_size - 1)) {
            if (table->entry[i].pc == pc)
                break;
            if (table->entry[i].pc == 0) {
                uint64_t word;
                __builtin_memcpy(&word, &rule, sizeof word);
                __atomic_store_n(reinterpret_cast<uint64_t *>(&table->entry[i].rule), word, __ATOMIC_RELAXED);
                store(table->entry[i].pc, pc, __ATOMIC_RELEASE);
                table->filled++;
                break;
            }
        }
    }
    store(table->writer, 0u, __ATOMIC_RELEASE);
    return rule;
}

inline Rule rule_for(uint64_t pc, Cache *table)
{
    for (uint64_t i = (pc * 0x9e3779b97f4a7c15ull) >> (64 - cache_bits);; i = (i + 1) & (cache_size - 1)) {
        const uint64_t key = load(table->entry[i].pc, __ATOMIC_ACQUIRE);
        if (UNPAIRED_LIKELY(key == pc)) {
            const uint64_t word =
                __atomic_load_n(reinterpret_cast<const uint64_t *>(&table->entry[i].rule), __ATOMIC_RELAXED);
            Rule rule;
            __builtin_memcpy(&rule, &word, sizeof rule);
            return rule;
        }
        if (key == 0)
            return remember(pc, table);
    }
}

inline uint64_t word_at(uint64_t address) { return *reinterpret_cast<const volatile uint64_t *>(address); }

} // namespace

void walk_stack(const Caller &caller, Stack &stack)
{
    Cache *table = load(cache, __ATOMIC_ACQUIRE);
    if (UNPAIRED_UNLIKELY(table == nullptr)) {
        table = static_cast<Cache *>(sys::anonymous(sizeof(Cache)));
        Cache *none = nullptr;
        if (table == nullptr) {
            walk_with_libunwind(caller, stack);
            return;
        }
        if (!__atomic_compare_exchange_n(&cache, &none, table, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            sys::call(SYS_munmap, sys::of(table), sizeof(Cache));
            table = none;
        }
    }
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
    Cache *table = load(cache, __ATOMIC_ACQUIRE);
    if (table == nullptr)
        return;
    for (unsigned tries = 0; __atomic_exchange_n(&table->writer, 1u, __ATOMIC_ACQUIRE) != 0;)
        if (++tries > 1u << 20)
            return;
    __atomic_fetch_add(&table->generation, 1u, __ATOMIC_ACQ_REL);
    for (Entry &entry : table->entry)
        store(entry.pc, uint64_t{0});
    table->filled = 0;
    store(table->writer, 0u, __ATOMIC_RELEASE);
}

#else

void walk_stack(const Caller &caller, Stack &stack) { walk_with_libunwind(caller, stack); }
void forget_unwind_rules() {}

#endif

} // namespace unpaired
