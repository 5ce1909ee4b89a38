// The walk by cached rules (x86-64): return address → how to find the caller's frame.
#include "walk.h"

#include "path_memo.h"
#include "walk_by_rules.h"
#include "walk_frame_pointers.h"

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
    if (last.skipped) {
        if (process.frame_pointers && stack_by_frame_pointers(caller, last, stack))
            return;
        walk_again(caller, last);
    }
    stack.depth = last.depth;
    for (uint32_t i = 0; i < last.depth; i++)
        stack.pc[i] = last.known.pc[last.depth - 1 - i];
}

#if defined(__x86_64__)
namespace {

using cfi::Kind;
using cfi::Rule;

/// From a frame to its caller. `bp_slot`: where bp was read, or 0.
inline Step step(WalkState &at, const Rule &rule, uint64_t &bp_slot)
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

/// Whether the return address of state `i` stands where it was read.
inline bool returns(const StackStates &known, size_t i) { return word_at(known.slot[i]) == known.pc[i]; }

/// Whether the step from state `inner` outwards reads what it read before.
inline bool still_holds(const StackStates &known, size_t inner)
{
    const size_t outer = inner - 1;
    const uint8_t flags = known.flags[outer];
    if ((flags & StackStates::opaque) != 0 ||
        ((flags & StackStates::checks_bp) != 0 && word_at(known.bp_slot[outer]) != known.bp[outer]))
        return false;
    return returns(known, outer);
}

/// The outermost state to which, from state `from` on, each step reads what it read before. From the inside out: no
/// word is read that an unwinder would not read.
[[gnu::always_inline]] inline size_t holds_until(const LastStack &last, size_t from)
{
    const StackStates &known = last.known;
    uint64_t special = last.special & ((uint64_t{1} << from) - 1);
    for (size_t inner = from;;) {
        const size_t plain_until =
            UNPAIRED_LIKELY(special == 0) ? 0 : 64 - static_cast<size_t>(__builtin_clzll(special));
        for (; inner >= plain_until + 4; inner -= 4) {
            if (UNPAIRED_UNLIKELY(!returns(known, inner - 1)))
                return inner;
            if (UNPAIRED_UNLIKELY(!returns(known, inner - 2)))
                return inner - 1;
            if (UNPAIRED_UNLIKELY(!returns(known, inner - 3)))
                return inner - 2;
            if (UNPAIRED_UNLIKELY(!returns(known, inner - 4)))
                return inner - 3;
        }
        for (; inner > plain_until; inner--)
            if (UNPAIRED_UNLIKELY(!returns(known, inner - 1)))
                return inner;
        // Code with frame pointers has one special state after another.
        for (; inner != 0 && (last.special >> (inner - 1) & 1) != 0; inner--)
            if (UNPAIRED_UNLIKELY(!still_holds(known, inner)))
                return inner;
        if (inner == 0)
            return 0;
        special &= (uint64_t{1} << inner) - 1;
    }
}

/// A walk that goes on from what is known of the last one: where it is, and how many states it has put into `fresh`.
struct Progress {
    WalkState at;
    uint64_t bp_slot; ///< as step() told
    uint32_t n;
    uint8_t reached; ///< StackStates::opaque or 0
};

/// Whether it makes no difference to the rest of the walk that the frame pointer register was found to hold `bp`.
inline bool fits(const StackStates &known, size_t state, uint64_t bp)
{
    return (known.flags[state] & StackStates::needs_bp) == 0 || known.bp[state] == bp;
}

inline bool is(const StackStates &known, uint32_t state, const WalkState &at)
{
    return known.slot[state] == at.sp - 8 && known.pc[state] == at.pc && fits(known, state, at.bp);
}

/// Adds where we are to the new states; false when there are as many as are kept.
inline bool note(LastStack &last, Progress &walk)
{
    if (UNPAIRED_UNLIKELY(walk.n == UNPAIRED_MAX_DEPTH))
        return false;
    StackStates &fresh = last.fresh;
    fresh.slot[walk.n] = walk.at.sp - 8;
    fresh.pc[walk.n] = walk.at.pc;
    fresh.bp[walk.n] = walk.at.bp;
    fresh.bp_slot[walk.n] = walk.bp_slot;
    fresh.flags[walk.n] = walk.reached;
    walk.n++;
    return true;
}

/// States `from` … `to` (outwards) hold, the step from `to` may not: they count as walked, and we are at `to`. With
/// n = UNPAIRED_MAX_DEPTH + 1 if there are more of them than are kept.
[[gnu::noinline]] Progress take_along(LastStack &last, Progress walk, uint32_t from, uint32_t to)
{
    const StackStates &known = last.known;
    bool noted = note(last, walk);
    for (uint32_t i = from; noted; i--) {
        last.fresh.flags[walk.n - 1] |= known.flags[i] & StackStates::uses_bp;
        if (i == to)
            return walk;
        walk.at.pc = known.pc[i - 1];
        walk.at.sp = known.slot[i - 1] + 8;
        walk.bp_slot = known.bp_slot[i - 1];
        walk.reached = 0;
        // what was read and not needed then may be needed now, and may have changed
        if (walk.bp_slot != 0)
            walk.at.bp = word_at(walk.bp_slot);
        noted = note(last, walk);
    }
    walk.n = UNPAIRED_MAX_DEPTH + 1;
    return walk;
}

/// Puts the first `n` of the new states onto the `depth` outermost known ones, whose hash is given.
inline uint64_t put(LastStack &last, uint32_t n, uint32_t depth, uint64_t hash, bool whole)
{
    StackStates &known = last.known;
    StackStates &fresh = last.fresh;
    for (uint32_t k = n; k-- > 0; depth++) {
        unsigned flags = fresh.flags[k];
        const uint64_t bit = uint64_t{1} << depth, bp_slot = fresh.bp_slot[k];
        const bool outer_needs_ours = depth != 0 && known.bp_slot[depth - 1] == 0 &&
                                      (known.flags[depth - 1] & StackStates::needs_bp) != 0;
        uint64_t bp = 0;
        if ((flags & StackStates::uses_bp) != 0 || outer_needs_ours) {
            flags |= StackStates::needs_bp | (bp_slot != 0 ? StackStates::checks_bp : 0);
            bp = fresh.bp[k];
        }
        known.slot[depth] = fresh.slot[k];
        known.pc[depth] = fresh.pc[k];
        known.bp[depth] = bp;
        fresh.bp[k] = 0;
        known.bp_slot[depth] = bp_slot;
        known.flags[depth] = static_cast<uint8_t>(flags);
        last.special = (flags & StackStates::special) != 0 ? last.special | bit : last.special & ~bit;
        last.hash[depth] = hash = mix(hash, fresh.pc[k]);
    }
    last.whole = whole;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    store(last.depth, depth);
    return hash;
}

/// The new states stand on the known state `on`.
inline uint64_t join(LastStack &last, const Progress &walk, uint32_t on)
{
    if (walk.n == 0) { // the very stack of before, or an outer part of it
        last.depth = on + 1;
        return last.hash[on];
    }
    if (UNPAIRED_UNLIKELY(walk.n + on + 1 > UNPAIRED_MAX_DEPTH)) { // the outermost are cut off
        take_along(last, walk, on, 0);
        return put(last, UNPAIRED_MAX_DEPTH, 0, 0, false);
    }
    StackStates &known = last.known;
    unsigned flags = (known.flags[on] & (StackStates::uses_bp | StackStates::needs_bp)) | walk.reached;
    known.bp_slot[on] = walk.bp_slot;
    if ((flags & StackStates::needs_bp) != 0) {
        known.bp[on] = walk.at.bp;
        flags |= walk.bp_slot != 0 ? StackStates::checks_bp : 0;
    }
    known.flags[on] = static_cast<uint8_t>(flags);
    const uint64_t bit = uint64_t{1} << on;
    last.special = (flags & StackStates::special) != 0 ? last.special | bit : last.special & ~bit;
    return put(last, walk.n, on + 1, last.hash[on], true);
}

/// The commonest cases by themselves: the stack of before or an outer part of it, and one more call out of either. False:
/// it is neither, and nothing has changed.
inline bool is_near(const Caller &caller, LastStack &last, uint64_t &hash)
{
    StackStates &known = last.known;
    const uint64_t slot = caller.sp - 8;
    size_t depth = last.depth;
    while (depth != 0 && known.slot[depth - 1] < slot)
        depth--;
    if (depth != 0 && known.slot[depth - 1] == slot) {
        if (known.pc[depth - 1] == caller.pc && fits(known, depth - 1, caller.bp)) {
            if (holds_until(last, depth - 1) != 0)
                return false;
            last.depth = static_cast<uint32_t>(depth);
            hash = last.hash[depth - 1];
            return true;
        }
        depth--;
    }
    if (depth == 0 || depth == UNPAIRED_MAX_DEPTH)
        return false;
    const Rule rule = rule_for(caller.pc, load(unwind_rules, __ATOMIC_ACQUIRE));
    const bool by_bp = rule.kind == Kind::from_bp;
    const uint64_t cfa = (by_bp ? caller.bp : caller.sp) + static_cast<uint64_t>(int64_t{rule.cfa_offset});
    const uint64_t bp_slot = rule.bp_words == 0 ? 0 : cfa + static_cast<uint64_t>(8 * int64_t{rule.bp_words});
    const size_t outer = depth - 1;
    if ((rule.kind != Kind::from_sp && !by_bp) || known.slot[outer] != cfa - 8 ||
        known.bp_slot[outer] != bp_slot || (known.flags[outer] & StackStates::opaque) != 0 ||
        !returns(known, outer) || !fits(known, outer, bp_slot != 0 ? word_at(bp_slot) : caller.bp) ||
        holds_until(last, outer) != 0)
        return false;
    // A signal handler that leaves by longjmp must not leave it half told.
    store(last.depth, static_cast<uint32_t>(depth));
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    known.slot[depth] = slot;
    known.pc[depth] = caller.pc;
    const bool needs_bp = by_bp || (bp_slot == 0 && (known.flags[outer] & StackStates::needs_bp) != 0);
    known.bp[depth] = needs_bp ? caller.bp : 0;
    known.bp_slot[depth] = 0;
    known.flags[depth] =
        static_cast<uint8_t>((needs_bp ? StackStates::needs_bp : 0) | (by_bp ? StackStates::uses_bp : 0));
    last.special &= ~(uint64_t{1} << depth);
    last.hash[depth] = hash = mix(last.hash[outer], caller.pc);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    store(last.depth, static_cast<uint32_t>(depth + 1));
    return true;
}

/// The hash of the stack at `caller`, and how many of its states are new. False: the general unwinder must be asked, and
/// nothing is remembered.
inline bool rewalk(const Caller &caller, LastStack &last, uint64_t &hash, uint32_t &new_states)
{
    const RuleTable *table = load(unwind_rules, __ATOMIC_ACQUIRE);
    Progress walk{{caller.pc, caller.sp, caller.bp}, 0, 0, 0};
    uint32_t known = last.depth; // states 0 … known − 1 lie at or outwards of where we are
    // A signal handler that strikes now may leave by longjmp: then nothing must be half known.
    store(last.depth, 0u);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    bool whole = false;
    for (;;) {
        while (known != 0 && last.known.slot[known - 1] < walk.at.sp - 8)
            known--;
        if (known != 0 && is(last.known, known - 1, walk.at)) {
            const auto held = static_cast<uint32_t>(holds_until(last, known - 1));
            if (UNPAIRED_LIKELY(held == 0)) {
                new_states = walk.n;
                hash = join(last, walk, known - 1);
                return true;
            }
            walk = take_along(last, walk, known - 1, held);
            if (walk.n > UNPAIRED_MAX_DEPTH)
                break;
            known = held;
        } else if (!note(last, walk)) {
            break;
        }
        const Rule rule = rule_for(walk.at.pc, table);
        if (uses_bp(rule))
            last.fresh.flags[walk.n - 1] |= StackStates::uses_bp;
        const Step how = step(walk.at, rule, walk.bp_slot);
        if (UNPAIRED_UNLIKELY(how >= Step::ended)) {
            if (how == Step::general) {
                // What was in bp and is no frame pointer may be a block's address: the search for who holds what
                // would find it here.
                for (uint32_t k = 0; k < walk.n; k++)
                    last.fresh.bp[k] = 0;
                return false;
            }
            whole = how == Step::ended;
            break;
        }
        walk.reached = how == Step::opaque ? StackStates::opaque : 0;
    }
    new_states = walk.n < UNPAIRED_MAX_DEPTH ? walk.n : UNPAIRED_MAX_DEPTH;
    hash = put(last, new_states, 0, 0, whole);
    return true;
}

} // namespace

