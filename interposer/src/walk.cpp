// The walk by cached rules (x86-64): return address → how to find the caller's frame.
#include "walk.h"

#include "path_memo.h"

#include <ucontext.h>

namespace unpaired {
namespace {

/// The hash of the stack at `caller`, and `last` is that stack.
uint64_t walk_again(const Caller &caller, LastStack &last);

/// Takes over a stack that was walked otherwise: its hash can be had, the next walk cannot begin from it.
uint64_t take_over(const Stack &stack, LastStack &last)
{
    last.depth = stack.depth;
    last.whole = false;
    for (uint32_t i = 0; i < stack.depth; i++)
        last.known.pc[i] = stack.pc[stack.depth - 1 - i];
    return hash_of(stack);
}

} // namespace

uint64_t hash_of(const Stack &stack)
{
    uint64_t hash = 0;
    for (uint32_t i = stack.depth; i-- > 0;)
        hash = mix(hash, stack.pc[i]);
    return hash;
}

void stack_of(const Caller &caller, LastStack &last, Stack &stack)
{
    if (last.skipped)
        walk_again(caller, last);
    stack.depth = last.depth;
    for (uint32_t i = 0; i < last.depth; i++)
        stack.pc[i] = last.known.pc[last.depth - 1 - i];
}

#if defined(__x86_64__)
namespace {

using cfi::Kind;
using cfi::Rule;

constexpr uint64_t sane_frame = 16u << 20; // a frame larger than this is taken for damage

inline uint64_t word_at(uint64_t address) { return *reinterpret_cast<const volatile uint64_t *>(address); }

/// Where a walk is: the frame that `pc` returns into.
struct State {
    uint64_t pc, sp, bp;
};
enum class Step : uint8_t {
    plain,   ///< two words decided it: the return address at sp − 8, and bp where it was read
    opaque,  ///< others did, too
    ended,   ///< this is the outermost frame, for ever
    broken,  ///< ... by a word that was read
    general, ///< the general unwinder must be asked
};

/// From a frame to its caller. `bp_slot`: where bp was read, or 0.
inline Step step(State &at, const Rule &rule, uint64_t &bp_slot)
{
    uint64_t cfa;
    Step how = Step::plain;
    bp_slot = 0;
    if (UNPAIRED_LIKELY(rule.kind == Kind::from_sp)) {
        cfa = at.sp + static_cast<uint64_t>(int64_t{rule.cfa_offset});
    } else if (rule.kind == Kind::from_bp) {
        cfa = at.bp + static_cast<uint64_t>(int64_t{rule.cfa_offset});
    } else if (rule.kind == Kind::realigned) {
        cfa = word_at(at.bp + static_cast<uint64_t>(int64_t{rule.cfa_offset}));
        at.bp = word_at(at.bp);
        how = Step::opaque;
    } else if (rule.kind == Kind::signal) {
        // The kernel's frame: behind the return address stands the ucontext (x86-64: arch/x86 rt_sigframe).
        const auto *context = reinterpret_cast<const ucontext_t *>(at.sp);
        at.pc = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RIP]) + 1;
        at.sp = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RSP]);
        at.bp = static_cast<uint64_t>(context->uc_mcontext.gregs[REG_RBP]);
        return Step::opaque;
    } else {
        return rule.kind == Kind::unknown ? Step::general : Step::ended;
    }
    if (cfa <= at.sp || cfa - at.sp > sane_frame || cfa % 8 != 0)
        return Step::broken;
    if (rule.bp_words != 0) {
        bp_slot = cfa + static_cast<uint64_t>(8 * int64_t{rule.bp_words});
        at.bp = word_at(bp_slot);
    }
    at.pc = word_at(cfa - 8);
    at.sp = cfa;
    return UNPAIRED_LIKELY(at.pc >= 4096) ? how : Step::broken;
}

inline bool uses_bp(const Rule &rule) { return rule.kind == Kind::from_bp || rule.kind == Kind::realigned; }

/// Whether the step from state `inner` outwards reads what it read before.
inline bool still_holds(const StackStates &known, uint32_t inner)
{
    const uint32_t outer = inner - 1;
    const uint8_t flags = known.flags[outer];
    if (UNPAIRED_UNLIKELY((flags & (StackStates::opaque | StackStates::checks_bp)) != 0)) {
        if ((flags & StackStates::opaque) != 0 || word_at(known.bp_slot[outer]) != known.bp[outer])
            return false;
    }
    return word_at(known.slot[outer]) == known.pc[outer];
}

