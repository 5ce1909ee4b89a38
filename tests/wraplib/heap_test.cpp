// Blocks: headers, alignment, resizing, what is not ours.
#include "firmware.h"

#include <catch2/catch.hpp>
#include <cerrno>

TEST_CASE("a block carries its owner, size and site, and a release wipes the owner")
{
    void *block = malloc_as(owner(0), 20);
    const unpaired_block_header header = header_of(block);
    CHECK(header.owner == owner(0));
    CHECK((header.size & UNPAIRED_HEADER_SIZE_MASK) == 20);
    CHECK(header.size >> UNPAIRED_HEADER_DISTANCE_SHIFT == 2);
    CHECK(site_of(block).owner == owner(0));
    CHECK(site_of(block).function == UNPAIRED_FUNCTION_malloc);
    CHECK(site_of(block).live == 1);
    CHECK(firmware.asked == 36);

    __wrap_free(block);
    CHECK(firmware.given_back.back() == firmware.taken.back());
    unpaired_block_header wiped;
    std::memcpy(&wiped, static_cast<char *>(block) - sizeof wiped, sizeof wiped);
    CHECK(wiped.owner == 0);
    CHECK(wiped.check == unpaired_header_check_released(
                             header.site, static_cast<uint32_t>(reinterpret_cast<uintptr_t>(block))));
    CHECK(unpaired_ram.site[(header.site & UNPAIRED_HEADER_SITE_MASK) - 1].live == 0);
}

TEST_CASE("calloc clears its block, also where the product nearly overflows")
{
    auto *block = static_cast<unsigned char *>(__wrap_calloc(3, 7));
    CHECK(std::string(reinterpret_cast<char *>(block), 21) == std::string(21, '\0'));
    CHECK((header_of(block).size & UNPAIRED_HEADER_SIZE_MASK) == 21);
    CHECK(__wrap_calloc(SIZE_MAX / 2, 3) == nullptr);
    CHECK(firmware.asked > PTRDIFF_MAX / 2); // the real allocator was asked, and refused
}

TEST_CASE("aligned blocks are aligned, and their release gives back the base")
{
    for (const size_t heap_alignment : {16u, 8u, 4u})
        for (size_t alignment = 1; alignment <= 4096; alignment *= 2) {
            firmware.heap_alignment = heap_alignment;
            void *block = __wrap_memalign(alignment, 100);
            INFO("alignment " << alignment << ", heap " << heap_alignment);
            CHECK(reinterpret_cast<uintptr_t>(block) % alignment == 0);
            (void)header_of(block);
            // the header and the block lie within what was asked for
            CHECK(static_cast<char *>(block) - 16 >= firmware.taken.back());
            CHECK(static_cast<char *>(block) + 100 <=
                  static_cast<char *>(firmware.taken.back()) + firmware.asked);
            std::memset(block, 0xff, 100);
            __wrap_free(block);
            CHECK(firmware.given_back.back() == firmware.taken.back());
        }
    void *block = nullptr;
    CHECK(__wrap_posix_memalign(&block, 3, 10) == EINVAL);
    CHECK(__wrap_posix_memalign(&block, 256, 10) == 0);
    CHECK(reinterpret_cast<uintptr_t>(block) % 256 == 0);
    firmware.out_of_memory = true;
    CHECK(__wrap_posix_memalign(&block, 256, 10) == ENOMEM);
}

TEST_CASE("a size that leaves no room for the header fails like the allocator itself")
{
    CHECK(__wrap_malloc(SIZE_MAX) == nullptr);
    CHECK(__wrap_malloc(SIZE_MAX - 8) == nullptr);
    CHECK(__wrap_memalign(64, SIZE_MAX - 40) == nullptr);
    CHECK(__wrap_memalign(SIZE_MAX, 8) == nullptr);
    CHECK(root().sequence == 0);
    unpaired_poll();
    REQUIRE(events().size() == 4);
    CHECK(events()[0].what == UNPAIRED_EVENT_ACQUIRE_FAILED);
    CHECK(events()[0].function == UNPAIRED_FUNCTION_malloc);
}

TEST_CASE("a block is resized in place while it fits and is at least half used, and keeps its bytes")
{
    firmware = {};
    auto *block = static_cast<char *>(malloc_as(owner(0), 100));
    std::memset(block, 'x', 100);
    const size_t taken = firmware.taken.size();
    CHECK(__wrap_realloc(block, 60) == block);
    CHECK(firmware.taken.size() == taken);
    CHECK((header_of(block).size & UNPAIRED_HEADER_SIZE_MASK) == 60);
    CHECK(site_of(block).function == UNPAIRED_FUNCTION_realloc);

    SECTION("grown, it moves")
    {
        auto *moved = static_cast<char *>(__wrap_realloc(block, 200));
        CHECK(moved != block);
        CHECK(std::string(moved, 60) == std::string(60, 'x'));
        CHECK(firmware.given_back.back() == firmware.taken.front());
        CHECK(site_of(moved).live == 1);
    }
    SECTION("shrunk to less than half, it moves")
    {
        auto *moved = static_cast<char *>(__wrap_realloc(block, 20));
        CHECK(moved != block);
        CHECK(std::string(moved, 20) == std::string(20, 'x'));
    }
    SECTION("without memory it stays as it was")
    {
        firmware.out_of_memory = true;
        CHECK(__wrap_realloc(block, 200) == nullptr);
        CHECK((header_of(block).size & UNPAIRED_HEADER_SIZE_MASK) == 60);
        CHECK(firmware.given_back.empty());
    }
    SECTION("to 0 it is freed")
    {
        CHECK(__wrap_realloc(block, 0) == nullptr);
        CHECK(firmware.given_back.back() == firmware.taken.front());
    }
}

