// The traces of tests/golden, one for each version of the format that was ever shipped, must still read and give
// the report beside them. tests/golden/README.md tells how a new one is made.
#include "input/read_trace.h"
#include "passes/analyze.h"
#include "trace_builder.h"
#include "writers/json.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

const std::filesystem::path folder = UNPAIRED_GOLDEN_DIR;

/// Something of every record and extent that format 1.0 has.
TraceBuilder golden_trace()
{
    TraceBuilder b;
    b.header.started_realtime_ns = UINT64_C(1800000000000000000);
    uint32_t accept = b.site(
        "accept4", {"libmodbus.so.5!modbus_tcp_accept", "serve_one@server.c:11", "main@server.c:40"}, "MBUS");
    uint32_t block = b.site("malloc", {"get_block@mem.c:4", "subscribe@mqtt.c:9", "main@server.c:41"}, "MQTT",
                            UNPAIRED_OWNER_RULE);
    uint32_t other = b.site("malloc", {"get_block@mem.c:4", "publish@mqtt.c:20", "main@server.c:42"}, "MQTT",
                            UNPAIRED_OWNER_RULE);
    uint32_t lock = b.site("pthread_rwlock_init", {"new_table@wasm.c:5", "main@server.c:43"}, "WASM",
                           UNPAIRED_OWNER_MODULE);
    uint32_t freed = b.site("free", {"drop_table@wasm.c:9", "main@server.c:44"});
    uint32_t open = b.site("fopen", {"open_log@log.c:3", "main@server.c:45"});
    uint32_t inner = b.site("malloc", {"libc.so.6!fopen", "open_log@log.c:3", "main@server.c:45"});
    uint32_t lwip = b.site("lwip_socket", {"connect_one@net.c:3", "main@server.c:46"}, "NET");
    uint32_t lwip_close = b.site("lwip_close", {"drop_one@net.c:8", "main@server.c:47"});
    uint32_t held = b.site("pthread_mutex_lock", {"worker@w.c:7", "libc.so.6!start_thread"});
    uint32_t twice = b.site("malloc", {"make@d.c:1", "main@server.c:48"});
    uint32_t first = b.site("free", {"first@d.c:2", "main@server.c:49"});
    uint32_t second = b.site("free", {"second@d.c:3", "main@server.c:50"});

    for (uint32_t cycle = 0; cycle <= 4; cycle++) {
        if (cycle > 0)
            b.mark(cycle, cycle * 100);
        for (uint32_t i = 0; i < 3; i++)
            b.slot({.site = accept,
                    .handle = 5 + cycle * 3 + i,
                    .time_ms = cycle * 100 + 10,
                    .cycle = cycle,
                    .thread = 1});
    }
    b.counter(accept, 15, 2);
    b.leak(block, 7, 20);
    b.counter(other, 90);
    b.counter(lock, 9);
    b.anomaly({.kind = UNPAIRED_ANOMALY_STORAGE_FREED_LIVE,
               .function = "free",
               .acquire_site = lock,
               .release_site = freed,
               .count = 5,
               .space = "rwlock",
               .cycles = 4,
               .last_cycle = 4,
               .first_ms = 20,
               .last_ms = 420});
    uint32_t stream = b.slot({.site = open, .handle = 0x5000});
    b.slot({.site = inner, .handle = 0x6000, .size = 472, .parent = stream});
    b.counter(open, 2);
    b.counter(inner, 2);
    b.slot({.site = lwip, .handle = 0, .release_site = lwip_close, .observed = "lwip_shutdown"});
    b.counter(lwip, 3);
    b.anomaly({.kind = UNPAIRED_ANOMALY_RELEASE_FAILED,
               .function = "lwip_close",
               .acquire_site = lwip,
               .release_site = lwip_close,
               .result = -1,
               .count = 2,
               .observed = "lwip_shutdown",
               .space = "lwip_socket"});
    b.thread(2, 101, "worker");
    b.thread_end(2, 300);
    b.slot({.site = held, .handle = 0x7000, .thread = 2});
    b.counter(held, 4);
    b.counter(twice, 1);
    b.anomaly({.kind = UNPAIRED_ANOMALY_DOUBLE_RELEASE,
               .function = "free",
               .acquire_site = twice,
               .release_site = second,
               .first_release_site = first,
               .space = "heap",
               .bytes = 40});
    b.anomaly({.kind = UNPAIRED_ANOMALY_LIMIT_REACHED,
               .function = "accept4",
               .acquire_site = accept,
               .result = -1,
               .error = 24,
               .count = 2,
               .space = "fd"});
    b.limit("fd", "RLIMIT_NOFILE", 20);
    b.limit("fd", "FD_SETSIZE", 1024);
    b.image(2, 200, 1, 100, 150);
    for (uint64_t i = 0; i < 4; i++)
        b.slot({.site = block, .handle = 0x900 + i, .size = 30, .image = 2});
    b.counter(block, 4, 0, 0, 2);
    b.end(UNPAIRED_END_EXIT, 400, 2);
    b.exec(0, "/usr/bin/env", UNPAIRED_EXEC_UNRECORDED, 120);
    b.note(UNPAIRED_NOTE_FOREIGN_NEW, "/opt/lib/libown.so");
    b.open_descriptors({0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 500);
    b.end(UNPAIRED_END_EXIT, 500);
    b.child_end(100, 0, 501);
    return b;
}

std::string report_of_bytes(const std::vector<uint8_t> &bytes)
{
    Symbolize symbolize = golden_trace().symbols();
    std::vector<Trace> traces;
    traces.push_back(read_trace(bytes, "golden"));
    std::ostringstream out;
    write_json(out, analyze(traces, {}, symbolize));
    return out.str();
}

std::string contents(const std::filesystem::path &path)
{
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

TEST_CASE("the golden traces of every shipped format version still give their reports")
{
    int traces = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".trace")
            continue;
        traces++;
        INFO(entry.path());
        std::string bytes = contents(entry.path());
        std::string expected = contents(std::filesystem::path(entry.path()).replace_extension(".json"));

        std::string report = report_of_bytes(std::vector<uint8_t>(bytes.begin(), bytes.end()));

        CHECK(nlohmann::json::parse(report) == nlohmann::json::parse(expected));
    }
    CHECK(traces >= 1);
}

// Not run by itself: unpaired_unit_tests "[regenerate]"
TEST_CASE("write the golden trace of this format version", "[.][regenerate]")
{
    std::vector<uint8_t> bytes = golden_trace().bytes();
    std::string name =
        "v" + std::to_string(UNPAIRED_TRACE_MAJOR) + "." + std::to_string(UNPAIRED_TRACE_MINOR);
    std::ofstream trace(folder / (name + ".trace"), std::ios::binary);
    trace.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    std::ofstream json(folder / (name + ".json"));
    json << report_of_bytes(bytes);
    REQUIRE((trace && json));
}
