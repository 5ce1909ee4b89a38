#include "input/read_stream.h"

#include "firmware_samples.h"
#include "passes/analyze.h"
#include "stream_builder.h"
#include "symbols/symbolizer.h"
#include "unpaired/owner_tag.h"
#include "writers/text.h"

#include <algorithm>
#include <array>
#include <random>

using namespace unpaired;
using namespace unpaired::test;

namespace {

// Ids of the sample's dictionary.
constexpr uint8_t malloc_id = 1, free_id = 2, socket_id = 3, close_id = 4, shutdown_id = 5, init_id = 6,
                  pbuf_id = 8, pbuf_free_id = 9, pool_id = 10;
constexpr uint8_t socket = 2, rwlock = 3, pbuf = 4, pool = 5;

const FirmwareElf &image()
{
    static const FirmwareElf elf = firmware();
    return elf;
}

uint64_t in_alloc() { return after_call(image(), "platform_memory_alloc", "hook"); }
uint64_t in_connect() { return after_call(image(), "mqtt_connect", "hook"); }
uint64_t in_run() { return after_call(image(), "run", "mqtt_connect"); }

std::string build_id()
{
    std::string bytes;
    for (size_t i = 0; i < image().build_id.size(); i += 2)
        bytes += static_cast<char>(std::stoi(image().build_id.substr(i, 2), nullptr, 16));
    return bytes;
}

/// A device that connects over and over, loses 20 bytes each time, and gives the session back.
StreamBuilder leaking_device(uint32_t cycles = 5)
{
    StreamBuilder b;
    b.stream(build_id());
    b.clock(1000);
    b.site({.site = 1, .owner = "MQTT", .frames = {{in_alloc(), 0}}});
    b.site({.site = 2, .frames = {{in_connect(), 0}}});
    for (uint32_t cycle = 0; cycle < cycles; cycle++) {
        if (cycle > 0)
            b.mark(cycle, 1000 + cycle * 1000);
        b.acquire(0x20001000 + cycle * 32, 1, 20);
        b.acquire(0x20008000, 2, 40);
        b.release(0x20008000, in_run());
        b.clock(1500 + cycle * 1000, cycle);
    }
    return b;
}

Trace only_run(const std::vector<uint8_t> &bytes, const FirmwareElf &elf = image())
{
    std::vector<Trace> traces = read_stream(bytes, "uart.bin", elf);
    REQUIRE(traces.size() == 1);
    return std::move(traces.front());
}
Trace only_run(const StreamBuilder &builder) { return only_run(builder.bytes()); }

Report report_of(std::vector<Trace> traces)
{
    Symbolizer symbolizer({});
    Symbolize symbolize = [&](const Module &module, uint64_t address) {
        return symbolizer.resolve({module.path, module.build_id, module.start, module.end, module.bias},
                                  address);
    };
    return analyze(traces, {}, symbolize);
}

std::string error_of(const std::vector<uint8_t> &bytes, const FirmwareElf &elf = image())
{
    try {
        read_stream(bytes, "uart.bin", elf);
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

bool says(const Trace &trace, const std::string &what)
{
    return std::any_of(trace.damage.begin(), trace.damage.end(),
                       [&](const std::string &one) { return one.find(what) != std::string::npos; });
}

const Site &site_of(const Trace &trace, const Slot &slot) { return trace.sites.at(slot.site); }

} // namespace

TEST_CASE("a stream becomes a trace: what is live at its end, who acquired it, and when")
{
    const Trace trace = only_run(leaking_device());

    CHECK(trace.damage.empty());
    CHECK(trace.source == UNPAIRED_SOURCE_WRAP);
    CHECK(trace.address_size == 4);
    CHECK(trace.images.at(1).program == image().path);
    CHECK(trace.images.at(1).time_ms == 1000);
    CHECK(trace.images.at(1).last_ms == 5500);
    CHECK(trace.cycles == 4);
    CHECK(trace.marks.size() == 4);
    REQUIRE(trace.slots.size() == 5);
    CHECK(trace.slots[2].handle == 0x20001040);
    CHECK(trace.slots[2].size == 20);
    CHECK(trace.slots[2].cycle == 2);
    CHECK(trace.slots[2].time_ms == 3000);
    const Site &site = site_of(trace, trace.slots[2]);
    CHECK(site.owner == unpaired_owner_from_magic("MQTT"));
    CHECK(site.stack == std::vector<uint64_t>{in_alloc()});
    REQUIRE(trace.counters.size() == 2);
    CHECK(trace.counters[1].acquired == 5);
    CHECK(trace.counters[1].bytes == 200);
    CHECK(trace.counters[1].peak_bytes == 40);
}

TEST_CASE("the report of a stream names the leak per cycle in one sentence")
{
    StreamBuilder b;
    b.stream();
    // run calls mqtt_subscribe, which calls platform_memory_alloc: 8-byte frames, as the rules of the image say
    const uint64_t subscribe = after_call(image(), "mqtt_subscribe", "platform_memory_alloc");
    b.site({.site = 1, .owner = "MQTT", .frames = {{in_alloc(), 0}}});
    b.site({.site = 2, .owner = "MQTT", .frames = {{subscribe, 0}}});
    for (uint32_t cycle = 0; cycle < 7; cycle++) {
        b.clock(1000 * cycle, cycle);
        b.acquire(0x20001000 + cycle * 32, 2, 20);
    }
    const Report report = report_of({only_run(b)});

    const std::string text = write_text(report, {});
    CHECK(text.find("firmware.elf: 1 leak (still running, 6.0 s, 6 cycles)") != std::string::npos);
    CHECK(
        text.find("7 of 7 heap blocks of 20 B (140 B) never freed, 1 per cycle: malloc in mqtt_subscribe") !=
        std::string::npos);
    CHECK(text.find("grows all the time, 1 per cycle") != std::string::npos);
}

TEST_CASE("code near address 0 has its own names and lines, not those of what the linker threw away")
{
    const FirmwareElf low = firmware("low.elf");
    StreamBuilder b;
    b.stream();
    for (uint32_t i = 0; i < 2; i++)
        b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20001000 + i * 64,
                static_cast<uint32_t>(after_call(low, "mqtt_connect", "hook")), 40);
    const std::string text = write_text(report_of({only_run(b.bytes(), low)}), {});
    CHECK(text.find("malloc in mqtt_connect, mqtt.c:15") != std::string::npos);
}

TEST_CASE("a capture that begins in the middle accuses nobody of what came before it")
{
    const StreamBuilder whole = leaking_device();
    const std::vector<size_t> borders = whole.borders();
    // from the first release on
    std::vector<uint8_t> late(whole.bytes().begin() + static_cast<ptrdiff_t>(borders[6]),
                              whole.bytes().end());
    const Trace trace = only_run(late);

    CHECK(trace.anomalies.empty());
    CHECK(trace.events_lost == 0);
    CHECK(trace.slots.size() == 4);
    CHECK(says(trace, "does not begin with the device's start"));
    CHECK(says(trace,
               "8 acquisitions, of which 4 (80 B) are still held, are of call sites that the capture does "
               "not tell"));
    const Report report = report_of({trace}); // outlives the loop over what is in it
    REQUIRE_FALSE(report.images.at(0).findings.empty());
    for (const Finding &finding : report.images.at(0).findings)
        CHECK(finding.severity == Severity::note);
}

TEST_CASE("a call site that is told only later names what was acquired before")
{
    StreamBuilder b;
    b.acquire(0x20001000, 7, 20, malloc_id, 3);
    b.site({.site = 7, .generation = 4, .frames = {{in_connect(), 0}}}); // the number's next use
    b.site({.site = 7, .generation = 3, .owner = "MQTT", .frames = {{in_alloc(), 0}}});
    const Trace trace = only_run(b);

    REQUIRE(trace.slots.size() == 1);
    CHECK(site_of(trace, trace.slots[0]).stack == std::vector<uint64_t>{in_alloc()});
    CHECK(site_of(trace, trace.slots[0]).owner == unpaired_owner_from_magic("MQTT"));
}

TEST_CASE("a site number that is given away begins a new site, and the same call again is the same site")
{
    StreamBuilder b;
    b.stream();
    b.site({.site = 1, .generation = 0, .frames = {{in_alloc(), 0}}});
    b.acquire(0x20001000, 1, 20);
    b.site({.site = 1, .generation = 1, .frames = {{in_connect(), 0}}});
    b.acquire(0x20002000, 1, 40, malloc_id, 1);
    b.site({.site = 1, .generation = 2, .frames = {{in_alloc(), 0}}});
    b.acquire(0x20003000, 1, 20, malloc_id, 2);
    const Trace trace = only_run(b);

    REQUIRE(trace.slots.size() == 3);
    CHECK(site_of(trace, trace.slots[1]).stack == std::vector<uint64_t>{in_connect()});
    CHECK(trace.slots[0].site == trace.slots[2].site);
    CHECK(trace.slots[0].site != trace.slots[1].site);
}

TEST_CASE("what found no room in the site table is known by its caller alone")
{
    StreamBuilder b;
    b.stream();
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20001000, static_cast<uint32_t>(in_connect()), 20);
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20002000, static_cast<uint32_t>(in_connect()), 20);
    b.clock(5, 0, 2);
    const Trace trace = only_run(b);

    REQUIRE(trace.slots.size() == 2);
    CHECK(trace.slots[0].site == trace.slots[1].site);
    CHECK(site_of(trace, trace.slots[0]).stack == std::vector<uint64_t>{in_connect()});
    CHECK(says(trace, "2 acquisitions found no room in the table of call sites"));
}

