#include "passes/growth.h"

#include <catch2/catch.hpp>

using namespace unpaired;

namespace {

std::vector<Age> in_cycles(const std::vector<uint32_t> &cycles)
{
    std::vector<Age> ages;
    for (uint32_t cycle : cycles)
        ages.push_back({cycle, cycle * 100});
    return ages;
}

GrowthVerdict over(uint32_t marks, const std::vector<uint32_t> &cycles)
{
    return judge_growth(in_cycles(cycles), {marks, 0, (marks + 1) * 100});
}

} // namespace

TEST_CASE("survivors from every cycle are a linear leak, with their number per cycle")
{
    GrowthVerdict two_each = over(10, {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10});
    CHECK(two_each.growth == Growth::linear);
    CHECK(two_each.per_cycle == Approx(2.0));
    CHECK(two_each.over_cycles);

    // marks at the end of each cycle instead of its beginning
    CHECK(over(3, {0, 1, 2}).over_cycles);
    CHECK(over(3, {1, 2, 3}).over_cycles);
    CHECK(over(3, {1, 2, 3}).per_cycle == Approx(1.0));
}

TEST_CASE("what was acquired at the start and kept is a plateau")
{
    GrowthVerdict cache = over(10, {0, 0, 0, 1, 1, 2});
    CHECK(cache.growth == Growth::plateau);
    CHECK(cache.per_cycle == 0);
    CHECK_FALSE(cache.over_cycles);
    CHECK(over(10, {0, 0, 0}).growth == Growth::plateau);
    CHECK(over(10, {0}).growth == Growth::once);
    CHECK(over(10, {9}).growth == Growth::once);
}

TEST_CASE("what is left of the last period only is a sawtooth")
{
    GrowthVerdict sawtooth = over(12, {10, 11, 11, 12, 12, 12});
    CHECK(sawtooth.growth == Growth::sawtooth);
    CHECK_FALSE(sawtooth.over_cycles);
}

TEST_CASE("a leak in some cycles only grows in steps and is a leak all the same")
{
    GrowthVerdict steps = over(40, {3, 13, 25, 38});
    CHECK(steps.growth == Growth::step);
    CHECK(steps.over_cycles);
}

TEST_CASE("two cycles are not enough to call it growth")
{
    CHECK_FALSE(over(10, {4, 9}).over_cycles);
    CHECK_FALSE(over(2, {1, 2}).over_cycles);
}

TEST_CASE("without marks the clock tells a shape but no leak over cycles")
{
    std::vector<Age> spread, early, late;
    for (uint32_t i = 0; i < 20; i++) {
        spread.push_back({0, i * 50});
        early.push_back({0, i});
        late.push_back({0, 900 + i});
    }
    Run run{0, 0, 1000};

    CHECK(judge_growth(spread, run).growth == Growth::linear);
    CHECK(judge_growth(spread, run).still_growing);
    CHECK_FALSE(judge_growth(spread, run).over_cycles);
    CHECK(judge_growth(early, run).growth == Growth::plateau);
    CHECK(judge_growth(late, run).growth == Growth::sawtooth);
    CHECK(judge_growth({{0, 5}}, run).growth == Growth::once);

    // too short, or too few, to tell
    CHECK_FALSE(judge_growth(spread, {0, 0, 100}).growth.has_value());
    CHECK_FALSE(judge_growth({{0, 1}, {0, 500}, {0, 990}}, run).growth.has_value());
    CHECK_FALSE(judge_growth({}, run).growth.has_value());
}
