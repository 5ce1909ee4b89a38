// Handles by the kind of their space, releases that fail, early releases.
#include "firmware.h"

#include <catch2/catch.hpp>

namespace {

int open_gadget(int number)
{
    firmware.result = number;
    return __wrap_gadget_open();
}

int close_gadget(int number, int result = 0)
{
    firmware.result = result;
    return __wrap_gadget_close(number);
}

/// Entries in use for a handle.
std::vector<unpaired_ram_handle_64> kept(uint64_t handle)
{
    std::vector<unpaired_ram_handle_64> found;
    for (const auto &entry : unpaired_ram.handle)
        if (entry.packed != 0 && entry.handle == handle)
            found.push_back(entry);
    return found;
}

uint32_t live_of(unsigned function)
{
    uint32_t live = 0;
    for (const unpaired_site &site : unpaired_ram.site)
        if ((site.head & 0xff) == function)
            live += site.live;
    return live;
}

} // namespace

TEST_CASE("a handle is kept with its site while it is live; 0 is a handle too")
{
    CHECK(open_gadget(0) == 0);
    REQUIRE(kept(0).size() == 1);
    CHECK(kept(0)[0].space == UNPAIRED_SPACE_gadget);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 1);
    CHECK(close_gadget(0) == 0);
    CHECK(kept(0).empty());
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 0);
    CHECK(unpaired_ram.anomaly[0].kind == 0);
}

TEST_CASE("an acquisition that fails is told, and keeps nothing")
{
    CHECK(open_gadget(-5) == -5);
    CHECK(root().sequence == 0);
    unpaired_poll();
    REQUIRE(events().size() == 1);
    CHECK(events()[0].what == UNPAIRED_EVENT_ACQUIRE_FAILED);
}

TEST_CASE("a release that fails leaves the handle live, with what was observed before")
{
    open_gadget(7);
    firmware.result = 0;
    __wrap_gadget_stop(7);
    for (int i = 0; i < 3; i++)
        CHECK(close_gadget(7, -1) == -1);
    REQUIRE(kept(7).size() == 1);
    CHECK(kept(7)[0].failed == 3);
    CHECK(kept(7)[0].observed == UNPAIRED_FUNCTION_gadget_stop);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 1);
    uint32_t told = 0;
    for (const auto &anomaly : unpaired_ram.anomaly)
        if (anomaly.kind == UNPAIRED_ANOMALY_RELEASE_FAILED) {
            CHECK(anomaly.function == UNPAIRED_FUNCTION_gadget_close);
            CHECK(anomaly.observed == UNPAIRED_FUNCTION_gadget_stop);
            CHECK(anomaly.result == -1);
            CHECK(anomaly.acquire_site == (kept(7)[0].packed & UNPAIRED_HEADER_SITE_MASK));
            told += anomaly.count;
        }
    CHECK(told == 3);
    unpaired_poll();
    REQUIRE(events().size() == 5);
    CHECK(events()[1].what == UNPAIRED_EVENT_OBSERVE);
    CHECK(events()[2].what == UNPAIRED_EVENT_RELEASE_FAILED);
    CHECK(static_cast<int32_t>(events()[2].value) == -1);
}

TEST_CASE("a release that reports an error may have released all the same")
{
    open_gadget(7);
    close_gadget(7, -2);
    CHECK(kept(7).empty());
    CHECK(unpaired_ram.anomaly[0].kind == UNPAIRED_ANOMALY_RELEASED_WITH_ERROR);
}

TEST_CASE("the release of what is not live: told if it failed, else it is of before our time")
{
    close_gadget(9);
    CHECK(unpaired_ram.anomaly[0].kind == 0);
    close_gadget(9, -1);
    CHECK(unpaired_ram.anomaly[0].kind == UNPAIRED_ANOMALY_RELEASE_UNKNOWN);
    __wrap_share_drop(nullptr); // a null pointer is nothing
    unpaired_poll();
    REQUIRE(events().size() == 2);
    CHECK(events()[0].what == UNPAIRED_EVENT_RELEASE);
    CHECK(events()[1].what == UNPAIRED_EVENT_RELEASE_UNKNOWN);
}

TEST_CASE("numbered: a live handle that is handed out again retires the old one")
{
    open_gadget(3);
    open_gadget(3);
    CHECK(kept(3).size() == 1);
    CHECK(kept(3)[0].generation == 2);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 1);
    CHECK(unpaired_ram.anomaly[0].kind == 0);
}

