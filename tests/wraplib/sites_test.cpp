// Call sites, owners, sequence numbers, marks, the root.
#include "firmware.h"

#include <catch2/catch.hpp>

TEST_CASE("the root tells the layout, and is complete after the first call")
{
    CHECK(root().version == 0);
    __wrap_malloc(1);
    CHECK(std::memcmp(root().magic, UNPAIRED_RAM_MAGIC, 8) == 0);
    CHECK(root().size == sizeof(unpaired_root_64));
    CHECK(root().layout.address_size == 8);
    CHECK(root().layout.frames == UNPAIRED_FRAMES);
    CHECK(root().layout.sites == UNPAIRED_SITES);
    const auto code = reinterpret_cast<uintptr_t>(malloc_as);
    CHECK(root().text_low <= code);
    CHECK(root().text_high > code);
    const char *begin = reinterpret_cast<const char *>(&unpaired_ram);
    CHECK(begin + root().layout.site_offset == reinterpret_cast<const char *>(unpaired_ram.site));
    CHECK(begin + root().layout.handle_offset == reinterpret_cast<const char *>(unpaired_ram.handle));
    CHECK(begin + root().layout.anomaly_offset == reinterpret_cast<const char *>(unpaired_ram.anomaly));
    CHECK(begin + root().layout.mark_offset == reinterpret_cast<const char *>(unpaired_ram.mark));
}

TEST_CASE("a live site is never given away: what finds no room is counted, and under no site")
{
    std::vector<void *> blocks;
    for (unsigned n = 0; n < UNPAIRED_SITES; n++)
        blocks.push_back(malloc_as(owner(n)));
    for (unsigned n = 0; n < UNPAIRED_SITES; n++)
        CHECK(site_of(blocks[n]).owner == owner(n));

    void *homeless = malloc_as(owner(20));
    CHECK((header_of(homeless).site & UNPAIRED_HEADER_SITE_MASK) == 0);
    CHECK(header_of(homeless).owner == owner(20));
    CHECK(root().drops[UNPAIRED_RAM_DROP_SITE] == 1);
    unpaired_poll();
    const auto last = events().back();
    CHECK(last.what == UNPAIRED_EVENT_ACQUIRE_AT);
    CHECK(last.place == reinterpret_cast<uintptr_t>(__builtin_extract_return_addr(
                            reinterpret_cast<void *>(last.place)))); // an address, not a site
    CHECK(last.place > UNPAIRED_SITES);
    __wrap_free(homeless);

    const uint32_t dead = header_of(blocks[3]).site & UNPAIRED_HEADER_SITE_MASK;
    const unsigned generation = site_of(blocks[3]).generation;
    __wrap_free(blocks[3]);
    void *housed = malloc_as(owner(21));
    CHECK((header_of(housed).site & UNPAIRED_HEADER_SITE_MASK) == dead);
    CHECK(site_of(housed).generation == generation + 1);
    CHECK(site_of(housed).acquired == 1);
    CHECK(site_of(housed).owner == owner(21));
    CHECK(root().drops[UNPAIRED_RAM_DROP_SITE] == 1);
}

TEST_CASE("a dead site that a doubtful release speaks of is kept")
{
    void *doubtful = malloc_as(owner(0));
    const uint32_t kept = header_of(doubtful).site & UNPAIRED_HEADER_SITE_MASK;
    __wrap_free(doubtful);
    __wrap_free(doubtful);
    for (unsigned n = 1; n <= 2 * UNPAIRED_SITES; n++)
        CHECK((header_of(malloc_as(owner(n))).site & UNPAIRED_HEADER_SITE_MASK) != kept);
    CHECK(root().drops[UNPAIRED_RAM_DROP_SITE] == UNPAIRED_SITES + 1);
}

TEST_CASE("an interrupt that makes a new site of the one just found is noticed")
{
    for (unsigned n = 0; n < UNPAIRED_SITES; n++)
        __wrap_free(malloc_as(owner(n)));
    for (unsigned locks = 0; locks < 4; locks++) {
        std::vector<void *> of_interrupt;
        firmware.locks_before_interrupt = locks;
        firmware.interrupt = [&] { // takes every dead site
            for (unsigned n = 0; n < UNPAIRED_SITES; n++)
                of_interrupt.push_back(malloc_as(owner(10 + n)));
        };
        void *block = __wrap_malloc(8);
        firmware.interrupt = nullptr;
        for (void *one : of_interrupt)
            if ((header_of(one).site & UNPAIRED_HEADER_SITE_MASK) != 0)
                CHECK(site_of(one).owner == header_of(one).owner);
        if ((header_of(block).site & UNPAIRED_HEADER_SITE_MASK) != 0)
            CHECK(site_of(block).owner == header_of(block).owner);
        uint32_t live = 0;
        for (const unpaired_site &site : unpaired_ram.site)
            live += site.live;
        for (void *one : of_interrupt)
            __wrap_free(one);
        __wrap_free(block);
        uint32_t left = 0;
        for (const unpaired_site &site : unpaired_ram.site)
            left += site.live;
        CHECK(live >= UNPAIRED_SITES);
        CHECK(left == 0);
    }
}