TEST_CASE("a release that fails keeps its resource, with what was tried and what came before")
{
    StreamBuilder b;
    b.stream();
    b.site({.site = 1, .function = socket_id, .family = socket, .frames = {{in_connect(), 0}}});
    for (int i = 0; i < 3; i++) {
        b.acquire(static_cast<uint32_t>(i), 1, 0, socket_id);
        b.event(UNPAIRED_EVENT_OBSERVE, shutdown_id, static_cast<uint32_t>(i), 0, 0);
        b.event(UNPAIRED_EVENT_RELEASE_FAILED, close_id, static_cast<uint32_t>(i),
                static_cast<uint32_t>(in_run()), static_cast<uint32_t>(-1));
    }
    const Trace trace = only_run(b);

    REQUIRE(trace.slots.size() == 3);
    REQUIRE(trace.anomalies.size() == 1);
    const Anomaly &failed = trace.anomalies[0];
    CHECK(failed.kind == UNPAIRED_ANOMALY_RELEASE_FAILED);
    CHECK(failed.count == 3);
    CHECK(failed.result == -1);
    CHECK(failed.acquire_site == trace.slots[0].site);
    CHECK(failed.observed == shutdown_id);
    CHECK(trace.slots[2].release_site == failed.release_site);
    const std::string text = write_text(report_of({trace}), {});
    CHECK(text.find("3 of 3 closes failed (-1), each after lwip_shutdown returned 0, at ") !=
          std::string::npos);
}

