// What leaves the device.
#include "firmware.h"

#include <catch2/catch.hpp>

namespace {

std::vector<unsigned> types()
{
    std::vector<unsigned> found;
    for (const Record &record : records())
        found.push_back(record.type);
    return found;
}

} // namespace

TEST_CASE("a stream begins with itself, and a site is told before its first event")
{
    void *block = malloc_as(owner(0), 77);
    __wrap_free(block);
    CHECK(unpaired_poll() == 2);
    REQUIRE(types() == std::vector<unsigned>{UNPAIRED_RECORD_STREAM, UNPAIRED_RECORD_SCAN_SITE,
                                             UNPAIRED_RECORD_EVENT_64, UNPAIRED_RECORD_EVENT_64});
    const auto begin = records()[0].as<unpaired_record_stream>();
    CHECK(begin.version == UNPAIRED_STREAM_VERSION);
    CHECK(begin.address_size == 8);
    const auto site = records()[1].as<unpaired_record_scan_site>();
    CHECK(site.owner == owner(0));
    CHECK(site.function == UNPAIRED_FUNCTION_malloc);
    CHECK(site.family == UNPAIRED_FAMILY_heap);
    CHECK(site.depth == 1);
    CHECK(site.text_low == root().text_low);
    const auto acquired = events()[0], released = events()[1];
    CHECK(acquired.what == UNPAIRED_EVENT_ACQUIRE);
    CHECK(acquired.handle == reinterpret_cast<uintptr_t>(block));
    CHECK((acquired.place & 0xffff) == site.site);
    CHECK(acquired.place >> 24 == site.generation);
    CHECK(acquired.value == 77);
    CHECK(released.what == UNPAIRED_EVENT_RELEASE);
    CHECK(released.number == acquired.number + 1);
}

TEST_CASE("what the sink refuses is offered again, once, in order")
{
    firmware.refuses = true;
    void *block = __wrap_malloc(1);
    CHECK(unpaired_poll() == 0);
    __wrap_free(block);
    CHECK(unpaired_poll() == 0);
    firmware.refuses = false;
    CHECK(unpaired_poll() == 2);
    CHECK(types() == std::vector<unsigned>{UNPAIRED_RECORD_STREAM, UNPAIRED_RECORD_SCAN_SITE,
                                           UNPAIRED_RECORD_EVENT_64, UNPAIRED_RECORD_EVENT_64});
    CHECK(unpaired_poll() == 0);
}

TEST_CASE("a ring that overflows loses the newest events, counts them, and numbers have a gap")
{
    for (int i = 0; i < UNPAIRED_RING; i++)
        __wrap_free(__wrap_malloc(1));
    CHECK(root().drops[UNPAIRED_RAM_DROP_EVENT] == UNPAIRED_RING);
    CHECK(unpaired_poll() == UNPAIRED_RING);
    void *after = __wrap_malloc(1);
    unpaired_poll();
    const auto all = events();
    REQUIRE(all.size() == UNPAIRED_RING + 1);
    for (unsigned i = 0; i < UNPAIRED_RING; i++)
        CHECK(all[i].number == i);
    CHECK(all.back().number == 2 * UNPAIRED_RING);
    CHECK(all.back().handle == reinterpret_cast<uintptr_t>(after));
    unsigned clocks = 0;
    for (const Record &record : records())
        if (record.type == UNPAIRED_RECORD_CLOCK) {
            CHECK(record.as<unpaired_record_clock>().drops[UNPAIRED_RAM_DROP_EVENT] == UNPAIRED_RING);
            clocks++;
        }
    CHECK(clocks == 1); // what was lost is told when it changes
}

TEST_CASE("the clock is told when a second has passed")
{
    firmware.time_ms = 500;
    unpaired_poll();
    CHECK(types() == std::vector<unsigned>{UNPAIRED_RECORD_STREAM});
    firmware.time_ms = 2500;
    unpaired_poll();
    firmware.time_ms = 3400;
    unpaired_poll();
    CHECK(types() == std::vector<unsigned>{UNPAIRED_RECORD_STREAM, UNPAIRED_RECORD_CLOCK});
    CHECK(records()[1].as<unpaired_record_clock>().time_ms == 2500);
    CHECK(root().time_ms == 3400);
}

