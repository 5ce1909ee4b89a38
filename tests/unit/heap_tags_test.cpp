#include "input/core_file.h"
#include "input/heap_tags.h"
#include "input/input_error.h"
#include "input/read_core.h"
#include "unpaired/owner_tag.h"

#include "image_builder.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <elf.h>

using namespace unpaired;
using namespace unpaired::test;

namespace {

/// The heap of a process as glibc lays it out: chunk after chunk, then what is left.
class HeapBuilder {
public:
    static constexpr uint64_t start = 0x555500000000, length = 0x10000;

    HeapBuilder() : bytes_(length) { chunk(0x290); } // the first is glibc's own

    /// A chunk in use; returns the address of its block.
    uint64_t chunk(uint64_t size, bool previous_in_use = true)
    {
        const uint64_t at = next_;
        put(at + 8, size | (previous_in_use ? 1 : 0));
        next_ += size;
        return start + at + 16;
    }
    /// A block of `size` bytes with its tag; `state` UNPAIRED_TAG_LIVE or _RELEASED.
    uint64_t block(uint32_t size, uint32_t state = UNPAIRED_TAG_LIVE)
    {
        const uint64_t chunk_size = (size + UNPAIRED_TRAILER_SIZE + 8 + 15) / 16 * 16;
        const uint64_t address = chunk(chunk_size);
        tag(address, address + chunk_size - 8, size, state);
        return address;
    }
    void tag(uint64_t address, uint64_t usable_end, uint32_t size, uint32_t state)
    {
        unpaired_trailer trailer{};
        trailer.owner = state == UNPAIRED_TAG_LIVE ? unpaired_owner_from_magic("MQTT") : 0;
        trailer.size = size;
        trailer.site = 0x401234;
        trailer.check = unpaired_trailer_check(&trailer, address, state);
        std::memcpy(&bytes_[usable_end - sizeof trailer - start], &trailer, sizeof trailer);
    }
    void put(uint64_t at, uint64_t value) { std::memcpy(&bytes_[at], &value, sizeof value); }
    uint8_t *at(uint64_t address) { return &bytes_[address - start]; }

    HeapTags scan()
    {
        put(next_ + 8, (length - next_) | 1); // what is left
        MemoryImage memory;
        MemoryImage::Region region;
        region.start = start;
        region.end = start + length;
        region.bytes = wrap_bytes(bytes_, "heap");
        memory.add(region);
        return scan_heap_tags(memory);
    }

private:
    std::vector<uint8_t> bytes_;
    uint64_t next_ = 0;
};

bool covers(const std::vector<std::pair<uint64_t, uint64_t>> &ranges, uint64_t address)
{
    return std::any_of(ranges.begin(), ranges.end(), [address](const auto &range) {
        return address >= range.first && address < range.second;
    });
}

} // namespace

TEST_CASE("tagged blocks are found in a heap, with owner, size and call")
{
    HeapBuilder heap;
    const uint64_t small = heap.block(0), big = heap.block(5000);
    const HeapTags tags = heap.scan();
    REQUIRE(tags.live.size() == 2);
    CHECK(tags.live[0].address == small);
    CHECK(tags.live[0].size == 0);
    CHECK(tags.live[1].address == big);
    CHECK(tags.live[1].size == 5000);
    CHECK(tags.live[1].owner == unpaired_owner_from_magic("MQTT"));
    CHECK(tags.live[1].site == 0x401234);
}

TEST_CASE("a block with a mapping of its own has its tag 16 bytes before the end")
{
    HeapBuilder heap;
    const uint64_t address = heap.chunk(0x1000 | 2, false); // IS_MMAPPED
    heap.tag(address, address - 16 + 0x1000, 4000, UNPAIRED_TAG_LIVE);
    const HeapTags tags = heap.scan();
    REQUIRE(tags.live.size() == 1);
    CHECK(tags.live[0].size == 4000);
}

TEST_CASE("given back, consolidated and never used chunks are free; what has no tag is in use by others")
{
    HeapBuilder heap;
    heap.block(100);
    const uint64_t waiting = heap.block(200, UNPAIRED_TAG_RELEASED); // in a list of the thread
    const uint64_t foreign = heap.chunk(0x60);
    const uint64_t merged = heap.chunk(0x100);
    heap.chunk(0x40, false); // says that the one before it is free
    const uint64_t last = heap.block(8);
    const HeapTags tags = heap.scan();
    CHECK(covers(tags.free, waiting));
    CHECK(covers(tags.free, merged));
    CHECK(covers(tags.free, last + 0x1000));
    CHECK(covers(tags.other, foreign));
    CHECK_FALSE(covers(tags.free, foreign));
    CHECK(tags.unclear.empty());
}

