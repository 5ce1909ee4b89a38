#include "families.h"

#include "passes/blame.h"
#include "passes/judge.h"
#include "words.h"

#include <catch2/catch.hpp>

using namespace unpaired;

TEST_CASE("table: each family has a verb of its own or its space's")
{
    for (const FamilyOfTable &family : families_of_table()) {
        INFO(family.name);
        CHECK(family_released(family.name) != family_released("unheard_of"));
    }
    CHECK(family_released("new_array") == "deleted"); // its own
    CHECK(family_released("epoll") == "closed");      // its space's
}

TEST_CASE("table: what is expected of a space stands in its row; objects in place are for life unless it "
          "says otherwise")
{
    CHECK(class_of_space("heap", UNPAIRED_KIND_NUMBERED) == ResourceClass::memory);
    CHECK(class_of_space("pbuf", UNPAIRED_KIND_COUNTED) == ResourceClass::memory);
    CHECK(class_of_space("thread", UNPAIRED_KIND_NUMBERED) == ResourceClass::lifelong);
    CHECK(class_of_space("rwlock", UNPAIRED_KIND_IN_PLACE) == ResourceClass::lifelong);
    CHECK(class_of_space("fd", UNPAIRED_KIND_NUMBERED) == ResourceClass::handle);
    CHECK(class_of_space("unheard_of", UNPAIRED_KIND_NUMBERED) == ResourceClass::handle);
}

TEST_CASE("table: allocators of every system are wrappers by their names, other acquirers are not")
{
    for (const char *name :
         {"malloc", "reallocarray", "pvPortMalloc", "_malloc_r", "rt_malloc", "xmalloc", "my_alloc"})
        CHECK(is_wrapper_name(name));
    for (const char *name : {"socket", "fopen", "lwip_socket", "pthread_create", "connect_once"})
        CHECK_FALSE(is_wrapper_name(name));
    CHECK(is_for_life("tcpip_init"));
    CHECK_FALSE(is_for_life("netconn_new"));
}
