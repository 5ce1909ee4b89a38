#include "passes/growth.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace unpaired;

namespace {

std::vector<Age> in_cycles(const std::vector<uint32_t> &cycles)
{
    std::vector<Age> ages;
    for (uint32_t cycle : cycles)
        ages.push_back({cycle, cycle * 100});
    return ages;
}

/// What is left in a run of `last` cycles, each acquired in one of `cycles`.
GrowthVerdict over(uint32_t last, const std::vector<uint32_t> &cycles, uint64_t released = 0)
{
    return judge_growth(in_cycles(cycles), {last, 0, (last + 1) * 100}, released);
}

std::vector<uint32_t> every(uint32_t step, uint32_t first, uint32_t last)
{
    std::vector<uint32_t> cycles;
    for (uint32_t cycle = first; cycle <= last; cycle += step)
        cycles.push_back(cycle);
    return cycles;
}

std::vector<uint32_t> both(std::vector<uint32_t> a, const std::vector<uint32_t> &b)
{
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

} // namespace

TEST_CASE("survivors from every cycle are a linear leak, with their number per cycle")
{
    GrowthVerdict two_each = over(10, both(every(1, 1, 10), every(1, 1, 10)));
    CHECK(two_each.growth == Growth::linear);
    CHECK(two_each.per_cycle == Approx(2.0));
    CHECK(two_each.over_cycles);

    // marks at the end of each cycle instead of its beginning
    CHECK(over(3, {0, 1, 2}).over_cycles);
    CHECK(over(3, {1, 2, 3}).over_cycles);
    CHECK(over(3, {1, 2, 3}).per_cycle == Approx(1.0));
}

TEST_CASE("a leak in every tenth cycle goes in steps and has a tenth per cycle")
{
    GrowthVerdict tenth = over(40, {10, 20, 30, 40});
    CHECK(tenth.growth == Growth::step);
    CHECK(tenth.over_cycles);
    CHECK(tenth.per_cycle == Approx(0.1));
    CHECK(over(40, {3, 13, 25, 38}).over_cycles); // no clockwork
}

TEST_CASE("a leak that started halfway is one from then on")
{
    GrowthVerdict late = over(100, every(1, 51, 100));
    CHECK(late.growth == Growth::linear);
    CHECK(late.per_cycle == Approx(1.0));
    CHECK(late.over_cycles);
    CHECK(over(100, every(1, 90, 100)).over_cycles);
}

TEST_CASE("where as many were given back before, the same may be the last period of what comes and goes")
{
    GrowthVerdict third_quarter = over(100, every(1, 51, 100), 50);
    CHECK_FALSE(third_quarter.over_cycles);
    CHECK(third_quarter.growth == Growth::step);
    GrowthVerdict last_quarter = over(100, every(1, 90, 100), 89);
    CHECK_FALSE(last_quarter.over_cycles);
    CHECK(last_quarter.growth == Growth::sawtooth);
    // one old one among the young does not make a leak of a working set
    CHECK_FALSE(over(100, both({20}, every(1, 80, 100)), 900).over_cycles);
}

TEST_CASE("a leak of one block in three is one although most were given back")
{
    GrowthVerdict leak = over(100, every(1, 1, 100), 200);
    CHECK(leak.over_cycles);
    CHECK(leak.growth == Growth::linear);
}

TEST_CASE("a leak that stopped halfway is a plateau")
{
    GrowthVerdict stopped = over(100, every(1, 1, 50));
    CHECK(stopped.growth == Growth::plateau);
    CHECK_FALSE(stopped.over_cycles);
    CHECK_FALSE(stopped.still_growing);
    CHECK(stopped.per_cycle == 0);
}

TEST_CASE("bursts to the end are a leak in steps, one burst is none")
{
    std::vector<uint32_t> bursts;
    for (uint32_t cycle : {10u, 50u, 90u})
        bursts.insert(bursts.end(), 100, cycle);
    GrowthVerdict three = over(100, bursts);
    CHECK(three.growth == Growth::step);
    CHECK(three.over_cycles);
    CHECK(three.per_cycle == Approx(300.0 / 90));

    GrowthVerdict one = over(100, std::vector<uint32_t>(100, 50));
    CHECK(one.growth == Growth::plateau);
    CHECK_FALSE(one.over_cycles);
}

TEST_CASE("a cache of a hundred entries is a plateau, also while its last entries still come in")
{
    CHECK(over(1000, every(1, 1, 100)).growth == Growth::plateau);

    // entries by chance, each new key more rarely than the one before: 100 keys, one asked for in each cycle
    std::vector<uint32_t> filling;
    for (uint32_t entry = 1; entry < 99; entry++)
        filling.push_back(static_cast<uint32_t>(std::lround(-100 * std::log(1 - entry / 100.0))));
    GrowthVerdict cache = over(500, filling);
    CHECK_FALSE(cache.over_cycles);
    CHECK(cache.growth == Growth::plateau);
}

TEST_CASE("a pool that doubles is no leak, though its last step lies near the end")
{
    for (uint32_t last : {65u, 70u, 90u, 100u})
        CHECK_FALSE(over(last, {1, 2, 4, 8, 16, 32, 64}).over_cycles);
    CHECK_FALSE(over(20, {4, 8, 16}).over_cycles);
    // each chunk twice as large, and every entry of it a survivor
    std::vector<uint32_t> entries;
    for (uint32_t chunk : {1u, 2u, 4u, 8u, 16u, 32u, 64u})
        entries.insert(entries.end(), chunk, chunk);
    CHECK_FALSE(over(90, entries).over_cycles);
}

TEST_CASE("warm-up is no growth, and neither is what is in flight at the end")
{
    CHECK(over(10, {0, 0, 0, 1, 1, 2}).growth == Growth::plateau);
    CHECK(over(10, {0, 0, 0}).growth == Growth::plateau);
    CHECK(over(10, {10, 10, 10}).growth == Growth::sawtooth);
    // a cache filled in the first cycles, and one request under way
    CHECK_FALSE(over(10, {0, 1, 2, 3, 10}).over_cycles);
    CHECK(over(10, {0, 1, 2, 3, 10}).growth == Growth::plateau);
    // a connection kept from the first cycle, and two under way
    CHECK_FALSE(over(10, {1, 9, 10}).over_cycles);
}

TEST_CASE("neither warm-up nor what is in flight changes the number per cycle")
{
    std::vector<uint32_t> leak = every(1, 1, 20);
    leak.insert(leak.begin(), 30, 0); // a cache from before the first
    leak.insert(leak.end(), 7, 20);   // requests under way
    GrowthVerdict verdict = over(20, leak);
    CHECK(verdict.over_cycles);
    CHECK(verdict.per_cycle == Approx(1.0));
}

TEST_CASE("what is left of the last period only is a sawtooth")
{
    GrowthVerdict sawtooth = over(12, {10, 11, 11, 12, 12, 12});
    CHECK(sawtooth.growth == Growth::sawtooth);
    CHECK_FALSE(sawtooth.over_cycles);
}

TEST_CASE("a single survivor happened once, whenever that was")
{
    CHECK(over(10, {0}).growth == Growth::once);
    CHECK(over(10, {5}).growth == Growth::once);
    CHECK(over(10, {9}).growth == Growth::once);
}

TEST_CASE("two cycles are not enough to call it growth")
{
    CHECK_FALSE(over(10, {4, 9}).over_cycles);
    CHECK_FALSE(over(2, {1, 2}).over_cycles);
}

TEST_CASE("without cycles the clock tells a shape but no leak over cycles")
{
    std::vector<Age> spread, early, late, halfway;
    for (uint32_t i = 0; i < 20; i++) {
        spread.push_back({0, i * 50});
        early.push_back({0, i});
        late.push_back({0, 980 + i});
        halfway.push_back({0, 500 + i * 25});
    }
    Run run{0, 0, 1000};

    CHECK(judge_growth(spread, run).growth == Growth::linear);
    CHECK(judge_growth(spread, run).still_growing);
    CHECK_FALSE(judge_growth(spread, run).over_cycles);
    CHECK(judge_growth(early, run).growth == Growth::plateau);
    CHECK(judge_growth(late, run, 20).growth == Growth::sawtooth);
    CHECK(judge_growth(halfway, run).still_growing);
    CHECK_FALSE(judge_growth(halfway, run, 20).still_growing);
    CHECK(judge_growth({{0, 5}}, run).growth == Growth::once);

    // too short, or too few, to tell
    CHECK_FALSE(judge_growth(spread, {0, 0, 100}).growth.has_value());
    CHECK_FALSE(judge_growth({{0, 1}, {0, 500}, {0, 990}}, run).growth.has_value());
    CHECK_FALSE(judge_growth({}, run).growth.has_value());
}

TEST_CASE("a small multiple of the cycles is what each of them left")
{
    CHECK(left_by_each(38, 38) == 1);
    CHECK(left_by_each(76, 38) == 2);
    CHECK(left_by_each(3, 3) == 1);
}

TEST_CASE("the cycle that was under way may be missing, and one or two of a warm-up be too many")
{
    CHECK(left_by_each(74, 38) == 2);
    CHECK(left_by_each(37, 38) == 1);
    CHECK(left_by_each(78, 38) == 2);
    CHECK(left_by_each(41, 38) == 0);
    CHECK(left_by_each(72, 38) == 0);
}

TEST_CASE("of few cycles only their own number counts, for nearly every number is near a multiple")
{
    CHECK(left_by_each(6, 3) == 0);
    CHECK(left_by_each(4, 3) == 0);
    CHECK(left_by_each(2, 2) == 0);
    CHECK(left_by_each(1700, 100) == 0); // and 17 of anything are no small multiple
    CHECK(left_by_each(0, 10) == 0);
}

TEST_CASE("cycles known by their number alone tell a rate, and a leak only if the clock says so too")
{
    const Run blink{0, 0, 5}, hour{0, 0, 3600000};
    std::vector<Age> at_once(40), over_the_hour, at_the_start;
    for (uint32_t i = 0; i < 40; i++) {
        over_the_hour.push_back({0, i * 90000});
        at_the_start.push_back({0, i});
    }

    GrowthVerdict in_a_blink = judge_growth_by_number(40, at_once, blink, 20);
    CHECK(in_a_blink.growth == Growth::linear);
    CHECK(in_a_blink.per_cycle == Approx(2.0));
    CHECK_FALSE(in_a_blink.over_cycles);

    CHECK(judge_growth_by_number(40, over_the_hour, hour, 20).over_cycles);

    GrowthVerdict contradicted = judge_growth_by_number(40, at_the_start, hour, 20);
    CHECK(contradicted.growth == Growth::plateau);
    CHECK(contradicted.per_cycle == 0);
    CHECK_FALSE(contradicted.over_cycles);

    GrowthVerdict no_multiple = judge_growth_by_number(43, at_once, blink, 20);
    CHECK_FALSE(no_multiple.growth.has_value());
    CHECK(no_multiple.per_cycle == 0);
}

TEST_CASE("survivors are summed up by cycle, to the end of the run")
{
    const std::vector<GrowthPoint> points = sum_up(in_cycles({1, 1, 3}), {4, 0, 500});
    CHECK(points == std::vector<GrowthPoint>{{0, 0}, {1, 2}, {2, 2}, {3, 3}, {4, 3}});
}

TEST_CASE("a long run is summed up in 64 points, the last one with all")
{
    const std::vector<GrowthPoint> points = sum_up(in_cycles(every(1, 1, 10000)), {10000, 0, 500});
    REQUIRE(points.size() == 64);
    CHECK(points.front() == GrowthPoint{0, 0});
    CHECK(points.back() == GrowthPoint{10000, 10000});
    for (size_t i = 1; i < points.size(); i++)
        CHECK(points[i].x > points[i - 1].x);
}

TEST_CASE("without cycles survivors are summed up by second, if the clock is fine enough for the run")
{
    const std::vector<Age> ages = {{0, 1000}, {0, 2000}, {0, 4000}};
    const std::vector<GrowthPoint> points = sum_up(ages, {0, 1000, 5000});
    REQUIRE(points.size() == 64);
    CHECK(points.front() == GrowthPoint{0, 1}); // seconds of the image, not of the trace
    CHECK(points.back() == GrowthPoint{4, 3});
    CHECK(sum_up(ages, {0, 1000, 1050}).empty());
    CHECK(sum_up({}, {0, 0, 5000}).empty());
}
