// What the report makes of a device: a firmware that does not end, and is one file with all its libraries.
#include "analyze_helpers.h"
#include "writers/text.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

/// The report of a trace as if a firmware had sent it.
Report report_of_device(const TraceBuilder &builder, uint64_t events_lost = 0)
{
    Symbolize symbolize = builder.symbols();
    Trace trace = read_trace(builder.bytes(), "uart.bin");
    trace.source = UNPAIRED_SOURCE_WRAP;
    trace.events_lost = events_lost;
    return analyze({trace}, {}, symbolize);
}

const std::vector<std::string> stack = {"f@f.c:3", "main@main.c:9"};

Finding finding_of_device(const TraceBuilder &builder, uint64_t events_lost = 0)
{
    Report report = report_of_device(builder, events_lost);
    REQUIRE(report.images.size() == 1);
    REQUIRE(report.images[0].findings.size() == 1);
    return report.images[0].findings[0];
}

/// Blocks acquired at these times, in a run of a minute.
Severity kept_at(const std::vector<uint32_t> &times_ms, const char *function = "malloc",
                 uint64_t acquired = 0)
{
    TraceBuilder builder;
    const uint32_t site = builder.site(function, stack);
    uint64_t handle = 0x1000;
    for (uint32_t time : times_ms)
        builder.slot({.site = site, .handle = handle += 32, .size = 20, .time_ms = time});
    builder.counter(site, std::max<uint64_t>(acquired, times_ms.size()));
    builder.mark(1, 60'000); // no cycle to compare with, but the time
    return finding_of_device(builder).severity;
}

/// The blamed function of blocks that are left of a stack.
std::string blamed_on_device(const std::vector<std::string> &frames)
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", frames), 3, 20);
    return finding_of_device(builder).blame.function;
}

} // namespace

TEST_CASE("what a device acquired at its start and keeps is for life")
{
    CHECK(kept_at({10, 20, 30}) == Severity::note);
    CHECK(kept_at({10, 20, 30}, "lwip_socket") == Severity::note);
    CHECK(kept_at({10, 20, 40'000}) == Severity::suspect);
    CHECK(kept_at({10, 20, 40'000}, "lwip_socket") == Severity::suspect);
}

TEST_CASE("a place that closes some of a device's handles did not open the early ones for life")
{
    CHECK(kept_at({10, 20, 30}, "lwip_socket", 3) == Severity::note);
    CHECK(kept_at({10, 20, 30}, "lwip_socket", 4) == Severity::suspect);
    CHECK(kept_at({10, 20, 30}, "malloc", 4) == Severity::note); // a cache that was filled
}

TEST_CASE("of a device one of anything is a note, two that came later are suspect")
{
    CHECK(kept_at({40'000}) == Severity::note);
    CHECK(kept_at({40'000}, "lwip_socket") == Severity::note);
    CHECK(kept_at({30'000, 40'000}) == Severity::suspect);
}

TEST_CASE("what comes and goes on a device was caught while it was there")
{
    const std::vector<uint32_t> late = {59'000, 59'100, 59'200, 59'300, 59'400, 59'500, 59'600, 59'700};
    CHECK(kept_at(late, "malloc", 1000) == Severity::note);
    CHECK(kept_at(late, "lwip_socket", 1000) == Severity::note);
    CHECK(kept_at(late) == Severity::suspect); // nothing of it was ever given back
}

TEST_CASE("what a device acquires in each cycle and keeps is a leak")
{
    TraceBuilder builder;
    const uint32_t site = builder.site("malloc", stack);
    for (uint32_t cycle = 0; cycle < 6; cycle++) {
        builder.mark(cycle + 1, cycle * 1000);
        builder.slot({.site = site, .handle = 0x1000 + cycle * 32, .size = 20, .cycle = cycle + 1});
    }
    builder.counter(site, 12);
    CHECK(finding_of_device(builder).severity == Severity::leak);

    SECTION("but not for sure where as many events were lost")
    {
        const Finding finding = finding_of_device(builder, 6);
        CHECK(finding.severity == Severity::suspect);
        CHECK(finding.remarks ==
              std::vector<std::string>{"6 events were lost: the releases of these may be among them"});
        CHECK(finding_of_device(builder, 5).severity == Severity::leak);
    }
}

TEST_CASE("on a device the C library, the C++ library and the RTOS are not to blame")
{
    CHECK(blamed_on_device({"malloc@/build/newlib-4/newlib/libc/stdlib/malloc.c:164", "app@app.c:1"}) ==
          "app");
    CHECK(blamed_on_device({"_strdup_r@/src/newlib/libc/string/strdup_r.c:10", "app@app.c:1"}) == "app");
    CHECK(blamed_on_device({"operator new(unsigned int)@../src/libstdc++-v3/libsupc++/new_op.cc:50",
                            "app@app.c:1"}) == "app");
    CHECK(blamed_on_device({"xTaskCreate@/fw/FreeRTOS/Source/tasks.c:800", "app@app.c:1"}) == "app");
    CHECK(blamed_on_device({"netconn_new@/fw/lwip-2.1.3/src/api/api_lib.c:120", "app@app.c:1"}) == "app");
    CHECK(blamed_on_device({"sys_new@/fw/port/lwip/sys_arch.c:20", "app@app.c:1"}) == "sys_new");
    // a callback is the program's, though the C library called it
    CHECK(blamed_on_device({"compare@app.c:7", "qsort@/src/newlib/libc/search/qsort.c:9", "app@app.c:1"}) ==
          "compare");
}

TEST_CASE("on a device a function without a source file is a library's, if others have one")
{
    CHECK(blamed_on_device({"vendor_blob", "app@app.c:1"}) == "app");
    CHECK(blamed_on_device({"connect", "app"}) == "connect");
}

TEST_CASE("acquisitions that failed are told, though they are no leak")
{
    TraceBuilder builder;
    const uint32_t site = builder.site("malloc", stack);
    builder.leak(site, 2, 20);
    builder.counter(builder.site("lwip_socket", stack), 0, 3);
    const Report report = report_of_device(builder);
    const auto &remarks = report.images.at(0).remarks;
    CHECK(std::find(remarks.begin(), remarks.end(), "lwip_socket failed 3 times") != remarks.end());
}

TEST_CASE("newlib's reentrant layer goes by the names that a program calls")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", stack), 2, 20);
    Symbolize symbolize = builder.symbols();
    Trace trace = read_trace(builder.bytes(), "uart.bin");
    trace.source = UNPAIRED_SOURCE_WRAP;
    trace.dictionary.functions[builder.function_id("malloc")].name = "_malloc_r";
    CHECK(analyze({trace}, {}, symbolize).images.at(0).findings.at(0).function == "malloc");
}
