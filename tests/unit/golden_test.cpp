// The traces of tests/golden, one for each version of the format that was ever shipped, must still read and give
// the report beside them. tests/golden/README.md tells how a new one is made.
#include "firmware_samples.h"
#include "input/read_stream.h"
#include "input/read_trace.h"
#include "passes/analyze.h"
#include "stream_builder.h"
#include "symbols/symbolizer.h"
#include "trace_builder.h"
#include "writers/json.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace unpaired;
using unpaired::test::after_call;
using unpaired::test::StreamBuilder;
using unpaired::test::TraceBuilder;

namespace {

const std::filesystem::path folder = UNPAIRED_GOLDEN_DIR;

/// Something of every record and extent that the format has.
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
    uint32_t inner = b.site("malloc", {"libc.so.6!fopen"}, nullptr, UNPAIRED_OWNER_SCOPE, 1,
                            UNPAIRED_SITE_OUTER(open, 2)); // since 1.2: goes on as the other
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
    b.image(2, 200, 1, 100, 150, 1);
    for (uint64_t i = 0; i < 4; i++)
        b.slot({.site = block, .handle = 0x900 + i, .size = 30, .image = 2});
    b.counter(block, 4, 0, 0, 2);
    b.end(UNPAIRED_END_EXIT, 400, 2);
    b.exec(0, "/usr/bin/env", UNPAIRED_EXEC_UNRECORDED, 120);
    b.note(UNPAIRED_NOTE_FOREIGN_NEW, "/opt/lib/libown.so");
    b.note(UNPAIRED_NOTE_CYCLE_FUNCTION, "accept4");
    b.open_descriptors({0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, 500);
    // 1.1
    const uint32_t kept = b.site("malloc", {"settings@conf.c:7", "main@server.c:50"}, "CONF");
    const uint32_t list = b.slot({.site = kept, .handle = 0x8000, .size = 64});
    const uint32_t name = b.slot({.site = kept, .handle = 0x8100, .size = 16});
    b.counter(kept, 2);
    const uint32_t dropped = b.site("malloc", {"reload@conf.c:30", "main@server.c:51"}, "CONF");
    const uint32_t head = b.slot({.site = dropped, .handle = 0x8200, .size = 24});
    const uint32_t next = b.slot({.site = dropped, .handle = 0x8300, .size = 24});
    const uint32_t cursor = b.slot({.site = dropped, .handle = 0x8400, .size = 24});
    b.counter(dropped, 3);
    b.look(450, 4,
           {{.slot = head, .state = UNPAIRED_REACH_REACHABLE, .holder = UNPAIRED_HOLDER_DATA, .at = 0x9000}});
    b.look(500, 4,
           {{.slot = list,
             .state = UNPAIRED_REACH_REACHABLE,
             .holder = UNPAIRED_HOLDER_STACK,
             .by = 100,
             .at = 0x9100},
            {.slot = name,
             .state = UNPAIRED_REACH_REACHABLE,
             .holder = UNPAIRED_HOLDER_BLOCK,
             .by = list,
             .at = 0x8010},
            {.slot = head, .state = UNPAIRED_REACH_LOST},
            {.slot = next,
             .state = UNPAIRED_REACH_LOST,
             .holder = UNPAIRED_HOLDER_BLOCK,
             .flags = UNPAIRED_REACH_INDIRECT,
             .by = head,
             .at = 0x8200},
            {.slot = cursor,
             .state = UNPAIRED_REACH_POSSIBLY,
             .holder = UNPAIRED_HOLDER_STALE,
             .flags = UNPAIRED_REACH_INTERIOR,
             .at = 0x9200}});
    b.preview(head, "retained message");
    b.note(UNPAIRED_NOTE_REACH_UNKNOWN, "of image 2: process_vm_readv is not permitted here");
    b.note(UNPAIRED_NOTE_SEALED, "");
    b.end(UNPAIRED_END_EXIT, 500);
    b.child_end(100, 0, 501);
    // 1.2: every event of the forked child
    const uint64_t of_block = uint64_t{block} << 2;
    b.events({{of_block | UNPAIRED_LOGGED_ACQUIRED_SIZED, 31},
              {of_block | UNPAIRED_LOGGED_ACQUIRED},
              {UNPAIRED_LOGGED_TIME << 2 | UNPAIRED_LOGGED_OTHER, 200},
              {of_block | UNPAIRED_LOGGED_ACQUIRED},
              {of_block | UNPAIRED_LOGGED_ACQUIRED}},
             0, 0, 1, 2);
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

/// Something of every record that stream version 1 has, sent by the sample image beside it.
StreamBuilder golden_stream(const FirmwareElf &elf)
{
    constexpr uint8_t malloc_id = 1, free_id = 2, socket_id = 3, close_id = 4, shutdown_id = 5, init_id = 6;
    const uint64_t scanned = after_call(elf, "allocate", "hook");
    const auto connect = static_cast<uint32_t>(after_call(elf, "mqtt_connect", "hook"));
    const auto place = static_cast<uint32_t>(after_call(elf, "run", "mqtt_connect"));
    std::string id;
    for (size_t i = 0; i < elf.build_id.size(); i += 2)
        id += static_cast<char>(std::stoi(elf.build_id.substr(i, 2), nullptr, 16));

    StreamBuilder b;
    b.other("boot: board v2\r\n");
    b.stream(id);
    b.clock(1000);
    unpaired_record_thread thread = {1, 7, 1, 0, 1000, "mqtt_rx"};
    b.record(UNPAIRED_RECORD_THREAD, thread);
    // the second word is left over from an older call
    b.site({.site = 1,
            .owner = "MQTT",
            .frames = {{scanned, 0},
                       {after_call(elf, "callback", "allocate"), 1},
                       {after_call(elf, "middle", "allocate"), 2},
                       {after_call(elf, "calls_tail", "tail"), 2},
                       {after_call(elf, "Reset_Handler", "calls_tail"), 2}}});
    b.site({.site = 2, .function = socket_id, .family = 2, .frames = {{connect, 0}}});
    b.site({.site = 3, .generation = 9, .function = init_id, .family = 3, .frames = {{connect, 0}}});
    for (uint32_t cycle = 0; cycle < 6; cycle++) {
        if (cycle > 0)
            b.mark(cycle, 1000 + cycle * 1000);
        b.acquire(0x20001000 + cycle * 64, 1, 20);
        b.acquire(0x20002000, 1, 24);
        b.release(0x20002000, place);
        b.clock(1500 + cycle * 1000, cycle, cycle == 5 ? 3 : 0);
    }
    for (uint32_t socket = 0; socket < 3; socket++) {
        b.acquire(socket, 2, 0, socket_id);
        b.event(UNPAIRED_EVENT_OBSERVE, shutdown_id, socket, place, 0);
        b.event(UNPAIRED_EVENT_RELEASE_FAILED, close_id, socket, place, static_cast<uint32_t>(-1));
    }
    b.event(UNPAIRED_EVENT_ACQUIRE_FAILED, socket_id, 0, connect, 0);
    b.acquire(0x20003000, 3, 0, init_id, 9);
    b.event(UNPAIRED_EVENT_REINITIALISED, init_id, 0x20003000, place);
    b.event(UNPAIRED_EVENT_DOUBLE_RELEASE, free_id, 0x20002000, place);
    b.event(UNPAIRED_EVENT_RELEASE_UNKNOWN, close_id, 9, place, static_cast<uint32_t>(-1));
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20004000, connect, 40);
    b.event(UNPAIRED_EVENT_RELEASE_ERROR, free_id, 0x20004000, place, 1);
    b.lose(2);
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20005000, connect, 40);
    unpaired_record_anomaly anomaly = {};
    anomaly.image = 1;
    anomaly.kind = UNPAIRED_ANOMALY_TAG_OVERWRITTEN;
    anomaly.space = 1;
    anomaly.function = free_id;
    anomaly.acquire_site = 1;
    anomaly.release_site = place;
    anomaly.count = 1;
    b.record(UNPAIRED_RECORD_ANOMALY, anomaly);
    b.end(9000);
    return b;
}

