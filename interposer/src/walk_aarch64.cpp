// The walk by cached rules on aarch64: each time from the innermost frame to the outermost.
#include "walk_by_rules.h"

#if defined(__aarch64__)

#include "cfi_aarch64.h"

#include <csignal>
#include <ucontext.h>

namespace unpaired {
namespace {

using cfi::Kind;
using cfi::Rule;

struct State : WalkState {
    uint64_t x30; ///< counts behind a signal's frame only
};

inline Step step(State &at, const Rule &rule)
{
    if (rule.kind == Kind::signal) {
        // struct rt_sigframe (arch/arm64/kernel/signal.c): the siginfo, then the ucontext.
        const mcontext_t &machine =
            reinterpret_cast<const ucontext_t *>(at.sp + sizeof(siginfo_t))->uc_mcontext;
        at = {{machine.pc + 1, machine.sp, machine.regs[29]}, machine.regs[30]};
        return at.pc > 4096 ? Step::plain : Step::ended;
    }
    if (rule.kind != Kind::from_sp && rule.kind != Kind::from_bp)
        return rule.kind == Kind::unknown ? Step::general : Step::ended;
    const uint64_t cfa =
        (rule.kind == Kind::from_sp ? at.sp : at.bp) + static_cast<uint64_t>(int64_t{rule.cfa_offset});
    if (cfa < at.sp || cfa - at.sp > sane_frame || cfa % 8 != 0)
        return Step::ended;
    const uint64_t saved = cfa + static_cast<uint64_t>(8 * int64_t{rule.bp_words});
    uint64_t pc = at.x30;
    at.x30 = 0; // of one frame only
    if (rule.spare == cfi::beside_x29) {
        pc = word_at(saved + 8);
        at.bp = word_at(saved);
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
    walk_whole(caller, State{{without_signature(caller.pc), caller.sp, caller.bp}, 0}, stack, step);
}

} // namespace unpaired

#endif
