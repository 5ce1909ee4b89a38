#include "input/read_trace.h"
#include "passes/analyze.h"
#include "trace_builder.h"
#include "writers/json.h"

#include <catch2/catch.hpp>
#include <random>
#include <sstream>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

/// A trace with something of everything, so that damage can hit all of it.
TraceBuilder rich_trace()
{
    TraceBuilder b;
    uint32_t open = b.site("fopen", {"load@conf.c:3", "main@main.c:9"}, "CONF");
    uint32_t block = b.site("malloc", {"libc.so.6!fopen", "load@conf.c:3", "main@main.c:9"});
    uint32_t lock = b.site("pthread_rwlock_init", {"table@t.c:1", "main@main.c:10"});
    uint32_t freed = b.site("free", {"drop@t.c:2", "main@main.c:11"});
    uint32_t held = b.site("pthread_mutex_lock", {"work@w.c:1", "main@main.c:12"});
    uint32_t accept = b.site("accept4", {"serve@s.c:1", "main@main.c:13"});
    uint32_t stream = b.slot({.site = open, .handle = 0x5000});
    b.slot({.site = block, .handle = 0x6000, .size = 552, .parent = stream});
    b.leak(accept, 40, 0, 5);
    b.slot({.site = held, .handle = 0x7000, .thread = 1});
    const uint32_t lost = b.slot({.site = block, .handle = 0x8000, .size = 30});
    const uint32_t inner = b.slot({.site = block, .handle = 0x8100, .size = 30});
    b.look(
        800, 3,
        {{.slot = lost, .state = UNPAIRED_REACH_LOST},
         {.slot = inner,
          .state = UNPAIRED_REACH_LOST,
          .holder = UNPAIRED_HOLDER_BLOCK,
          .flags = 2,
          .by = lost},
         {.slot = stream, .state = UNPAIRED_REACH_REACHABLE, .holder = UNPAIRED_HOLDER_DATA, .at = 0x9000}});
    b.preview(lost, "first bytes");
    b.anomaly({.kind = UNPAIRED_ANOMALY_STORAGE_FREED_LIVE,
               .function = "free",
               .acquire_site = lock,
               .release_site = freed,
               .count = 5});
    b.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
               .function = "accept4",
               .acquire_site = accept,
               .count = 1,
               .space = "fd"});
    b.limit("fd", "RLIMIT_NOFILE", 64);
    b.open_descriptors({0, 1, 2, 5, 6, 7}, 900);
    b.image(2, 200, 1, 100, 50);
    b.slot({.site = accept, .handle = 9, .image = 2});
    b.mark(1, 100);
    b.mark(2, 200);
    b.mark(3, 300);
    b.end(UNPAIRED_END_EXIT, 1000);
    return b;
}

/// Reads and analyses to the last byte of output; true if it was taken for a trace.
bool whole_way(const std::vector<uint8_t> &bytes, Symbolize &symbolize)
{
    try {
        std::vector<Trace> traces;
        traces.push_back(read_trace(bytes, "x"));
        std::ostringstream out;
        write_json(out, analyze(traces, {}, symbolize));
        return !out.str().empty();
    } catch (const InputError &) {
        return false;
    }
}

} // namespace

TEST_CASE("a trace with any byte changed is analysed to the end or refused")
{
    TraceBuilder builder = rich_trace();
    Symbolize symbolize = builder.symbols();
    const std::vector<uint8_t> bytes = builder.bytes();
    REQUIRE(whole_way(bytes, symbolize));
    std::mt19937 random(20260729);
    int analysed = 0;
    for (int round = 0; round < 3000; round++) {
        std::vector<uint8_t> damaged = bytes;
        // the file is mostly padding: half of the hits go where something stands
        for (int hits = 1 + static_cast<int>(random() % 8); hits > 0;) {
            size_t at = random() % damaged.size();
            if (damaged[at] == 0 && random() % 16 != 0)
                continue;
            damaged[at] = random() % 3 == 0 ? uint8_t{0xff} : static_cast<uint8_t>(random());
            hits--;
        }
        if (random() % 8 == 0)
            damaged.resize(random() % damaged.size());
        analysed += whole_way(damaged, symbolize) ? 1 : 0;
    }
    CHECK(analysed > 2000);
}

TEST_CASE("a well-formed trace with nonsense in its fields is analysed to the end")
{
    // Records whose checks are right, as a broken recorder would write them.
    std::mt19937 random(4711);
    for (int round = 0; round < 300; round++) {
        TraceBuilder builder = rich_trace();
        Symbolize symbolize = builder.symbols();
        for (int n = 0; n < 20; n++) {
            uint8_t payload[96];
            for (uint8_t &byte : payload)
                byte =
                    random() % 2 == 0 ? static_cast<uint8_t>(random() % 4) : static_cast<uint8_t>(random());
            uint8_t type = static_cast<uint8_t>(1 + random() % 19);
            // the format's check of an anomaly is only defined for a whole one
            size_t length =
                type == UNPAIRED_RECORD_ANOMALY ? sizeof(unpaired_record_anomaly) : 8 * (1 + random() % 12);
            builder.record(type, payload, length);
        }
        CHECK(whole_way(builder.bytes(), symbolize));
    }
}
