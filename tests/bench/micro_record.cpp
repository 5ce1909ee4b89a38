// The tag, the slot, the log.
#include "micro.h"

#include "tag.h"

namespace {

using namespace unpaired;

constexpr size_t usable = 104;
constexpr uint32_t owner = UNPAIRED_OWNER('M', 'Q', 'T', 'T');
alignas(16) char block[128];

void write(benchmark::State &state)
{
    uint32_t slot = 0;
    for (auto _ : state) {
        write_tag(block, usable, 80, owner, 0x1234, ++slot);
        benchmark::ClobberMemory();
    }
}

void read(benchmark::State &state)
{
    write_tag(block, usable, 80, owner, 0x1234, 7);
    for (auto _ : state) {
        benchmark::ClobberMemory();
        benchmark::DoNotOptimize(read_tag(block, usable));
    }
}

void wipe(benchmark::State &state)
{
    write_tag(block, usable, 80, owner, 0x1234, 7);
    for (auto _ : state) {
        wipe_tag(trailer_of(block, usable), block);
        benchmark::ClobberMemory();
    }
}

// As one pair of malloc and free does it, stack and tag apart.
void take_publish_claim_send_home(benchmark::State &state)
{
    Thread &thread = micro::recording_thread();
    Acquired acquired{};
    acquired.handle = reinterpret_cast<uint64_t>(block);
    acquired.size = 80;
    acquired.site = 1;
    acquired.space = UNPAIRED_SPACE_heap;
    for (auto _ : state) {
        const uint32_t slot = take_slot(thread);
        publish(thread, slot, acquired);
        if (!claim(*slot_at(slot))) {
            state.SkipWithError("a slot just published could not be claimed");
            break;
        }
        send_home(thread, slot);
    }
}

void publish_alone(benchmark::State &state)
{
    Thread &thread = micro::recording_thread();
    const uint32_t slot = take_slot(thread);
    Acquired acquired{};
    acquired.handle = reinterpret_cast<uint64_t>(block);
    acquired.size = 80;
    acquired.site = 1;
    acquired.space = UNPAIRED_SPACE_heap;
    for (auto _ : state)
        publish(thread, slot, acquired);
    // live or not by chance: it must not look like a leak of the program's
    claim(*slot_at(slot));
}

void claim_and_restore(benchmark::State &state)
{
    Thread &thread = micro::recording_thread();
    const uint32_t slot = take_slot(thread);
    store(slot_at(slot)->sequence, 1u);
    for (auto _ : state) {
        benchmark::DoNotOptimize(claim(*slot_at(slot)));
        restore(*slot_at(slot));
    }
    claim(*slot_at(slot));
    send_home(thread, slot);
}

void append_to_the_log(benchmark::State &state)
{
    micro::recording_thread();
    const unpaired_record_limit record{};
    for (auto _ : state)
        if (append(UNPAIRED_RECORD_LIMIT, record) == nullptr) {
            state.SkipWithError("the log is full");
            break;
        }
}

BENCHMARK(write)->Name("tag: write");
BENCHMARK(read)->Name("tag: read");
BENCHMARK(wipe)->Name("tag: wipe");
BENCHMARK(take_publish_claim_send_home)->Name("slot: take, publish, claim, send home");
BENCHMARK(publish_alone)->Name("slot: publish");
BENCHMARK(claim_and_restore)->Name("slot: claim, restore");
// so many that all repetitions fit into a trace
BENCHMARK(append_to_the_log)->Name("log: append a record of 24 bytes")->Iterations(1 << 18);

} // namespace