TEST_CASE("counted: each acquisition needs its release")
{
    int shared = 0;
    __wrap_share_take(&shared);
    __wrap_share_take(&shared);
    CHECK(kept(reinterpret_cast<uintptr_t>(&shared)).size() == 2);
    __wrap_share_drop(&shared);
    CHECK(kept(reinterpret_cast<uintptr_t>(&shared)).size() == 1);
    CHECK(live_of(UNPAIRED_FUNCTION_share_take) == 1);
}

TEST_CASE("in place: initialised over a live one is an anomaly, and a release without an acquisition is none")
{
    int latch = 0;
    firmware.result = 0;
    __wrap_latch_destroy(&latch);
    CHECK(unpaired_ram.anomaly[0].kind == 0);
    __wrap_latch_init(&latch);
    __wrap_latch_init(&latch);
    CHECK(kept(reinterpret_cast<uintptr_t>(&latch)).size() == 1);
    CHECK(unpaired_ram.anomaly[0].kind == UNPAIRED_ANOMALY_REINITIALISED_LIVE);
    CHECK(live_of(UNPAIRED_FUNCTION_latch_init) == 1);
}

TEST_CASE("handles that find no room are counted, and room comes back with releases")
{
    for (int n = 0; n < UNPAIRED_HANDLES + 2; n++)
        open_gadget(n);
    CHECK(root().drops[UNPAIRED_RAM_DROP_HANDLE] == 2);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == UNPAIRED_HANDLES);
    for (int n = 0; n < UNPAIRED_HANDLES + 2; n++)
        close_gadget(n);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 0);
    for (int n = 10; n < 10 + UNPAIRED_HANDLES; n++)
        open_gadget(n);
    for (int n = 10; n < 10 + UNPAIRED_HANDLES; n++)
        CHECK(kept(static_cast<uint64_t>(n)).size() == 1);
    CHECK(root().drops[UNPAIRED_RAM_DROP_HANDLE] == 2);
}

TEST_CASE("a handle that another task gets before the release returns stays live")
{
    open_gadget(5);
    firmware.inside = [] { // the real close has freed the number
        const int result = firmware.result;
        open_gadget(5);
        firmware.result = result;
    };
    close_gadget(5);
    CHECK(kept(5).size() == 1);
    CHECK(live_of(UNPAIRED_FUNCTION_gadget_open) == 1);
}

TEST_CASE("anomalies beyond the table are counted")
{
    for (int result = -10; result < -4; result++)
        close_gadget(1, result);
    CHECK(root().drops[UNPAIRED_RAM_DROP_ANOMALY] == 6 - UNPAIRED_ANOMALIES);
}

TEST_CASE("a task that ends before its creator is told of it is not live")
{
    int tcb = 0;
    firmware.task = &tcb;
    firmware.inside = [&] { __wrap_vTaskDelete(&tcb); };
    CHECK(__wrap_xTaskCreate(nullptr, "quick", 100, nullptr, 1, nullptr) == 1);
    CHECK(live_of(UNPAIRED_FUNCTION_xTaskCreate) == 0);
    CHECK(kept(reinterpret_cast<uintptr_t>(&tcb)).empty());

    void *handle = nullptr;
    CHECK(__wrap_xTaskCreate(nullptr, "slow", 100, nullptr, 1, &handle) == 1);
    CHECK(handle == &tcb);
    CHECK(live_of(UNPAIRED_FUNCTION_xTaskCreate) == 1);
    firmware.context = reinterpret_cast<uintptr_t>(&tcb);
    __wrap_vTaskDelete(nullptr); // itself
    CHECK(live_of(UNPAIRED_FUNCTION_xTaskCreate) == 0);
}

TEST_CASE("queues are told from semaphores and mutexes by their type")
{
    const std::pair<unsigned char, unsigned> families[] = {{0, UNPAIRED_FAMILY_queue},
                                                           {1, UNPAIRED_FAMILY_queue_mutex},
                                                           {2, UNPAIRED_FAMILY_semaphore},
                                                           {3, UNPAIRED_FAMILY_semaphore},
                                                           {4, UNPAIRED_FAMILY_queue_mutex}};
    int queue = 0;
    firmware.task = &queue;
    for (const auto &[type, family] : families) {
        __wrap_xQueueGenericCreate(1, 1, type);
        const auto entry = kept(reinterpret_cast<uintptr_t>(&queue)).at(0);
        CHECK((unpaired_ram.site[(entry.packed & UNPAIRED_HEADER_SITE_MASK) - 1].head >> 8 & 0xff) == family);
        __wrap_vQueueDelete(&queue);
    }
}
