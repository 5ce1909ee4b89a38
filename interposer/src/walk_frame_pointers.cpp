#include "walk_frame_pointers.h"

#include "lifecycle.h"
#include "modules.h"

#include <sys/uio.h>

namespace unpaired {
namespace {

constexpr uint64_t page = 4096;
/// The kernel keeps this much free of mappings below the outer end of the first thread's stack (mmap_base(), arch/x86 and
/// arch/arm64: at least 128 MiB): where the stack pointer is in there, all from it outwards is stack.
constexpr uint64_t kept_for_first_stack = 64u << 20;
constexpr uint64_t deepest_of_others = 64u << 20; ///< a stack pointer farther inwards is another stack's

/// How many of the `n` pages that end at `high` can be read, from there inwards.
uint64_t readable(uint64_t high, uint64_t n)
{
    constexpr unsigned batch = 64;
    iovec there[batch];
    char bytes[batch];
    for (uint64_t done = 0; done < n;) {
        const uint64_t count = n - done < batch ? n - done : batch;
        for (uint64_t i = 0; i < count; i++)
            there[i] = {reinterpret_cast<void *>(high - (done + i + 1) * page), 1};
        iovec here{bytes, count};
        const long got = sys::call(SYS_process_vm_readv, sys::getpid(), sys::of(&here), 1, sys::of(there),
                                   static_cast<long>(count), 0);
        if (got != static_cast<long>(count))
            return done + (got > 0 ? static_cast<uint64_t>(got) : 0);
        done += count;
    }
    return n;
}

/// Learns more of the stack, so that `sp` may be in it. Each time twice as much as is in use: of a stack of 8 MiB it is
/// asked for some seven times, and never again once its inner end was met.
void learn(StackBounds &bounds, uint64_t sp)
{
    if (!bounds.looked) {
        bounds.looked = true;
        const uint64_t first = process.stack_end;
        if (sp < first && first - sp < kept_for_first_stack) {
            bounds = {first - kept_for_first_stack, first, true, true};
            return;
        }
        bounds.high = sys::thread_pointer() & ~(page - 1);
        bounds.low = bounds.high;
    }
    if (bounds.complete || sp >= bounds.high || bounds.high - sp > deepest_of_others)
        return;
    if (sys::sealed() || seccomp_mode() != process.filter) {
        bounds.complete = true;
        return;
    }
    constexpr uint64_t least = 16;
    const uint64_t known = (bounds.high - bounds.low) / page, used = (bounds.high - sp) / page + 1;
    const uint64_t wanted = used + (used < least ? least : used);
    const uint64_t found = known + readable(bounds.low, wanted - known);
    bounds.complete = found < wanted;
    bounds.low = bounds.high - found * page;
}

/// Tells `frame` each return address from the caller's outwards.
template <class Frame> inline bool follow(const Caller &caller, LastStack &last, Frame frame)
{
    StackBounds &bounds = last.bounds;
    if (UNPAIRED_UNLIKELY(caller.sp < bounds.low || !bounds.looked))
        learn(bounds, caller.sp);
    if (caller.sp < bounds.low || caller.sp >= bounds.high)
        return false;
    frame(caller.pc);
    const CodeSpan program = code_spans[0], libraries = code_spans[1];
    const uint64_t last_pair = bounds.high - 16;
    uint64_t inner = caller.sp, bp = caller.bp;
    for (uint32_t depth = 1; depth < UNPAIRED_MAX_DEPTH; depth++) {
        if (bp < inner || bp > last_pair || bp - inner > sane_frame || bp % 8 != 0)
            break;
        const uint64_t pc = without_signature(word_at(bp + 8));
        if (pc - program.start >= program.end - program.start &&
            pc - libraries.start >= libraries.end - libraries.start)
            break;
        frame(pc);
        inner = bp + 16;
        bp = word_at(bp);
    }
    return true;
}

} // namespace

void begin_thread_walks(LastStack &last)
{
    last.bounds = {};
    last.distance = process.frame_pointers ? UINT32_MAX : 0;
}

bool stack_by_frame_pointers(const Caller &caller, LastStack &last, Stack &stack)
{
    stack.depth = 0;
    return follow(caller, last, [&stack](uint64_t pc) { stack.pc[stack.depth++] = pc; });
}

bool hash_by_frame_pointers(const Caller &caller, LastStack &last, uint64_t &hash)
{
    uint64_t sum = 0; // from the inside out, so that it does not wait for the end
    const bool found =
        follow(caller, last, [&sum](uint64_t pc) { sum = (sum + pc) * 0x9e3779b97f4a7c15ull; });
    hash = mix(sum, caller.pc);
    return found;
}

} // namespace unpaired
