#include "intern_table.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace unpaired;

namespace {
/// A hash of two small numbers, never 0: 0 is a free entry, and callers avoid it.
uint64_t key_of(uint32_t i, uint32_t t) { return (uint64_t{i} << 8 | (t + 1)) * 0x9e3779b97f4a7c15ull; }
} // namespace

TEST_CASE("a table finds what was stored, through every level it grew by")
{
    static InternTable table;
    constexpr uint32_t n = 100000;
    for (uint32_t i = 1; i <= n; i++)
        REQUIRE(table.insert(key_of(i, 7), i));
    for (uint32_t i = 1; i <= n; i++)
        REQUIRE(table.find(key_of(i, 7)) == i);
    CHECK(table.find(key_of(n + 1, 7)) == 0);
}

TEST_CASE("a table that forgets is empty and can be filled again")
{
    static InternTable table;
    REQUIRE(table.insert(42, 1));
    table.forget();
    CHECK(table.find(42) == 0);
    REQUIRE(table.insert(42, 2));
    CHECK(table.find(42) == 2);
}

TEST_CASE("four threads that store at once lose nothing")
{
    static InternTable table;
    constexpr uint32_t each = 20000;
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 4; t++)
        threads.emplace_back([t] {
            for (uint32_t i = 1; i <= each; i++)
                table.insert(key_of(i, t), t * each + i);
        });
    for (std::thread &thread : threads)
        thread.join();
    for (uint32_t t = 0; t < 4; t++)
        for (uint32_t i = 1; i <= each; i++)
            REQUIRE(table.find(key_of(i, t)) == t * each + i);
}
