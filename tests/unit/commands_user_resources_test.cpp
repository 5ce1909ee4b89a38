#include "commands/resource_table.h"
#include "commands/trouble.h"
#include "commands/user_resources.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

using namespace unpaired;

TEST_CASE("resources: a row is what one would have written by hand")
{
    const UserResources made = user_resources(R"json({
        "spaces":   [{"name": "slot", "kind": "NUMBERED"}],
        "families": [{"name": "slot", "space": "slot", "display": "pool slot"}],
        "acquire":  [{"family": "slot", "type": "struct slot *", "function": "take",
                      "parameters": [{"type": "int", "name": "pool"}, {"type": "void *", "name": "hint"}],
                      "succeeded": "ret != 0", "handle": "ret", "bytes": "pool * 2"}],
        "release":  [{"space": "slot", "type": "int", "function": "give", "parameters": [],
                      "succeeded": "ret == 0", "gone": "f(ret, errno)", "handle": "current()"},
                     {"space": "slot", "type": "void", "function": "drop",
                      "parameters": [{"type": "int", "name": "id"}], "handle": "id"}]})json",
                                              "user.json");
    CHECK(made.rows ==
          "UNPAIRED_SPACE(slot, NUMBERED)\n"
          "UNPAIRED_FAMILY(slot, slot, \"pool slot\")\n"
          "UNPAIRED_ACQUIRE_SIZED(slot, struct slot *, take, (int pool, void *hint), (pool, hint), "
          "ret != 0, ret, pool * 2)\n"
          "UNPAIRED_RELEASE(slot, int, give, (void), (), ret == 0, f(ret, errno), current())\n"
          "UNPAIRED_RELEASE_VOID(slot, drop, (int id), (id), id)\n");
    CHECK(made.functions == std::vector<std::string>{"take", "give", "drop"});
}

TEST_CASE("resources: functions may join a space of the table without declaring one")
{
    const UserResources made = user_resources(R"({
        "acquire": [{"family": "socket", "type": "int", "function": "my_connect", "parameters": [],
                     "succeeded": "ret >= 0", "handle": "ret"}]})",
                                              "user.json");
    CHECK(made.rows == "UNPAIRED_ACQUIRE(socket, int, my_connect, (void), (), ret >= 0, ret)\n");
}

TEST_CASE("resources: text that would break out of its macro argument is refused")
{
    for (const char *handle :
         {"", " ", "a, b", "(a", "a)", "a]", "(a]", "a;b", "a{}", "\"a\"", "a\\", "#a", "[a, b]"}) {
        const std::string json =
            std::string(R"({"acquire": [{"family": "socket", "type": "int", "function": "f",
            "parameters": [], "succeeded": "ret >= 0", "handle": ")") +
            (std::string_view(handle) == "\"a\"" ? "\\\"a\\\""
             : std::string_view(handle) == "a\\" ? "a\\\\"
                                                 : handle) +
            "\"}]}";
        INFO(json);
        CHECK_THROWS_WITH(user_resources(json, "user.json"),
                          Catch::Contains("'user.json'") && Catch::Contains("handle"));
    }
}

TEST_CASE("resources: an empty document declares nothing, which is told")
{
    CHECK_THROWS_AS(user_resources("{}", "user.json"), Trouble);
    CHECK_THROWS_AS(user_resources("[]", "user.json"), Trouble);
    CHECK_THROWS_AS(user_resources("", "user.json"), Trouble);
}

TEST_CASE("resources: in the table every space is acquired and released, and every name is known once")
{
    const ResourceTable &table = resource_table();
    REQUIRE(table.functions.size() > 150);
    std::set<std::string_view> names;
    for (const TableFunction &f : table.functions)
        CHECK(names.insert(f.name).second);
    for (const TableSpace &space : table.spaces) {
        INFO(space.name);
        const auto of_space = [&](const TableFunction &f) {
            return std::any_of(table.families.begin(), table.families.end(), [&](const TableFamily &family) {
                return family.space == space.name && family.name == f.family;
            });
        };
        CHECK(std::any_of(table.functions.begin(), table.functions.end(), of_space));
        CHECK(std::any_of(table.functions.begin(), table.functions.end(), [&](const TableFunction &f) {
            return f.role == UNPAIRED_ROLE_RELEASE && f.space == space.name;
        }));
    }
}