TEST_CASE("an aligned block is resized in place with its distance kept, and moves to an ordinary one")
{
    for (const size_t alignment : {32u, 4096u}) {
        auto *block = static_cast<char *>(__wrap_memalign(alignment, 100));
        void *base = firmware.taken.back();
        std::memset(block, 'y', 100);
        CHECK(__wrap_realloc(block, 70) == block);
        auto *moved = static_cast<char *>(__wrap_reallocarray(block, 50, 4));
        CHECK(std::string(moved, 70) == std::string(70, 'y'));
        CHECK(firmware.given_back.back() == base);
    }
}

TEST_CASE("blocks of 16 MiB and more keep their size through realloc")
{
    const size_t size = size_t{20} << 20;
    auto *block = static_cast<char *>(__wrap_malloc(size));
    CHECK((header_of(block).size & UNPAIRED_HEADER_SIZE_MASK) == UNPAIRED_HEADER_SIZE_MASK);
    block[size - 1] = 'z';
    auto *moved = static_cast<char *>(__wrap_realloc(block, size + 1));
    CHECK(moved[size - 1] == 'z');
    CHECK(firmware.given_back.back() == firmware.taken.front());
    __wrap_free(moved);
    CHECK(firmware.given_back.back() == firmware.taken.back());
}

TEST_CASE("what is not ours goes to the real function untouched")
{
    firmware = {};
    alignas(16) static char foreign[64];
    SECTION("free")
    {
        __wrap_free(foreign + 32);
        CHECK(firmware.given_back.back() == foreign + 32);
    }
    SECTION("free of null")
    {
        __wrap_free(nullptr);
        CHECK(firmware.given_back.back() == nullptr);
    }
    SECTION("realloc")
    {
        CHECK(__wrap_realloc(foreign + 32, 99) == foreign + 32);
        CHECK(firmware.given_back.back() == foreign + 32);
    }
    SECTION("memory before it that cannot be read")
    {
        void *block = __wrap_malloc(8);
        firmware.may_read = false; // as for the first block of a region
        __wrap_free(block);
        CHECK(firmware.given_back.back() == block);
    }
    unpaired_poll();
    for (const auto &event : events())
        CHECK(event.what == UNPAIRED_EVENT_ACQUIRE);
}

namespace {

/// Releases a block twice, with `between` in the meantime.
void release_twice(const std::function<void(char *block)> &between)
{
    void *block = malloc_as(owner(0), 8);
    const unsigned site = header_of(block).site & UNPAIRED_HEADER_SITE_MASK;
    __wrap_free(block);
    between(static_cast<char *>(block));
    __wrap_free(block);
    CHECK(firmware.given_back == std::vector<void *>(2, firmware.taken.front()));
    CHECK(unpaired_ram.site[site - 1].live == 0);
    CHECK(unpaired_ram.anomaly[0].kind == UNPAIRED_ANOMALY_DOUBLE_RELEASE);
    CHECK(unpaired_ram.anomaly[0].function == UNPAIRED_FUNCTION_free);
    CHECK(unpaired_ram.anomaly[0].acquire_site == site);
    CHECK(unpaired_ram.anomaly[0].count == 1);
    unpaired_poll();
    REQUIRE(events().size() == 3);
    CHECK(events()[2].what == UNPAIRED_EVENT_DOUBLE_RELEASE);
}

} // namespace

TEST_CASE("a second release is told, and reaches the allocator as it would without us")
{
    release_twice([](char *) {});
}

TEST_CASE("a second release is told from a header that the allocator keeps its free list in")
{
    release_twice([](char *block) { std::memset(block - 16, 0x5a, 8); });
}

TEST_CASE("strdup and strndup are recorded as themselves")
{
    char *copy = __wrap_strdup("hello");
    CHECK(std::string(copy) == "hello");
    CHECK(site_of(copy).function == UNPAIRED_FUNCTION_strdup);
    CHECK(std::string(__wrap_strndup("hello", 3)) == "hel");
    CHECK(std::string(__wrap_strndup("hi", 30)) == "hi");
}

TEST_CASE("the usable size ends where the block does")
{
    void *block = __wrap_malloc(8);
    CHECK(__wrap_malloc_usable_size(block) == 1000 - 16);
    static char foreign[32];
    CHECK(__wrap_malloc_usable_size(foreign + 16) == 1000);
}

TEST_CASE("an allocator on top of another one: the outer call's block, and no second header")
{
    void *block = __wrap_pvPortMalloc(10);
    CHECK(site_of(block).function == UNPAIRED_FUNCTION_pvPortMalloc);
    CHECK(root().sequence == 1);
    CHECK(firmware.asked == 26);
    __wrap_vPortFree(block);
    CHECK(firmware.given_back.back() == firmware.taken.back());

    SECTION("another task in the meantime is not inside")
    {
        firmware.context = 1000;
        void *inner = nullptr;
        firmware.inside = [&] {
            firmware.context = 2000;
            inner = __wrap_malloc(5);
            firmware.context = 1000;
        };
        void *outer = __wrap_pvPortMalloc(10);
        CHECK(site_of(inner).function == UNPAIRED_FUNCTION_malloc);
        CHECK(site_of(outer).function == UNPAIRED_FUNCTION_pvPortMalloc);
        __wrap_free(inner);
        __wrap_vPortFree(outer);
        CHECK(site_of(__wrap_malloc(1)).live == 1); // and nobody was left inside
    }
}
