#include "passes/tally.h"

#include "input/read_trace.h"
#include "trace_builder.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using unpaired::test::TraceBuilder;

namespace {

Tally look_at(const TraceBuilder &builder, TallyNames &names, const std::vector<uint32_t> &pids = {})
{
    Symbolize symbolize = builder.symbols();
    const Trace trace = read_trace(builder.bytes(), "x.trace");
    const std::vector<PairedImage> images = pair(trace);
    names.learn(trace, images, {}, symbolize);
    Tally tally;
    add_to(tally, trace, images, names, pids);
    return tally;
}

/// A look at `live` blocks of one place.
Tally blocks(double time_s, uint64_t live, uint32_t cycle = 0, const std::string &place = "subscribe")
{
    auto where = std::make_shared<TallyPlace>();
    where->key = place;
    where->owner = "MQTT";
    Tally tally;
    tally.time_s = time_s;
    tally.cycle = cycle;
    tally.counts[place] = {where, live, live * 20, live};
    return tally;
}

LiveRow only_row(const TallyHistory &history)
{
    const std::vector<LiveRow> rows = history.rows();
    REQUIRE(rows.size() == 1);
    return rows[0];
}

} // namespace

TEST_CASE("A look counts what is live by place and owner, with its bytes")
{
    TraceBuilder builder;
    const uint32_t mqtt = builder.site("malloc", {"subscribe@mqtt.c:50", "main@main.c:9"}, "MQTT");
    const uint32_t modbus = builder.site("malloc", {"reply@modbus.c:7", "main@main.c:9"}, "MBUS");
    builder.leak(mqtt, 3, 20, 0x10000);
    builder.leak(modbus, 2, 100, 0x20000);

    TallyNames names;
    const Tally tally = look_at(builder, names);

    REQUIRE(tally.counts.size() == 2);
    for (const auto &[key, count] : tally.counts) {
        const bool is_mqtt = count.place->owner == "MQTT";
        CHECK(count.live == (is_mqtt ? 3 : 2));
        CHECK(count.bytes == (is_mqtt ? 60 : 200));
        CHECK(count.place->blame.function == (is_mqtt ? "subscribe" : "reply"));
        CHECK(count.place->blame.line == (is_mqtt ? 50 : 7));
    }
}

TEST_CASE("Only the processes that are asked for are counted")
{
    TraceBuilder builder;
    builder.image(2, 200, 1, 100);
    const uint32_t site = builder.site("malloc", {"work@main.c:5", "main@main.c:9"});
    builder.leak(site, 3, 20);
    builder.slot({.site = site, .handle = 0x90000, .size = 20, .image = 2});
    builder.counter(site, 1, 0, 0, 2);

    TallyNames names;
    CHECK(look_at(builder, names, {200}).counts.begin()->second.live == 1);
    CHECK(look_at(builder, names, {100}).counts.begin()->second.live == 3);
    CHECK(look_at(builder, names).counts.begin()->second.live == 4);
}

TEST_CASE("What belongs to another resource is not counted beside it")
{
    TraceBuilder builder;
    const uint32_t stream = builder.site("fopen", {"open_log@log.c:5", "main@main.c:9"});
    const uint32_t buffer = builder.site("malloc", {"libc.so.6!fopen", "open_log@log.c:5", "main@main.c:9"});
    const uint32_t whole = builder.slot({.site = stream, .handle = 0x5000});
    builder.counter(stream, 1);
    builder.slot({.site = buffer, .handle = 0x6000, .size = 472, .parent = whole});
    builder.counter(buffer, 1);

    TallyNames names;
    const Tally tally = look_at(builder, names);

    uint64_t live = 0;
    for (const auto &[key, count] : tally.counts)
        live += count.live;
    CHECK(live == 1);
}

TEST_CASE("Growth is told since the first look, for each minute and for each cycle")
{
    TallyHistory history;
    history.add(blocks(0, 100, 7));
    history.add(blocks(30, 110, 9));

    const LiveRow row = only_row(history);
    CHECK(row.live == 110);
    CHECK(row.since_start == 10);
    CHECK(row.bytes_since_start == 200);
    CHECK(row.per_minute == Approx(20));
    REQUIRE(row.per_cycle);
    CHECK(*row.per_cycle == Approx(5));
}

TEST_CASE("Without a cycle since the first look nothing is told for each cycle")
{
    TallyHistory history;
    history.add(blocks(0, 1, 7));
    history.add(blocks(1, 2, 7));
    CHECK_FALSE(only_row(history).per_cycle);
}

TEST_CASE("The last minute is the last sixty seconds, and the whole time before it is over")
{
    TallyHistory history;
    for (int second = 0; second <= 300; second += 10)
        history.add(blocks(second, second < 200 ? 5 : 8));

    CHECK(only_row(history).last_minute == 0); // all of it stood still
    CHECK(only_row(history).since_start == 3);
    history.add(blocks(310, 20));
    CHECK(only_row(history).last_minute == 12);
}

TEST_CASE("What comes up later has grown from nothing, and what is gone has shrunk")
{
    TallyHistory history;
    history.add(blocks(0, 4, 0, "first"));
    history.add(blocks(10, 6, 0, "later"));

    for (const LiveRow &row : history.rows()) {
        const bool first = row.place->key == "first";
        CHECK(row.live == (first ? 0 : 6));
        CHECK(row.since_start == (first ? -4 : 6));
        CHECK(row.last_minute == (first ? -4 : 6));
    }
}

TEST_CASE("What was not live for a minute is left out, and comes back when it is")
{
    TallyHistory history;
    history.add(blocks(0, 4, 0, "first"));
    history.add(blocks(10, 6, 0, "other"));
    history.add(blocks(69, 6, 0, "other"));
    CHECK(history.rows().size() == 2);
    history.add(blocks(71, 6, 0, "other"));
    CHECK(history.rows().size() == 1);
    history.add(blocks(72, 1, 0, "first"));
    CHECK(history.rows().size() == 2);
}

TEST_CASE("A trend keeps the whole time in few points, its last being what is live now")
{
    TallyHistory history;
    for (uint64_t i = 0; i < 1000; i++)
        history.add(blocks(static_cast<double>(i), i));

    const std::vector<uint64_t> trend = only_row(history).trend;
    CHECK(trend.size() <= TallyHistory::trend_points + 1);
    CHECK(trend.size() >= TallyHistory::trend_points / 2);
    CHECK(trend.front() == 0);
    CHECK(trend.back() == 999);
    CHECK(std::is_sorted(trend.begin(), trend.end()));
}

TEST_CASE("Rows are sorted by growth, bytes, count or owner")
{
    auto row = [](const std::string &owner, uint64_t live, uint64_t bytes, int64_t since) {
        auto place = std::make_shared<TallyPlace>();
        place->owner = owner;
        place->key = owner;
        LiveRow made;
        made.place = place;
        made.live = live;
        made.bytes = bytes;
        made.since_start = since;
        return made;
    };
    std::vector<LiveRow> rows = {row("BBBB", 1, 900, 5), row("AAAA", 7, 10, 1), row("CCCC", 3, 20, 9)};
    auto first = [&](RowOrder order) {
        sort_rows(rows, order);
        return rows[0].place->owner;
    };
    CHECK(first(RowOrder::rate) == "CCCC");
    CHECK(first(RowOrder::bytes) == "BBBB");
    CHECK(first(RowOrder::count) == "AAAA");
    CHECK(first(RowOrder::owner) == "AAAA");
}
