#include "options.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <string>

using namespace unpaired;

TEST_CASE("sizes take a suffix for binary multiples")
{
    const auto size = [](const char *text) { return parse_size(text, strlen(text)); };
    CHECK(size("4096") == 4096);
    CHECK(size("64K") == 64 * 1024);
    CHECK(size("64M") == 64u << 20);
    CHECK(size("2g") == uint64_t{2} << 30);
    CHECK(size("") == 0);
    CHECK(size("M") == 0);
    CHECK(size("12MB") == 0);
    CHECK(size("12x") == 0);
}

TEST_CASE("the options are read from the environment as the command line spells them")
{
    setenv("UNPAIRED_OUTPUT", "/tmp/x.trace", 1);
    setenv("UNPAIRED_OPTIONS",
           "--locks=off  --reachability=off --max-trace=64M --owner-rules=/tmp/rules --cycle=accept4 "
           "--walk=frame-pointers --every-event --unknown=1",
           1);
    Options options;
    REQUIRE(read_options(options));
    CHECK(std::string(options.output) == "/tmp/x.trace");
    CHECK_FALSE(options.locks);
    CHECK_FALSE(options.reachability);
    CHECK(options.frame_pointers);
    CHECK(options.every_event);
    CHECK(options.max_trace == 64u << 20);
    CHECK(std::string(options.rules) == "/tmp/rules");
    CHECK(std::string(options.cycle) == "accept4");
    unsetenv("UNPAIRED_OUTPUT");
    unsetenv("UNPAIRED_OPTIONS");
}

TEST_CASE("without an output, or with an empty one, nothing is to be recorded")
{
    Options unset;
    REQUIRE(read_options(unset));
    CHECK(unset.output == nullptr);
    CHECK_FALSE(unset.every_event);
    setenv("UNPAIRED_OUTPUT", "", 1);
    Options empty;
    REQUIRE(read_options(empty));
    CHECK(empty.output == nullptr);
    unsetenv("UNPAIRED_OUTPUT");
}