TEST_CASE("a copied tag, and a tag that was written over, are none")
{
    HeapBuilder heap;
    const uint64_t real = heap.block(40), other = heap.block(40), damaged = heap.block(40);
    std::memcpy(heap.at(other), heap.at(real), 72); // block and tag, to another address
    *heap.at(damaged + 50) ^= 1;
    const HeapTags tags = heap.scan();
    REQUIRE(tags.live.size() == 1);
    CHECK(tags.live[0].address == real);
}

TEST_CASE("the tag of a known block is found in any allocator's heap")
{
    std::vector<uint8_t> bytes(8192);
    constexpr uint64_t start = 0x7f0000000000, block = start + 64;
    unpaired_trailer trailer{};
    trailer.size = 1000;
    trailer.site = 0x401234;
    trailer.check = unpaired_trailer_check(&trailer, block, UNPAIRED_TAG_LIVE);
    std::memcpy(&bytes[64 + 1280 - sizeof trailer], &trailer, sizeof trailer); // a size class of 1,280
    MemoryImage memory;
    MemoryImage::Region region;
    region.start = start;
    region.end = start + bytes.size();
    region.bytes = wrap_bytes(bytes, "heap");
    memory.add(region);
    REQUIRE(find_tag(memory, block, 1000).has_value());
    CHECK(find_tag(memory, block, 1000)->site == 0x401234);
    CHECK_FALSE(find_tag(memory, block + 16, 1000).has_value());
}

TEST_CASE("a core cut off or damaged anywhere is read as far as it goes, or refused")
{
    // header, one note with a thread and the process, one segment
    std::vector<uint8_t> core(0x1000 + 0x800);
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 2;
    Elf64_Phdr note{}, load{};
    note.p_type = PT_NOTE;
    note.p_offset = 0x200;
    note.p_filesz = 0x400;
    load.p_type = PT_LOAD;
    load.p_flags = PF_R | PF_W;
    load.p_offset = 0x1000;
    load.p_filesz = load.p_memsz = 0x800;
    load.p_vaddr = 0x7ffc00000000;
    Elf64_Nhdr status{5, 336, NT_PRSTATUS};
    std::memcpy(core.data(), &header, sizeof header);
    std::memcpy(&core[sizeof header], &note, sizeof note);
    std::memcpy(&core[sizeof header + sizeof note], &load, sizeof load);
    std::memcpy(&core[0x200], &status, sizeof status);
    std::memcpy(&core[0x200 + sizeof status], "CORE", 5);

    const auto read = [](const std::vector<uint8_t> &bytes) {
        const TemporaryFile file(bytes, "core");
        try {
            const CoreFile core_file = read_core_file(file.path());
            scan_heap_tags(core_file.memory);
            modules_of(core_file, "");
            return core_file.damage.size();
        } catch (const InputError &) {
            return SIZE_MAX;
        }
    };
    CHECK(read(core) == 0);
    for (size_t length = 0; length < core.size(); length += length < 0x700 ? 7 : 101) {
        const size_t damage = read({core.begin(), core.begin() + static_cast<ptrdiff_t>(length)});
        CHECK(damage > 0);
    }
    uint32_t noise = 7;
    for (int round = 0; round < 500; round++) {
        std::vector<uint8_t> damaged = core;
        for (int flips = 0; flips < 4; flips++) {
            noise = noise * 1664525u + 1013904223u;
            damaged[(noise >> 8) % 0x700] ^= static_cast<uint8_t>(noise >> 3);
        }
        read(damaged);
    }
}

TEST_CASE("a RAM image damaged anywhere is read, or refused")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", ImageBuilder::text + 0x40, "MQTT");
    for (int i = 0; i < 10; i++)
        image.block(site, 20, "MQTT");
    image.handle(site, 3, "lwip_socket");
    image.mark();
    uint32_t noise = 11;
    for (int round = 0; round < 200; round++) {
        std::vector<uint8_t> damaged = image.bytes();
        for (int flips = 0; flips < 6; flips++) {
            noise = noise * 1664525u + 1013904223u;
            damaged[0x1000 + (noise >> 8) % 0x1000] ^= static_cast<uint8_t>(noise >> 3);
        }
        const TemporaryFile file(damaged);
        try {
            const Remains remains = read_ram({{file.path(), ImageBuilder::base}}, image.elf);
            CHECK(remains.trace.slots.size() <= 30);
        } catch (const InputError &error) {
            CHECK(std::string(error.what()).find(file.path()) != std::string::npos);
        }
    }
}