/// A walk that goes on from what is known of the last one.
class Rewalk {
public:
    Rewalk(const Caller &caller, LastStack &last)
        : last_(last), table_(load(unwind_rules, __ATOMIC_ACQUIRE)), at_{caller.pc, caller.sp, caller.bp}
    {
    }

    uint32_t new_states() const { return n_; }

    /// False: the general unwinder must be asked, and nothing is remembered.
    bool run(uint64_t &hash)
    {
        uint32_t known = last_.depth; // states 0 … known − 1 lie at or outwards of where we are
        // A signal handler that strikes now may leave by longjmp: then nothing must be half known.
        store(last_.depth, 0u);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        uint64_t bp_slot = 0;
        uint8_t reached = 0;
        for (;;) {
            const uint64_t slot = at_.sp - 8;
            while (known != 0 && last_.known.slot[known - 1] < slot)
                known--;
            if (known != 0 && is(known - 1, slot)) {
                uint32_t held = known - 1; // the outermost state that holds
                while (held != 0 && still_holds(last_.known, held))
                    held--;
                if (UNPAIRED_LIKELY(held == 0)) {
                    hash = join(known - 1, bp_slot, reached);
                    return true;
                }
                if (!take_along(known - 1, held, bp_slot, reached))
                    break;
                known = held;
            } else if (!note(slot, bp_slot, reached)) {
                break;
            }
            const Rule rule = rule_for(at_.pc, table_);
            if (uses_bp(rule))
                last_.fresh.flags[n_ - 1] |= StackStates::uses_bp;
            const Step how = step(at_, rule, bp_slot);
            if (UNPAIRED_UNLIKELY(how >= Step::ended)) {
                if (how == Step::general) {
                    forget_fresh();
                    return false;
                }
                hash = put(0, 0, how == Step::ended);
                return true;
            }
            reached = how == Step::opaque ? StackStates::opaque : 0;
        }
        hash = put(0, 0, false);
        return true;
    }

private:
    bool is(uint32_t state, uint64_t slot) const
    {
        const StackStates &known = last_.known;
        return known.slot[state] == slot && known.pc[state] == at_.pc &&
               ((known.flags[state] & StackStates::needs_bp) == 0 || known.bp[state] == at_.bp);
    }

    /// Adds where we are to the new states; false when there are as many as are kept.
    bool note(uint64_t slot, uint64_t bp_slot, uint8_t reached)
    {
        if (UNPAIRED_UNLIKELY(n_ == UNPAIRED_MAX_DEPTH))
            return false;
        StackStates &fresh = last_.fresh;
        fresh.slot[n_] = slot;
        fresh.pc[n_] = at_.pc;
        fresh.bp[n_] = at_.bp;
        fresh.bp_slot[n_] = bp_slot;
        fresh.flags[n_] = reached;
        n_++;
        return true;
    }

    /// States `from` … `to` (outwards) hold, the step from `to` may not: they count as walked, and we are at `to`.
    bool take_along(uint32_t from, uint32_t to, uint64_t bp_slot, uint8_t reached)
    {
        const StackStates &known = last_.known;
        if (!note(known.slot[from], bp_slot, reached))
            return false;
        last_.fresh.flags[n_ - 1] |= known.flags[from] & StackStates::uses_bp;
        for (uint32_t i = from; i-- > to;) {
            at_.pc = known.pc[i];
            at_.sp = known.slot[i] + 8;
            // what was read and not needed then may be needed now, and may have changed
            if (known.bp_slot[i] != 0)
                at_.bp = word_at(known.bp_slot[i]);
            if (!note(known.slot[i], known.bp_slot[i], 0))
                return false;
            last_.fresh.flags[n_ - 1] |= known.flags[i] & StackStates::uses_bp;
        }
        return true;
    }

    /// The new states stand on the known state `at`, which was reached as told.
    uint64_t join(uint32_t at, uint64_t bp_slot, uint8_t reached)
    {
        if (n_ == 0) { // the very stack of before, or an outer part of it
            last_.depth = at + 1;
            return last_.hash[at];
        }
        if (n_ + at + 1 > UNPAIRED_MAX_DEPTH) { // the outermost are cut off
            take_along(at, 0, bp_slot, reached);
            return put(0, 0, false);
        }
        StackStates &known = last_.known;
        const uint8_t flags = known.flags[at] & (StackStates::uses_bp | StackStates::needs_bp);
        known.bp[at] = (flags & StackStates::needs_bp) != 0 ? at_.bp : 0;
        known.bp_slot[at] = bp_slot;
        known.flags[at] = with_check(flags | reached, bp_slot);
        return put(at + 1, last_.hash[at], true);
    }

