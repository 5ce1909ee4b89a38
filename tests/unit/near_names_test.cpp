#include "near_names.h"

#include <catch2/catch.hpp>

using namespace unpaired;

namespace {

using Names = std::vector<std::string>;

const std::set<std::string> families = {"fd",        "file",  "heap",   "mapping",     "new",
                                        "new_array", "pipe",  "socket", "lwip_socket", "stream",
                                        "thread",    "timer", "timerfd"};

} // namespace

TEST_CASE("a name with a letter wrong, missing, doubled or swapped is near the right one", "[names]")
{
    for (const char *mistyped : {"heep", "hep", "heaap", "haep", "Heap"})
        CHECK(near_names(mistyped, families) == Names{"heap"});
    CHECK(near_names("df", families) == Names{"fd"});
    CHECK(near_names("frobnicate", families).empty());
    CHECK(near_names("", families).empty());
    CHECK(near_names(std::string(100000, 'x'), families).empty());
}

TEST_CASE("a form of a name is near it, the nearest first and four at most", "[names]")
{
    CHECK(near_names("sock", families) == Names{"socket", "lwip_socket"});
    CHECK(near_names("timer_fd", families) == Names{"timerfd", "timer"});
    CHECK(near_names("lock", {"lock1", "lock2", "lock3", "lock4", "lock5"}).size() == 4);
}

TEST_CASE("what is said of an unknown name is the near ones, else all if they are few, else where they are",
          "[names]")
{
    CHECK(no_such("family", "sokcet", families) == "there is no family 'sokcet'; did you mean socket?");
    CHECK(no_such("severity", "bogus", {"leak", "note", "suspect"}) ==
          "there is no severity 'bogus'; known are leak, note and suspect");
    CHECK(no_such("family", "bogus", families, "unpaired resources lists them") ==
          "there is no family 'bogus'; unpaired resources lists them");
    CHECK(no_such("family", "bogus", families) == "there is no family 'bogus'");
    CHECK(no_such("family", "bogus", {}) == "there is no family 'bogus'");
}