TEST_CASE("each kind of event is told as the anomaly it is")
{
    const auto place = static_cast<uint32_t>(in_run());
    StreamBuilder b;
    b.stream();
    b.site({.site = 1, .frames = {{in_alloc(), 0}}});
    b.site({.site = 2, .function = init_id, .family = rwlock, .frames = {{in_connect(), 0}}});
    b.site({.site = 3, .function = pool_id, .family = pool, .frames = {{in_connect(), 0}}});
    b.acquire(0x20001000, 1, 20);
    b.release(0x20001000, in_run());
    b.event(UNPAIRED_EVENT_DOUBLE_RELEASE, free_id, 0x20001000, place);
    b.event(UNPAIRED_EVENT_RELEASE_UNKNOWN, close_id, 5, place, static_cast<uint32_t>(-1));
    b.acquire(0x20002000, 2, 0, init_id);
    b.event(UNPAIRED_EVENT_REINITIALISED, init_id, 0x20002000, place);
    b.acquire(0x20002000, 2, 0, init_id);
    b.acquire(0x20003000, 3, 20, pool_id);
    b.release(0x20003000, in_run()); // free() of a pool's block
    b.acquire(0x20004000, 1, 20);
    b.event(UNPAIRED_EVENT_RELEASE_ERROR, free_id, 0x20004000, place, 1);
    b.event(UNPAIRED_EVENT_ACQUIRE_FAILED, malloc_id, 0, place, 4096);
    b.event(static_cast<unpaired_event>(99), free_id, 0, place); // of a later version
    const Trace trace = only_run(b);

    std::vector<int> kinds;
    for (const Anomaly &anomaly : trace.anomalies)
        kinds.push_back(anomaly.kind);
    CHECK(kinds == std::vector<int>{UNPAIRED_ANOMALY_DOUBLE_RELEASE, UNPAIRED_ANOMALY_RELEASE_UNKNOWN,
                                    UNPAIRED_ANOMALY_REINITIALISED_LIVE, UNPAIRED_ANOMALY_MISMATCHED_RELEASE,
                                    UNPAIRED_ANOMALY_RELEASED_WITH_ERROR});
    const Anomaly &twice = trace.anomalies[0];
    CHECK(trace.sites.at(twice.acquire_site).stack == std::vector<uint64_t>{in_alloc()});
    CHECK(trace.sites.at(twice.first_release_site).stack == std::vector<uint64_t>{in_run()});
    CHECK(trace.slots.size() == 1); // the object initialised again
    uint64_t failed = 0;
    for (const Counter &counter : trace.counters)
        failed += counter.failed;
    CHECK(failed == 1);
}

