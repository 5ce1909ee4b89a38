// The walk: whole, from what the thread remembers of its last stack, and by the memo of paths. All at 24 frames or so,
// without frame pointers.
#include "micro.h"

#include "walk.h"

namespace {

using unpaired::Caller;
using unpaired::Thread;

constexpr int depth = 15; // frames below which the innermost 9 stand
constexpr unsigned paths = 200;
volatile int sink;

// Stands where a hook stands.
struct Walk {
    Thread &thread = unpaired::micro::recording_thread();
    uint64_t hash = 0;
    int64_t found = 0;

    __attribute__((noinline)) void nothing() { benchmark::DoNotOptimize(hash); }
    __attribute__((noinline)) void whole()
    {
        const Caller caller = UNPAIRED_CALLER();
        unpaired::Stack stack;
        walk_stack(caller, stack);
        benchmark::DoNotOptimize(stack.pc[stack.depth - 1]);
    }
    __attribute__((noinline)) void by_last_stack()
    {
        const Caller caller = UNPAIRED_CALLER();
        hash = hash_stack(caller, thread.last_stack);
        found += thread.last_stack.skipped; // by the memo
        benchmark::DoNotOptimize(hash);
    }
};
using Step = void (Walk::*)();

template <class Body> __attribute__((noinline)) void below(int frames, const Body &body)
{
    if (frames == 0)
        body();
    else
        below(frames - 1, body);
    sink = frames;
}

// 2^8 distinct ways down, 9 frames each.
template <int side> __attribute__((noinline)) void down(int level, unsigned path, Walk &walk, Step step)
{
    if (level == 0)
        (walk.*step)();
    else if (path & 1)
        down<1>(level - 1, path >> 1, walk, step);
    else
        down<0>(level - 1, path >> 1, walk, step);
    sink = side; // or the two would be one function
}

void one_path(benchmark::State &state, Step step)
{
    Walk walk;
    below(depth, [&] {
        for (auto _ : state)
            down<0>(8, 0, walk, step);
    });
}

// The innermost three frames differ from those of the walk before.
void near_paths(benchmark::State &state, Step step)
{
    Walk walk;
    below(depth + 6, [&] {
        unsigned turn = 0;
        for (auto _ : state)
            down<0>(2, ++turn % 2 != 0 ? 7 : 0, walk, step);
    });
}

// The one place that they are begun from: warming up elsewhere would be other stacks.
__attribute__((noinline)) void begin_random_path(uint64_t &random, Walk &walk, Step step)
{
    random ^= random << 13;
    random ^= random >> 7;
    random ^= random << 17;
    down<0>(8, static_cast<unsigned>(random % paths), walk, step);
    sink = 3;
}

struct RandomPaths {
    benchmark::State &state;
    Walk walk;
    uint64_t random = 88172645463325252u;

    __attribute__((noinline)) void run(uint64_t times, Step step)
    {
        for (uint64_t i = 0; i < times; i++)
            begin_random_path(random, walk, step);
        sink = 4;
    }
};

void random_paths(benchmark::State &state, Step step)
{
    RandomPaths all{state, {}};
    constexpr uint64_t batch = 1000;
    below(depth - 2, [&] {
        // first until all are known; from the same call, or they would be other stacks
        uint64_t times = 100 * batch;
        Step now = &Walk::by_last_stack;
        do {
            all.run(times, now);
            if (now != step || times != batch) {
                times = batch;
                now = step;
                all.walk.found = 0;
            }
        } while (state.KeepRunningBatch(batch));
    });
    if (step == &Walk::by_last_stack && all.walk.found < state.iterations() * 8 / 10)
        state.SkipWithError("the memo does not know these paths");
}

BENCHMARK_CAPTURE(one_path, nothing, &Walk::nothing)->Name("loop alone: one path");
BENCHMARK_CAPTURE(random_paths, nothing, &Walk::nothing)->Name("loop alone: random choice of 200 paths");
BENCHMARK_CAPTURE(one_path, walk whole, &Walk::whole)->Name("walk: whole, one path");
BENCHMARK_CAPTURE(one_path, walk again, &Walk::by_last_stack)->Name("walk: incremental, nothing changes");
BENCHMARK_CAPTURE(near_paths, walk near, &Walk::by_last_stack)->Name("walk: incremental, 3 frames change");
BENCHMARK_CAPTURE(random_paths, walk random, &Walk::whole)->Name("walk: whole, random choice of 200 paths");
BENCHMARK_CAPTURE(random_paths, walk memo, &Walk::by_last_stack)
    ->Name("walk: memo, random choice of 200 paths");

} // namespace
