#include "input/read_stream.h"

#include "firmware_samples.h"
#include "stream_builder.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

// Ids of the sample's dictionary.
constexpr uint8_t socket_id = 3, close_id = 4;

/// A device that connects `connections` times, closes each socket, keeps a block each time, and marks every fifth.
StreamBuilder connecting_device(const FirmwareElf &elf, uint32_t connections)
{
    const auto connect = static_cast<uint32_t>(after_call(elf, "mqtt_connect", "hook"));
    StreamBuilder b;
    b.stream();
    b.clock(1000);
    b.site({.site = 1, .frames = {{after_call(elf, "platform_memory_alloc", "hook"), 0}}});
    for (uint32_t i = 1; i <= connections; i++) {
        b.event(UNPAIRED_EVENT_ACQUIRE_AT, socket_id, 7, connect);
        b.acquire(0x20001000 + i * 32, 1, 20);
        if (i % 5 == 0)
            b.mark(i / 5, 1000 + i * 10);
        b.event(UNPAIRED_EVENT_ACQUIRE_FAILED, socket_id, 0, connect);
        b.release(7, connect, close_id);
        b.clock(1000 + i * 10, i / 5);
    }
    return b;
}

Trace read(const StreamBuilder &builder, const FirmwareElf &elf, const std::string &cycle_function)
{
    std::vector<Trace> runs = read_stream(builder.bytes(), "uart.bin", elf, cycle_function);
    REQUIRE(runs.size() == 1);
    return std::move(runs.front());
}

} // namespace

TEST_CASE(
    "a stream has every call, so each successful one of a function can begin a cycle, instead of the marks")
{
    const FirmwareElf elf = firmware();
    for (const char *function : {"lwip_socket", "lwip_close"}) {
        INFO(function);
        const Trace trace = read(connecting_device(elf, 20), elf, function);
        CHECK(trace.cycle_function == function);
        CHECK(trace.cycles == 20);
        CHECK(trace.marks.size() == 20);
        REQUIRE(trace.slots.size() == 20);
        const uint32_t before_first = function == std::string("lwip_close") ? 1 : 0;
        for (uint32_t i = 0; i < 20; i++)
            CHECK(trace.slots[i].cycle == i + 1 - before_first);
    }
}

TEST_CASE("without a function a stream's cycles are those that the device marked")
{
    const FirmwareElf elf = firmware();
    const Trace trace = read(connecting_device(elf, 20), elf, "");
    CHECK(trace.cycle_function.empty());
    CHECK(trace.cycles == 4);
    CHECK(trace.marks.size() == 4);
}

TEST_CASE("memory does not grow with a stream's cycles")
{
    const FirmwareElf elf = firmware();
    const Trace trace = read(connecting_device(elf, 5000), elf, "lwip_socket");
    CHECK(trace.cycles == 5000);
    CHECK(trace.marks.size() < 128 + 6 * 64);
    CHECK(trace.marks.back().cycle > 4900);
}

TEST_CASE("a function that the firmware does not have begins no cycle")
{
    const FirmwareElf elf = firmware();
    const Trace trace = read(connecting_device(elf, 20), elf, "accept4");
    CHECK(trace.cycle_function.empty());
    CHECK(trace.cycles == 4);
}