TEST_CASE("a live block handed out again was released unseen, and a counted handle is held as often as taken")
{
    StreamBuilder b;
    b.stream();
    b.site({.site = 1, .frames = {{in_alloc(), 0}}});
    b.site({.site = 2, .function = pbuf_id, .family = pbuf, .frames = {{in_connect(), 0}}});
    b.acquire(0x20001000, 1, 20);
    b.acquire(0x20001000, 1, 24);
    b.acquire(0x20005000, 2, 0, pbuf_id);
    b.acquire(0x20005000, 2, 0, pbuf_id);
    b.acquire(0x20005000, 2, 0, pbuf_id);
    b.release(0x20005000, in_run(), pbuf_free_id);
    const Trace trace = only_run(b);

    CHECK(trace.slots.size() == 3);
    CHECK(trace.counters.at(0).released_unseen == 1);
    CHECK(trace.counters.at(0).acquired == 2);
}

TEST_CASE("events that did not arrive are counted by the gap in their numbers")
{
    StreamBuilder b;
    b.stream();
    b.site({.site = 1, .frames = {{in_alloc(), 0}}});
    b.lose(3);
    b.acquire(0x20001000, 1, 20);
    b.lose(65533); // numbers wrap
    b.acquire(0x20002000, 1, 20);
    const Trace trace = only_run(b);

    CHECK(trace.events_lost == 65536);
    CHECK(says(trace, "65536 events were lost on the way"));
}

TEST_CASE("each start of the device is a run of its own")
{
    StreamBuilder b = leaking_device(5);
    const StreamBuilder second = leaking_device(2);
    b.other(std::string(second.bytes().begin(), second.bytes().end()));
    std::vector<Trace> runs = read_stream(b.bytes(), "uart.bin", image());

    REQUIRE(runs.size() == 2);
    CHECK(runs[0].slots.size() == 5);
    CHECK(runs[0].images.at(1).run == 1);
    CHECK(runs[0].images.at(1).restarted);
    CHECK(runs[1].slots.size() == 2);
    CHECK(runs[1].cycles == 1);
    CHECK_FALSE(runs[1].images.at(1).restarted);
    const std::string text = write_text(report_of(std::move(runs)), {});
    CHECK(text.find("(run 1, restarted, ") != std::string::npos);
}

TEST_CASE("a clock that goes back is a start whose record was lost")
{
    StreamBuilder b;
    b.stream();
    b.clock(50000);
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20001000, static_cast<uint32_t>(in_connect()), 20);
    b.clock(3);
    b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20002000, static_cast<uint32_t>(in_connect()), 20);
    CHECK(read_stream(b.bytes(), "uart.bin", image()).size() == 2);
}

TEST_CASE("a repeated beginning with nothing between is one run")
{
    StreamBuilder b;
    b.stream();
    b.stream();
    b.acquire(0x20001000, 1, 20);
    CHECK(read_stream(b.bytes(), "uart.bin", image()).size() == 1);
}

TEST_CASE("other output on the same line is stepped over and is no damage")
{
    StreamBuilder b;
    b.other("\r\n*** Booting board v2 ***\r\n");
    b.stream();
    b.other("wifi: connected\n");
    b.site({.site = 1, .frames = {{in_alloc(), 0}}});
    b.acquire(0x20001000, 1, 20);
    b.other("x");
    b.acquire(0x20002000, 1, 20);
    const Trace trace = only_run(b);

    CHECK(trace.slots.size() == 2);
    CHECK(trace.damage.empty());
}

TEST_CASE("a stream cut at any byte gives what was whole of it")
{
    const StreamBuilder whole = leaking_device(3);
    const std::vector<size_t> borders = whole.borders();
    for (size_t cut = borders[1]; cut < whole.bytes().size(); cut++) {
        const std::vector<uint8_t> head(whole.bytes().begin(),
                                        whole.bytes().begin() + static_cast<ptrdiff_t>(cut));
        const size_t records =
            static_cast<size_t>(std::upper_bound(borders.begin(), borders.end(), cut) - borders.begin()) - 1;
        const std::vector<uint8_t> exact(whole.bytes().begin(),
                                         whole.bytes().begin() + static_cast<ptrdiff_t>(borders[records]));
        const Trace trace = only_run(head), same = only_run(exact);
        CHECK(trace.slots.size() == same.slots.size());
        CHECK(trace.damage == same.damage);
    }
    for (size_t cut = 1; cut < borders[borders.size() - 2]; cut++) {
        const std::vector<uint8_t> tail(whole.bytes().begin() + static_cast<ptrdiff_t>(cut),
                                        whole.bytes().end());
        CHECK(only_run(tail).missing_bytes == 0);
    }
}