TEST_CASE("a mark comes in its place, with the name it was given")
{
    __wrap_malloc(1);
    char name[] = "reconnect, the third one of today";
    firmware.time_ms = 70;
    unpaired_mark_impl(name);
    name[0] = '?'; // copied
    unpaired_mark_impl(nullptr);
    unpaired_mark_impl("");
    __wrap_malloc(1);
    unpaired_poll();
    std::vector<unpaired_record_mark> marks;
    std::vector<std::string> names;
    for (const Record &record : records())
        if (record.type == UNPAIRED_RECORD_MARK) {
            marks.push_back(record.as<unpaired_record_mark>());
            REQUIRE(record.payload.size() >= sizeof(unpaired_record_mark) + marks.back().name_len);
            names.emplace_back(reinterpret_cast<const char *>(record.payload.data()) +
                                   sizeof(unpaired_record_mark),
                               marks.back().name_len);
        }
    REQUIRE(marks.size() == 3);
    CHECK(marks[0].cycle == 1);
    CHECK(marks[0].time_ms == 70);
    CHECK(marks[0].image == 1);
    CHECK(std::string(name + 1).find(names[0].substr(1)) == 0);
    CHECK(names[0][0] == 'r');
    CHECK(names[0].size() >= 16);
    CHECK(names[1].empty());
    CHECK(names[2].empty());
    REQUIRE(events().size() == 2);
    CHECK(events()[1].number == 1); // marks are no events
    const auto order = types();
    CHECK(std::vector<unsigned>(order.end() - 3, order.end()) ==
          std::vector<unsigned>{UNPAIRED_RECORD_MARK, UNPAIRED_RECORD_SCAN_SITE, UNPAIRED_RECORD_EVENT_64});
}

TEST_CASE("sites are told again, each in its turn")
{
    for (unsigned n = 0; n < 4; n++)
        malloc_as(owner(n));
    unpaired_poll();
    firmware.sent.clear();
    for (int i = 0; i < 16 * UNPAIRED_SITES; i++) {
        __wrap_free(malloc_as(owner(0)));
        unpaired_poll();
    }
    std::vector<unsigned> told(UNPAIRED_SITES + 1);
    for (const Record &record : records())
        if (record.type == UNPAIRED_RECORD_SCAN_SITE)
            told[record.as<unpaired_record_scan_site>().site]++;
    unsigned sites = 0;
    for (const unsigned times : told)
        sites += times != 0;
    CHECK(sites == 4);
}

TEST_CASE("an interrupt that allocates in the middle of a hook or of a poll is recorded, and nothing is lost")
{
    for (unsigned locks = 0; locks < 12; locks++) {
        void *of_interrupt = nullptr;
        firmware.locks_before_interrupt = locks;
        firmware.interrupt = [&] { of_interrupt = malloc_as(owner(1), 3); };
        void *block = malloc_as(owner(0), 5);
        unpaired_poll();
        __wrap_free(block);
        firmware.interrupt = nullptr;
        if (of_interrupt != nullptr)
            __wrap_free(of_interrupt);
        unpaired_poll();
    }
    unsigned number = 0;
    std::vector<uint64_t> live;
    for (const auto &event : events()) {
        CHECK(event.number == number++);
        if (event.what == UNPAIRED_EVENT_ACQUIRE) {
            live.push_back(event.handle);
        } else {
            REQUIRE(event.what == UNPAIRED_EVENT_RELEASE);
            const auto at = std::find(live.begin(), live.end(), event.handle);
            REQUIRE(at != live.end());
            live.erase(at);
        }
    }
    CHECK(live.empty());
    CHECK(number >= 24 + 10);
    CHECK(root().drops[UNPAIRED_RAM_DROP_EVENT] == 0);
    for (const unpaired_site &site : unpaired_ram.site)
        CHECK(site.live == 0);
}

TEST_CASE("a second caller of poll returns at once")
{
    __wrap_malloc(1);
    unsigned inner = 99;
    firmware.locks_before_interrupt = 2;
    firmware.interrupt = [&] { inner = unpaired_poll(); };
    CHECK(unpaired_poll() == 1);
    CHECK(inner == 0);
}
