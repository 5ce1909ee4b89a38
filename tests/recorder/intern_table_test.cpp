#include "intern_table.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace unpaired;

namespace {
/// As the owner of the numbers would keep it: what a number is stored under.
uint64_t key_of(uint32_t number) { return uint64_t{number} * 0x9e3779b97f4a7c15ull; }
using Table = InternTable<key_of>;

/// Numbers whose keys lie in the same places of a table, with the same upper half.
uint64_t near_key_of(uint32_t number) { return uint64_t{42} << 32 | uint64_t{number} << 24; }
} // namespace

TEST_CASE("a table finds what was stored, through every level it grew by")
{
    static Table table;
    constexpr uint32_t n = 100000;
    for (uint32_t i = 1; i <= n; i++)
        REQUIRE(table.insert(i));
    for (uint32_t i = 1; i <= n; i++)
        REQUIRE(table.find(key_of(i)) == i);
    CHECK(table.find(key_of(n + 1)) == 0);
}

TEST_CASE("a table that forgets is empty and can be filled again")
{
    static Table table;
    REQUIRE(table.insert(1));
    table.forget();
    CHECK(table.find(key_of(1)) == 0);
    REQUIRE(table.insert(2));
    CHECK(table.find(key_of(2)) == 2);
}

TEST_CASE("keys of which a table keeps the same half are told apart")
{
    static InternTable<near_key_of> table;
    for (uint32_t i = 1; i <= 20; i++)
        REQUIRE(table.insert(i));
    for (uint32_t i = 1; i <= 20; i++)
        CHECK(table.find(near_key_of(i)) == i);
    CHECK(table.find(near_key_of(21)) == 0);
}

TEST_CASE("four threads that store at once lose nothing")
{
    static Table table;
    constexpr uint32_t each = 20000;
    std::vector<std::thread> threads;
    for (uint32_t t = 0; t < 4; t++)
        threads.emplace_back([t] {
            for (uint32_t i = 1; i <= each; i++)
                table.insert(t * each + i);
        });
    for (std::thread &thread : threads)
        thread.join();
    for (uint32_t t = 0; t < 4; t++)
        for (uint32_t i = 1; i <= each; i++)
            REQUIRE(table.find(key_of(t * each + i)) == t * each + i);
}