    static uint8_t with_check(unsigned flags, uint64_t bp_slot)
    {
        const bool checks = (flags & StackStates::needs_bp) != 0 && bp_slot != 0;
        return static_cast<uint8_t>(flags | (checks ? StackStates::checks_bp : 0));
    }

    /// Puts the new states onto the `depth` outermost known ones, whose hash is given.
    uint64_t put(uint32_t depth, uint64_t hash, bool whole)
    {
        StackStates &known = last_.known;
        StackStates &fresh = last_.fresh;
        for (uint32_t k = n_; k-- > 0; depth++) {
            unsigned flags = fresh.flags[k];
            const bool outer_needs_ours = depth != 0 && known.bp_slot[depth - 1] == 0 &&
                                          (known.flags[depth - 1] & StackStates::needs_bp) != 0;
            if ((flags & StackStates::uses_bp) != 0 || outer_needs_ours)
                flags |= StackStates::needs_bp;
            known.slot[depth] = fresh.slot[k];
            known.pc[depth] = fresh.pc[k];
            known.bp[depth] = (flags & StackStates::needs_bp) != 0 ? fresh.bp[k] : 0;
            fresh.bp[k] = 0;
            known.bp_slot[depth] = fresh.bp_slot[k];
            known.flags[depth] = with_check(flags, fresh.bp_slot[k]);
            last_.hash[depth] = hash = mix(hash, fresh.pc[k]);
        }
        last_.whole = whole;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        store(last_.depth, depth);
        return hash;
    }

    /// What was in bp and is no frame pointer may be a block's address: the search for who holds what would find it here.
    void forget_fresh()
    {
        for (uint32_t k = 0; k < n_; k++)
            last_.fresh.bp[k] = 0;
    }

    LastStack &last_;
    const RuleTable *table_;
    State at_;
    uint32_t n_ = 0; // states in last_.fresh
};

} // namespace

void walk_stack(const Caller &caller, Stack &stack)
{
    const RuleTable *table = load(unwind_rules, __ATOMIC_ACQUIRE);
    State at{caller.pc, caller.sp, caller.bp};
    uint32_t depth = 0;
    for (;;) {
        stack.pc[depth++] = at.pc;
        if (depth == UNPAIRED_MAX_DEPTH)
            break;
        uint64_t bp_slot;
        const Step how = step(at, rule_for(at.pc, table), bp_slot);
        if (how == Step::general) {
            walk_with_libunwind(caller, stack);
            return;
        }
        if (how >= Step::ended)
            break;
    }
    stack.depth = depth;
}

namespace {

uint64_t walk_again(const Caller &caller, LastStack &last)
{
    const uint32_t generation = load(unwind_generation, __ATOMIC_ACQUIRE);
    if (UNPAIRED_UNLIKELY(last.generation != generation || !last.whole)) {
        last.depth = 0;
        last.generation = generation;
    }
    last.skipped = false;
    uint64_t hash;
    Rewalk walk(caller, last);
    if (UNPAIRED_LIKELY(walk.run(hash))) {
        last.distance += walk.new_states() - last.distance / 8;
        return hash;
    }
    Stack stack;
    walk_with_libunwind(caller, stack);
    return take_over(stack, last);
}

// A thread whose stacks share few frames with the one before asks the memo first, as long as that often knows them.
constexpr uint32_t far_apart = 8 * 5, too_many_misses = 256, pause_between_tries = 4096;

uint64_t look_up_or_walk(const Caller &caller, LastStack &last)
{
    uint64_t hash;
    if (last.pause != 0) {
        last.pause--;
        return walk_again(caller, last);
    }
    if (find_path(caller, load(unwind_generation, __ATOMIC_ACQUIRE), hash)) {
        last.misses -= last.misses != 0;
        last.skipped = true;
        return hash;
    }
    hash = walk_again(caller, last);
    remember_path(caller, last, hash);
    last.misses += 4;
    if (last.misses > too_many_misses) {
        last.misses = too_many_misses / 2;
        last.pause = pause_between_tries;
    }
    return hash;
}

} // namespace

uint64_t hash_stack(const Caller &caller, LastStack &last)
{
    return UNPAIRED_LIKELY(last.distance < far_apart) ? walk_again(caller, last) : look_up_or_walk(caller, last);
}

#else

void walk_stack(const Caller &caller, Stack &stack) { walk_with_libunwind(caller, stack); }

namespace {

uint64_t walk_again(const Caller &caller, LastStack &last)
{
    Stack stack;
    walk_with_libunwind(caller, stack);
    return take_over(stack, last);
}

} // namespace

uint64_t hash_stack(const Caller &caller, LastStack &last) { return walk_again(caller, last); }

#endif

} // namespace unpaired