TEST_CASE("a flipped byte loses the record it lies in and no other")
{
    const StreamBuilder whole = leaking_device(3);
    const std::vector<size_t> borders = whole.borders();
    const uint64_t events = 9;
    for (size_t at = 0; at < whole.bytes().size(); at++)
        for (int bit : {0, 7}) {
            std::vector<uint8_t> bytes = whole.bytes();
            bytes[at] = static_cast<uint8_t>(bytes[at] ^ (1 << bit));
            std::vector<Trace> runs = read_stream(bytes, "uart.bin", image());
            REQUIRE(runs.size() == 1);
            const Trace &trace = runs[0];
            uint64_t acquired = 0;
            for (const Counter &counter : trace.counters)
                acquired += counter.acquired;
            CHECK(acquired >= 5);
            CHECK(trace.slots.size() <= 4);
            CHECK(trace.events_lost <= 1);
            CHECK(acquired + trace.events_lost <= events);
        }
}

TEST_CASE("random damage of every kind is survived")
{
    const StreamBuilder whole = leaking_device(20);
    std::mt19937 random(7);
    for (int round = 0; round < 300; round++) {
        std::vector<uint8_t> bytes = whole.bytes();
        for (int i = 0; i < 20; i++) {
            const size_t at = random() % bytes.size();
            if (random() % 3 == 0)
                bytes.erase(bytes.begin() + static_cast<ptrdiff_t>(at));
            else
                bytes[at] = static_cast<uint8_t>(random());
        }
        try {
            (void)report_of(read_stream(bytes, "uart.bin", image()));
        } catch (const InputError &error) {
            FAIL(error.what());
        }
    }
}

TEST_CASE("records whose contents make no sense are survived")
{
    std::mt19937 random(11);
    for (int round = 0; round < 2000; round++) {
        StreamBuilder b;
        b.event(UNPAIRED_EVENT_ACQUIRE_AT, malloc_id, 0x20001000, static_cast<uint32_t>(in_connect()), 20);
        for (int i = 0; i < 6; i++) {
            std::array<uint8_t, 88> noise;
            for (uint8_t &byte : noise)
                byte = static_cast<uint8_t>(random() % 4 == 0 ? random() : random() % 12);
            static constexpr uint8_t types[] = {8, 10, 11, 14, 65, 66, 67, 68, 66, 65, 77};
            b.record(types[random() % std::size(types)], noise);
        }
        try {
            (void)report_of(read_stream(b.bytes(), "uart.bin", image()));
        } catch (const InputError &error) {
            CHECK(std::string(error.what()).find("was not sent by") != std::string::npos);
        }
    }
}

TEST_CASE("noise, and files that are nothing of ours, are told in one line")
{
    std::mt19937 random(3);
    std::vector<uint8_t> noise(200'000);
    for (uint8_t &byte : noise)
        byte = static_cast<uint8_t>(random());
    CHECK(error_of(noise).find("uart.bin: holds no record of a stream") == 0);
    CHECK(error_of({}).find("uart.bin: holds no record of a stream") == 0);
}

TEST_CASE("a stream of another build is told by its build-id")
{
    StreamBuilder b;
    b.stream(std::string(20, 'x'));
    b.acquire(0x20001000, 1, 20);
    CHECK(error_of(b.bytes()).find("uart.bin: was sent by the firmware with build-id 7878") == 0);
}

TEST_CASE("without a build-id another build is told by return addresses that follow no call")
{
    StreamBuilder b = leaking_device();
    CHECK(error_of(b.bytes(), firmware("unnamed.elf")).empty());
    CHECK(error_of(b.bytes(), firmware("moved.elf")).find("uart.bin: was not sent by") == 0);
}

TEST_CASE("a stream of another version or word size is told in one line")
{
    StreamBuilder later, wide;
    later.stream("", 4, 2);
    CHECK(error_of(later.bytes()).find("is a stream of version 2, this unpaired reads 1") !=
          std::string::npos);
    wide.stream("", 8);
    CHECK(error_of(wide.bytes()).find("was sent by a 64-bit machine") != std::string::npos);
}