std::string report_of_stream(const std::vector<uint8_t> &bytes, const std::filesystem::path &elf)
{
    FirmwareElf firmware = read_firmware_elf(elf.string());
    firmware.path = "golden.elf"; // the folder is not part of what must stay
    Symbolizer symbolizer({});
    Symbolize symbolize = [&](const Module &module, uint64_t address) {
        return symbolizer.resolve({elf.string(), module.build_id, module.start, module.end, module.bias},
                                  address);
    };
    std::ostringstream out;
    write_json(out, analyze(read_stream(bytes, "golden", firmware), {}, symbolize));
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

TEST_CASE("the golden streams of every shipped stream version still give their reports")
{
    int streams = 0;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".stream")
            continue;
        streams++;
        INFO(entry.path());
        const std::string bytes = contents(entry.path());
        const auto beside = [&](const char *extension) {
            return std::filesystem::path(entry.path()).replace_extension(extension);
        };
        const std::string report =
            report_of_stream(std::vector<uint8_t>(bytes.begin(), bytes.end()), beside(".elf"));
        CHECK(nlohmann::json::parse(report) == nlohmann::json::parse(contents(beside(".json"))));
    }
    CHECK(streams >= 1);
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

// After a judgement has changed: unpaired_unit_tests "[reports]", then look at the difference
TEST_CASE("write the reports of all golden traces and streams", "[.][reports]")
{
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
        const std::filesystem::path &path = entry.path();
        const std::string bytes = contents(path);
        const std::vector<uint8_t> data(bytes.begin(), bytes.end());
        if (path.extension() == ".trace")
            std::ofstream(std::filesystem::path(path).replace_extension(".json")) << report_of_bytes(data);
        if (path.extension() == ".stream")
            std::ofstream(std::filesystem::path(path).replace_extension(".json"))
                << report_of_stream(data, std::filesystem::path(path).replace_extension(".elf"));
    }
}

// Likewise
TEST_CASE("write the golden stream of this stream version", "[.][regenerate]")
{
    const std::string name = "stream-v" + std::to_string(UNPAIRED_STREAM_VERSION);
    const std::filesystem::path elf = folder / (name + ".elf");
    std::filesystem::copy_file(unpaired::test::firmware_path(), elf,
                               std::filesystem::copy_options::overwrite_existing);
    const std::vector<uint8_t> bytes = golden_stream(read_firmware_elf(elf.string())).bytes();
    std::ofstream stream(folder / (name + ".stream"), std::ios::binary);
    stream.write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    std::ofstream json(folder / (name + ".json"));
    json << report_of_stream(bytes, elf);
    REQUIRE((stream && json));
}
