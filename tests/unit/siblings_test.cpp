#include "analyze_helpers.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;

namespace {

const std::vector<std::string> leaking = {"create_pipe@pipe.c:52", "new_context@ctx.c:10", "main@main.c:9"};

/// A trace in which `count` of the leaking site's sockets are left.
TraceBuilder leak_of(uint64_t count = 10)
{
    TraceBuilder builder;
    builder.leak(builder.site("socket", leaking), count);
    builder.end(UNPAIRED_END_EXIT, 1000);
    return builder;
}

Rare<Sibling> sibling_in(const TraceBuilder &builder)
{
    return findings_of(builder, "never-released").at(0).sibling;
}

} // namespace

TEST_CASE("the twin of a leaking acquisition that is given back each time is named")
{
    TraceBuilder builder = leak_of();
    builder.counter(
        builder.site("socket", {"create_pipe@pipe.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 10);

    const Rare<Sibling> sibling = sibling_in(builder);

    REQUIRE(sibling);
    CHECK(sibling->function == "socket");
    CHECK(sibling->blame.function == "create_pipe");
    CHECK(sibling->blame.line == 50);
    CHECK(sibling->acquired == 10);
    CHECK(sibling->released == 10);
    CHECK(sibling->released_by == "close"); // the only function of this trace that closes descriptors
}

TEST_CASE("of several twins the nearest is named, the same function and acquirer first")
{
    TraceBuilder builder = leak_of();
    builder.counter(
        builder.site("accept4", {"create_pipe@pipe.c:51", "new_context@ctx.c:10", "main@main.c:9"}), 10);
    builder.counter(builder.site("socket", {"probe@pipe.c:53", "new_context@ctx.c:11", "main@main.c:9"}), 10);
    builder.counter(
        builder.site("socket", {"create_pipe@pipe.c:40", "new_context@ctx.c:10", "main@main.c:9"}), 10);
    builder.counter(
        builder.site("socket", {"create_pipe@pipe.c:48", "new_context@ctx.c:10", "main@main.c:9"}), 10);

    CHECK(sibling_in(builder)->blame.line == 48);
}

TEST_CASE("what is no example of how it should have ended is no twin")
{
    TraceBuilder builder = leak_of();
    SECTION("it leaks itself")
    {
        builder.leak(
            builder.site("socket", {"create_pipe@pipe.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 10, 0,
            0x20000);
    }
    SECTION("it leaks when it is called from elsewhere")
    {
        builder.counter(
            builder.site("socket", {"create_pipe@pipe.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 10);
        builder.leak(builder.site("socket", {"create_pipe@pipe.c:50", "main@main.c:12"}), 10, 0, 0x20000);
    }
    SECTION("it happens far more often")
    {
        builder.counter(
            builder.site("socket", {"create_pipe@pipe.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 1000);
    }
    SECTION("it lies in another file")
    {
        builder.counter(
            builder.site("socket", {"create_pipe@other.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 10);
    }
    SECTION("it is of another family")
    {
        builder.counter(
            builder.site("open", {"create_pipe@pipe.c:50", "new_context@ctx.c:10", "main@main.c:9"}), 10);
    }
    SECTION("it is the same place, from another caller")
    {
        builder.counter(builder.site("socket", {"create_pipe@pipe.c:52", "main@main.c:30"}), 10);
    }
    SECTION("it is acquired inside a library's call, which gives it back itself")
    {
        builder.counter(builder.site("socket", {"libmodbus.so.5!probe", "create_pipe@pipe.c:50",
                                                "new_context@ctx.c:10", "main@main.c:9"}),
                        10);
    }
    for (const Finding &finding : findings_of(builder, "never-released"))
        CHECK_FALSE(finding.sibling);
}

TEST_CASE("a note has no twin, for nobody asks how it should have ended")
{
    TraceBuilder builder;
    builder.leak(builder.site("malloc", {"load@conf.c:9", "main@main.c:9"}), 1, 100);
    builder.counter(builder.site("malloc", {"load@conf.c:5", "main@main.c:9"}), 1);
    builder.end(UNPAIRED_END_EXIT, 1000);

    CHECK_FALSE(sibling_in(builder));
}
