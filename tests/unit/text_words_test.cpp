#include "writers/text_words.h"

#include <catch2/catch.hpp>

using namespace unpaired;

TEST_CASE("words: ordinals, and times to come, which no rounding makes much shorter")
{
    CHECK(ordinal(1) == "1st");
    CHECK(ordinal(22) == "22nd");
    CHECK(ordinal(103) == "103rd");
    CHECK(ordinal(11) == "11th");
    CHECK(ordinal(1013) == "1,013th");
    CHECK(rough_duration_text(19 * 60 + 24) == "19 min");
    CHECK(rough_duration_text(2.4 * 3600) == "144 min");
    CHECK(rough_duration_text(7200) == "2 h");
}

TEST_CASE("words: numbers and bytes as people read them")
{
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(1234567) == "1,234,567");
    CHECK(bytes_text(140) == "140 B");
    CHECK(bytes_text(9999) == "9,999 B");
    CHECK(bytes_text(10240) == "10.0 KiB");
    CHECK(bytes_text(uint64_t{3} << 30) == "3.0 GiB");
    CHECK(duration_text(0.31) == "0.3 s");
    CHECK(duration_text(250) == "4 min 10 s");
    CHECK(duration_text(7380) == "2 h 3 min");
    CHECK(duration_text(273600) == "3 d 4 h");
    CHECK(rough_duration_text(0.3) == "0.3 s");
    CHECK(rough_duration_text(45) == "45 s");
    CHECK(rough_duration_text(1250) == "21 min");
    CHECK(rough_duration_text(7380) == "2 h");
    CHECK(rough_duration_text(273600) == "3 days");
    CHECK(errno_name(22) == "EINVAL");
    CHECK(errno_name(4711) == "errno 4711");
    CHECK(signal_name(6) == "SIGABRT");
    CHECK(signal_name(4711) == "signal 4711");
}

TEST_CASE("words: families have plurals and verbs")
{
    CHECK(family_noun("socket", 1) == "socket");
    CHECK(family_noun("mutex", 2) == "mutexes");
    CHECK(family_noun("new_array", 2) == "arrays from new[]");
    CHECK(family_noun("unheard_of", 1) == "unheard_of");
    CHECK(family_release("socket", 1) == "close");
    CHECK(family_release("heap", 2) == "frees");
    CHECK(family_release("unheard_of", 2) == "releases");
    CHECK(family_released("socket") == "closed");
    CHECK(family_released("heap") == "freed");
    CHECK(family_released("new") == "deleted");
    CHECK(family_released("unheard_of") == "released");
    CHECK(function_text("_Znam") == "operator new[]");
    CHECK(function_text("malloc") == "malloc");
}

TEST_CASE("a C++ name that is too long loses its template arguments, then its parameters")
{
    const std::string push =
        "std::vector<std::map<std::string, int>, std::allocator<std::map<std::string, int> > >::"
        "push_back(std::map<std::string, int> const&)";
    CHECK(shortened_name(push, 200) == push);
    CHECK(shortened_name(push, 60) == "std::vector<...>::push_back(std::map<...> const&)");
    CHECK(shortened_name(push, 40) == "std::vector<...>::push_back(...)");
    CHECK(shortened_name("bool operator< <int>(Box<int> const&, Box<int> const&)", 40) ==
          "operator< <...>(...)");
    CHECK(shortened_name("Pointer<std::string>::operator->() const", 32) ==
          "Pointer<...>::operator->() const");
    CHECK(shortened_name("a_long_name_of_a_function_in_C", 10) == "a_long_name_of_a_function_in_C");
    CHECK(shortened_name("damaged<name", 5) == "damaged<name");
}
