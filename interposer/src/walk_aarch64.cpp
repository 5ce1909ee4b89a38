// The walk by cached rules on aarch64: each time from the innermost frame to the outermost.
#include "walk.h"

#if defined(__aarch64__)

#include "cfi_aarch64.h"

#include <csignal>
#include <ucontext.h>

namespace unpaired {
namespace {

using cfi::Kind;
using cfi::Rule;

/// Where a walk is: the frame that `pc` returns into. `x30` counts behind a signal's frame only.
struct State {
    uint64_t pc, sp, x29, x30;
};
enum class Step : uint8_t { plain, ended, general };

inline Step step(State &at, const Rule &rule)
{
    if (rule.kind == Kind::signal) {
        // struct rt_sigframe (arch/arm64/kernel/signal.c): the siginfo, then the ucontext.
        const mcontext_t &machine =
            reinterpret_cast<const ucontext_t *>(at.sp + sizeof(siginfo_t))->uc_mcontext;
        at = {machine.pc + 1, machine.sp, machine.regs[29], machine.regs[30]};
        return at.pc > 4096 ? Step::plain : Step::ended;
    }
    if (rule.kind != Kind::from_sp && rule.kind != Kind::from_bp)
        return rule.kind == Kind::unknown ? Step::general : Step::ended;
    const uint64_t cfa =
        (rule.kind == Kind::from_sp ? at.sp : at.x29) + static_cast<uint64_t>(int64_t{rule.cfa_offset});
    if (cfa < at.sp || cfa - at.sp > sane_frame || cfa % 8 != 0)
        return Step::ended;
    const uint64_t saved = cfa + static_cast<uint64_t>(8 * int64_t{rule.bp_words});
    uint64_t pc = at.x30;
    at.x30 = 0; // of one frame only
    if (rule.spare == cfi::beside_x29) {
        pc = word_at(saved + 8);
        at.x29 = word_at(saved);
    } else if (rule.spare == cfi::alone) {
        pc = word_at(saved);
    }
    at.pc = without_signature(pc);
    at.sp = cfa;
    return at.pc >= 4096 ? Step::plain : Step::ended;
}

} // namespace

void walk_stack(const Caller &caller, Stack &stack)
{
    const RuleTable *table = load(unwind_rules, __ATOMIC_ACQUIRE);
    State at{without_signature(caller.pc), caller.sp, caller.bp, 0};
    uint32_t depth = 0;
    for (;;) {
        stack.pc[depth++] = at.pc;
        if (depth == UNPAIRED_MAX_DEPTH)
            break;
        const Step how = step(at, rule_for(at.pc, table));
        if (how == Step::general) {
            walk_with_libunwind(caller, stack);
            return;
        }
        if (how == Step::ended)
            break;
    }
    stack.depth = depth;
}

} // namespace unpaired

#endif
