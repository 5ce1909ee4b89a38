#include "name.h"

#include <thread>
#include <vector>

#include <catch2/catch.hpp>

using namespace unpaired;

TEST_CASE("equal texts are one name, kept once", "[names]")
{
    const std::string text = "mqtt_subscribe";

    const Name name = text, again = "mqtt_subscribe", other = "mqtt_unsubscribe";

    CHECK(name == again);
    CHECK(&name.text() == &again.text());
    CHECK(name != other);
    CHECK(name == "mqtt_subscribe");
    CHECK(name == text);
    CHECK(name != "mqtt");
}

TEST_CASE("a name without a text is the empty one", "[names]")
{
    CHECK(Name().empty());
    CHECK(Name().text().empty());
    CHECK(Name("") == Name());
    CHECK(Name(std::string()) == "");
    CHECK_FALSE(Name("x").empty());
}

TEST_CASE("a name keeps its text when the string it was made of changes, and thousands follow", "[names]")
{
    std::string text = "first";
    const Name name = text;
    const std::string *kept = &name.text();

    text = "another";
    for (int i = 0; i < 5000; i++)
        text = Name("function_" + std::to_string(i));

    CHECK(name == "first");
    CHECK(&Name("first").text() == kept);
}

TEST_CASE("threads that name the same at a time get the same names", "[names]")
{
    constexpr int count = 500;
    std::vector<std::vector<Name>> seen(4);
    std::vector<std::thread> threads;
    for (std::vector<Name> &names : seen)
        threads.emplace_back([&names] {
            for (int i = 0; i < count; i++)
                names.emplace_back("shared_" + std::to_string(i));
        });
    for (std::thread &thread : threads)
        thread.join();

    for (const std::vector<Name> &names : seen)
        CHECK(names == seen.front());
    CHECK(seen.front().back() == "shared_499");
}