void walk_stack(const Caller &caller, Stack &stack)
{
    const auto outwards = [](WalkState &at, const Rule &rule) {
        uint64_t bp_slot;
        return step(at, rule, bp_slot);
    };
    walk_whole(caller, WalkState{caller.pc, caller.sp, caller.bp}, stack, outwards);
}

namespace {

[[gnu::noinline]] uint64_t ask_general_unwinder(const Caller &caller, LastStack &last)
{
    Stack stack;
    walk_with_libunwind(caller, stack);
    if (stack.depth == 0)
        walk_stack(caller, stack); // the depth that the rules reach
    return take_over(stack, last);
}

uint64_t walk_again(const Caller &caller, LastStack &last)
{
    const uint32_t generation = load(unwind_generation, __ATOMIC_ACQUIRE);
    if (UNPAIRED_UNLIKELY(last.generation != generation || !last.whole)) {
        last.depth = 0;
        last.generation = generation;
    }
    last.skipped = false;
    uint64_t hash;
    if (UNPAIRED_LIKELY(is_near(caller, last, hash))) {
        last.distance += 1 - last.distance / 8;
        return hash;
    }
    uint32_t new_states;
    if (UNPAIRED_UNLIKELY(!rewalk(caller, last, hash, new_states)))
        return ask_general_unwinder(caller, last);
    last.distance += new_states - last.distance / 8;
    return hash;
}

// A thread whose stacks share few frames with the one before asks the memo first, as long as that often knows them. How
// many frames are new is seen only by walking: now and then two in a row, of which the second counts.
constexpr uint32_t far_apart = 8 * 3, too_many_misses = 256, pause_between_tries = 4096,
                   hits_between_walks = 128;

/// Under --walk=frame-pointers, where every thread's stacks count as far apart.
uint64_t walk_as_asked(const Caller &caller, LastStack &last)
{
    uint64_t hash;
    last.skipped = hash_by_frame_pointers(caller, last, hash);
    if (last.skipped)
        return hash;
    hash = walk_again(caller, last);
    last.distance = UINT32_MAX;
    return hash;
}

/// Asks the memo from the next frame on: an acquisition and its release are often called by the same one.
[[gnu::noinline]] uint64_t look_up_or_walk(const Caller &caller, LastStack &last)
{
    if (UNPAIRED_UNLIKELY(process.frame_pointers))
        return walk_as_asked(caller, last);
    if (last.pause != 0) {
        last.pause--;
        return walk_again(caller, last);
    }
    WalkState at{caller.pc, caller.sp, caller.bp};
    uint64_t hash, bp_slot;
    const uint32_t generation = load(unwind_generation, __ATOMIC_ACQUIRE);
    if (step(at, rule_at(caller.pc), bp_slot) != Step::plain)
        return walk_again(caller, last);
    const Caller outer{at.pc, at.sp, at.bp};
    if (UNPAIRED_LIKELY(last.hits < hits_between_walks) && find_path(outer, generation, last, hash)) {
        last.misses -= last.misses != 0;
        last.hits++;
        last.skipped = true;
        return mix(hash, caller.pc);
    }
    const uint32_t distance = last.distance;
    const bool of_no_account = last.skipped; // the walk goes on from a stack long ago
    hash = walk_again(caller, last);
    if (of_no_account)
        last.distance = distance;
    else
        last.hits = 0;
    if (last.depth > 1 && last.known.slot[last.depth - 2] == outer.sp - 8 &&
        !remember_path(outer, last.depth - 1, last, last.hash[last.depth - 2])) {
        last.misses += 4;
        if (last.misses > too_many_misses) {
            last.misses = too_many_misses / 2;
            last.pause = pause_between_tries;
        }
    }
    return hash;
}

} // namespace

uint64_t hash_stack(const Caller &caller, LastStack &last)
{
    return UNPAIRED_LIKELY(last.distance < far_apart) ? walk_again(caller, last)
                                                      : look_up_or_walk(caller, last);
}

#else

#if !defined(__aarch64__) // walk_aarch64.cpp
void walk_stack(const Caller &caller, Stack &stack) { walk_with_libunwind(caller, stack); }
#endif

namespace {

uint64_t walk_again(const Caller &caller, LastStack &last)
{
    Stack stack;
    if (!process.frame_pointers || !stack_by_frame_pointers(caller, last, stack))
        walk_stack(caller, stack);
    last.skipped = false;
    return take_over(stack, last);
}

} // namespace

uint64_t hash_stack(const Caller &caller, LastStack &last) { return walk_again(caller, last); }

#endif

} // namespace unpaired