TEST_CASE("stacks are scanned from the caller's frame up to the port's bound, and words that call nothing "
          "are left out")
{
    // a frame of the test's own as the stack of the hook's caller
    uintptr_t here[64];
    const auto call = reinterpret_cast<uintptr_t>(malloc_as); // a function's first byte is behind no call
    for (uintptr_t &word : here)
        word = call;
    firmware.stack_end = reinterpret_cast<const uintptr_t *>(__builtin_frame_address(0)) + 2;
    void *block = __wrap_malloc(1);
    const unpaired_ram_site site = site_of(block);
    const unsigned depth = site.depth & UNPAIRED_RAM_SITE_DEPTH_MASK;
    CHECK(depth >= 2); // this function's caller at least
    const unpaired_site &kept = unpaired_ram.site[(header_of(block).site & UNPAIRED_HEADER_SITE_MASK) - 1];
    const uintptr_t code = (uintptr_t{1} << UNPAIRED_FRAME_OFFSET_BITS_64) - 1;
    uintptr_t words = 0;
    CHECK(kept.frame[0] >> UNPAIRED_FRAME_OFFSET_BITS_64 == 0);
    for (unsigned n = 1; n < depth; n++) {
        CHECK((kept.frame[n] & code) + root().text_low != call);
        words += kept.frame[n] >> UNPAIRED_FRAME_OFFSET_BITS_64;
    }
    CHECK(here[0] == call);
    // the distances lead to where the last word was
    const uintptr_t *last = firmware.stack_end - 1;
    if (depth < UNPAIRED_FRAMES)
        CHECK(*last == (kept.frame[depth - 1] & code) + root().text_low);
    CHECK(words > 0);
}

TEST_CASE("the owner is the task's scope, else its name, else nobody")
{
    CHECK(header_of(__wrap_malloc(1)).owner == 0);
    firmware.context = 100;
    firmware.task_name = "mqtt_rx";
    void *named = __wrap_malloc(1);
    CHECK(header_of(named).owner == UNPAIRED_OWNER('M', 'Q', 'T', 'T'));
    CHECK(site_of(named).depth >> UNPAIRED_RAM_SITE_SOURCE_SHIFT == UNPAIRED_OWNER_THREAD);

    CHECK(unpaired_owner_push_impl(owner(1)) == 0);
    CHECK(unpaired_owner_push_impl(owner(2)) == owner(1));
    void *scoped = __wrap_malloc(1);
    CHECK(header_of(scoped).owner == owner(2));
    CHECK(site_of(scoped).depth >> UNPAIRED_RAM_SITE_SOURCE_SHIFT == UNPAIRED_OWNER_SCOPE);
    firmware.context = 200; // another task has none of it
    firmware.task_name = nullptr;
    CHECK(header_of(__wrap_malloc(1)).owner == 0);
    CHECK(unpaired_owner_push_impl(owner(3)) == 0);
    firmware.context = 300; // beyond UNPAIRED_TASKS
    CHECK(unpaired_owner_push_impl(owner(4)) == 0);
    CHECK(header_of(__wrap_malloc(1)).owner == 0);
    unpaired_owner_pop_impl(0);
    firmware.context = 100;
    unpaired_owner_pop_impl(owner(1));
    CHECK(header_of(__wrap_malloc(1)).owner == owner(1));
    unpaired_owner_pop_impl(0);
    firmware.context = 300; // there is room again
    CHECK(unpaired_owner_push_impl(owner(4)) == 0);
    CHECK(header_of(__wrap_malloc(1)).owner == owner(4));
}

TEST_CASE("sequence numbers are exact at first, then coarse, and never go back")
{
    auto number = [] {
        void *block = __wrap_malloc(1);
        const uint32_t packed = header_of(block).site >> UNPAIRED_HEADER_SITE_BITS;
        __wrap_free(block);
        return packed;
    };
    CHECK(unpaired_sequence_unpack(number()) == 0);
    CHECK(unpaired_sequence_unpack(number()) == 1);
    uint32_t before = 1;
    for (uint32_t sequence = 0xfff0; sequence < 0x7fff0000u; sequence = sequence * 2 + 16) {
        unpaired_ram.root.sequence = sequence;
        for (int i = 0; i < 20; i++) {
            const uint32_t now = number();
            CHECK(now < 1u << 20);
            const uint32_t exact = sequence + static_cast<uint32_t>(i), told = unpaired_sequence_unpack(now);
            CHECK(told <= exact);
            CHECK(exact - told < 1u << root().sequence_shift);
            CHECK(now >= before);
            before = now;
        }
    }
    for (const uint32_t sequence : {0x7fffffffu, 0x80000000u, 0xffffffffu}) { // as far as the numbers go
        unpaired_ram.root.sequence = sequence;
        CHECK(number() == 0xfffff);
    }
}

TEST_CASE("marks: when the table is full it keeps every second one, evenly")
{
    for (unsigned cycle = 1; cycle <= 37; cycle++) {
        __wrap_free(__wrap_malloc(1)); // one acquisition a cycle: mark n is at n
        unpaired_mark_impl(nullptr);
        CHECK(root().cycle == cycle);
        REQUIRE(root().marks_used <= UNPAIRED_MARKS);
        CHECK(root().marks_used == cycle / root().marks_stride);
        for (unsigned i = 0; i < root().marks_used; i++)
            CHECK(unpaired_ram.mark[i] == (i + 1) * root().marks_stride);
    }
    CHECK(root().marks_stride == 8);
}
