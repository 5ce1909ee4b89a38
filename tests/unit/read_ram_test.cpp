#include "image_builder.h"

#include "input/input_error.h"
#include "unpaired/owner_tag.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <cstring>

using namespace unpaired;
using namespace unpaired::test;
using Catch::Matchers::Contains;

namespace {

constexpr uint64_t place = ImageBuilder::text + 0x40, other_place = ImageBuilder::text + 0x80;

/// What read_ram() refuses, in its words.
std::string refusal(const std::vector<uint8_t> &bytes, const FirmwareElf &elf,
                    std::optional<uint64_t> base = ImageBuilder::base)
{
    const TemporaryFile file(bytes);
    try {
        read_ram({{file.path(), base}}, elf);
    } catch (const InputError &error) {
        std::string text = error.what();
        CHECK(text.find('\n') == std::string::npos);
        CHECK_THAT(text, Contains(file.path()));
        return text;
    }
    return "it was read";
}

bool told(const Remains &remains, const std::string &part)
{
    for (const std::string &sentence : remains.trace.damage)
        if (sentence.find(part) != std::string::npos)
            return true;
    return false;
}

} // namespace

TEST_CASE("a RAM image: live blocks by owner, size, call site; released ones are none")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place, "MQTT", 12);
    const uint64_t first = image.block(site, 20, "MQTT"), gone = image.block(site, 24, "MQTT"),
                   last = image.block(site, 40, "MQTT");
    image.release(gone);
    const Remains remains = remains_of(image);
    const Trace &trace = remains.trace;
    CHECK(trace.source == source_ram);
    REQUIRE(trace.slots.size() == 2);
    CHECK(trace.slots[0].handle == first);
    CHECK(trace.slots[0].size == 20);
    CHECK(trace.slots[1].handle == last);
    const Site &where = trace.sites.at(trace.slots[1].site);
    CHECK(where.owner == unpaired_owner_from_magic("MQTT"));
    CHECK(where.stack == std::vector<uint64_t>{place});
    CHECK(trace.dictionary.functions.at(where.function).name == "malloc");
    REQUIRE(trace.counters.size() == 1);
    CHECK(trace.counters[0].acquired == 12);
    CHECK(remains.blocks.size() == 2);
    CHECK(trace.damage.empty());
}

TEST_CASE("a RAM image: live handles with the observer before, and failed releases")
{
    ImageBuilder image;
    const uint16_t site = image.site("lwip_socket", place, "MBUS", 38);
    image.handle(site, 7, "lwip_socket", "lwip_shutdown", 1);
    image.handle(UNPAIRED_RAM_NO_SITE, 9, "lwip_socket");
    image.anomaly(UNPAIRED_ANOMALY_RELEASE_FAILED, "lwip_close", site, other_place, -1, 37, "lwip_shutdown");
    const Trace trace = remains_of(image).trace;
    REQUIRE(trace.slots.size() == 2);
    CHECK(trace.slots[0].handle == 7);
    CHECK(trace.slots[0].release_site != 0);
    CHECK(trace.dictionary.functions.at(trace.slots[0].observed).name == "lwip_shutdown");
    CHECK(trace.slots[1].handle == 9);
    CHECK(trace.sites.at(trace.slots[1].site).stack.empty());
    REQUIRE(trace.anomalies.size() == 1);
    CHECK(trace.anomalies[0].acquire_site == site);
    CHECK(trace.anomalies[0].count == 37);
    CHECK(trace.sites.at(trace.anomalies[0].release_site).stack == std::vector<uint64_t>{other_place});
}

TEST_CASE("a RAM image: survivors have the cycle they were acquired in")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    SECTION("exactly, while every mark has its entry")
    {
        for (int cycle = 0; cycle < 5; cycle++) {
            image.block(site, 16);
            image.mark();
        }
        const Trace trace = remains_of(image).trace;
        CHECK(trace.cycles == 5);
        for (uint32_t i = 0; i < 5; i++)
            CHECK(trace.slots[i].cycle == i);
    }
    SECTION("in between, when only every fourth has")
    {
        image.root_.marks_stride = 4;
        for (int cycle = 0; cycle < 12; cycle++) {
            image.block(site, 16);
            image.mark();
        }
        const Trace trace = remains_of(image).trace;
        CHECK(trace.cycles == 12);
        for (uint32_t i = 0; i < 12; i++)
            CHECK(trace.slots[i].cycle == i);
    }
}

TEST_CASE("a RAM image: decoys give no false block")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place, "MQTT");
    const uint64_t block = image.block(site, 64, "MQTT");
    // the header copied with its block, as memcpy of a whole buffer or a task's stack would
    const std::vector<uint8_t> bytes = image.bytes();
    const std::string copy(bytes.begin() + static_cast<ptrdiff_t>(block - 16 - ImageBuilder::base),
                           bytes.begin() + static_cast<ptrdiff_t>(block + 64 - ImageBuilder::base));
    for (uint64_t at : {0x20010000, 0x20010104, 0x20010208, 0x2003f800})
        image.write(at, copy);
    image.write(0x20020000, "MQTT MQTT UNPAIRAM MQTT UNPAIRAM");
    image.write(0x20030000, std::string(UNPAIRED_RAM_MAGIC).append(200, '\x7f'));
    uint32_t noise = 1;
    for (uint64_t at = 0x20020100; at < 0x2002f000; at += 4) {
        noise = noise * 1664525u + 1013904223u;
        image.point(at, noise);
    }
    const Remains remains = remains_of(image);
    REQUIRE(remains.trace.slots.size() == 1);
    CHECK(remains.trace.slots[0].handle == block);
}

TEST_CASE("a RAM image: of two blocks of one heap that overlap the later one is live")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    image.block(site, 200);
    const uint64_t later = image.block(site, 40, "", ImageBuilder::heap + 64);
    const Remains remains = remains_of(image);
    REQUIRE(remains.trace.slots.size() == 1);
    CHECK(remains.trace.slots[0].handle == later);
    CHECK(told(remains, "1 block headers were left out"));
}

TEST_CASE("a RAM image without a base is placed by its root block")
{
    ImageBuilder image;
    image.block(image.site("malloc", place), 20);
    image.write(0x20000000, "UNPAIRAM"); // no root: it makes no sense
    const TemporaryFile file(image.bytes());
    const Remains remains = read_ram({{file.path(), std::nullopt}}, image.elf);
    CHECK(remains.trace.slots.size() == 1);
    CHECK(told(remains, "its first byte is at 0x20000000"));
}

TEST_CASE("a RAM image without a root block is read by its headers alone, and says so")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    image.block(site, 20, "MQTT");
    image.block(site, 20, "MBUS");
    image.with_root = false;
    SECTION("at the base given")
    {
        const Remains remains = remains_of(image);
        REQUIRE(remains.trace.slots.size() == 2);
        CHECK(remains.trace.sites.at(remains.trace.slots[0].site).owner == unpaired_owner_from_magic("MQTT"));
        CHECK(remains.trace.sites.at(remains.trace.slots[1].site).stack.empty());
        CHECK(told(remains, "by their headers alone"));
    }
    SECTION("at a base that the ELF file suggests")
    {
        FirmwareSegment segment;
        segment.address = ImageBuilder::base + 0x100;
        segment.writable = true;
        image.elf.segments = {segment};
        const TemporaryFile file(image.bytes());
        const Remains remains = read_ram({{file.path(), std::nullopt}}, image.elf);
        CHECK(remains.trace.slots.size() == 2);
        CHECK(told(remains, "is taken to be at 0x20000000"));
    }
}

TEST_CASE("a RAM image that cannot be read is refused in one line that says why")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    image.block(site, 20);
    SECTION("without root block and headers")
    {
        CHECK_THAT(refusal(std::vector<uint8_t>(0x10000, 0x5a), image.elf),
                   Contains("neither a root block nor"));
        CHECK_THAT(refusal(std::vector<uint8_t>(0x10000, 0x5a), image.elf, std::nullopt),
                   Contains("neither a root block nor"));
    }
    SECTION("with a wrong base: the right one is told")
    {
        CHECK_THAT(refusal(image.bytes(), image.elf, 0x20010000), Contains("must be 0x20000000"));
    }
    SECTION("of another build: its variables lie elsewhere")
    {
        for (FirmwareSymbol &object : image.elf.objects)
            object.address += 0x40;
        CHECK_THAT(refusal(image.bytes(), image.elf), Contains("another build"));
    }
    SECTION("of another build, without a base")
    {
        for (FirmwareSymbol &object : image.elf.objects)
            object.address += 0x40;
        CHECK_THAT(refusal(image.bytes(), image.elf, std::nullopt), Contains("another build"));
    }
    SECTION("of another build: the build-id lies elsewhere")
    {
        image.elf.build_id_address += 4;
        CHECK_THAT(refusal(image.bytes(), image.elf), Contains("another build") && Contains("build-id"));
    }
    SECTION("of another build: its call sites are no calls")
    {
        image.elf.file = std::make_shared<const std::vector<uint8_t>>(0x4000);
        image.elf.sections[0].bytes = *image.elf.file;
        CHECK_THAT(refusal(image.bytes(), image.elf), Contains("another build") && Contains("call"));
    }
    SECTION("of a machine with other addresses")
    {
        image.elf.address_size = 8;
        CHECK_THAT(refusal(image.bytes(), image.elf), Contains("another build") && Contains("32-bit"));
    }
    SECTION("an empty file") { CHECK_THAT(refusal({}, image.elf), Contains("is empty")); }
    SECTION("one that ends before the tables, and has nothing else")
    {
        std::vector<uint8_t> cut = image.bytes();
        cut.resize(0x800);
        CHECK_THAT(refusal(cut, image.elf), Contains("ends before unpaired_ram") && Contains("saved whole"));
    }
    SECTION("a directory")
    {
        CHECK_THROWS_WITH(read_ram({{"/tmp", std::nullopt}}, image.elf), Contains("is a directory"));
    }
    SECTION("a file that is not there")
    {
        CHECK_THROWS_WITH(read_ram({{"/nowhere/ram.bin", std::nullopt}}, image.elf),
                          Contains("/nowhere/ram.bin"));
    }
}

TEST_CASE("a RAM image that was cut off gives what is there, and tells what is missing")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    const uint64_t near = image.block(site, 20);
    image.block(site, 20, "", 0x20030000);
    std::vector<uint8_t> cut = image.bytes();
    cut.resize(0x10000);
    const TemporaryFile file(cut);
    const Remains remains = read_ram({{file.path(), ImageBuilder::base}}, image.elf);
    REQUIRE(remains.trace.slots.size() == 1);
    CHECK(remains.trace.slots[0].handle == near);
    CHECK(told(remains, "counts 2 live blocks, 1 were found"));

    SECTION("the tables too, where it ends before the heap")
    {
        cut.resize(0x3000);
        const TemporaryFile short_file(cut);
        const Remains tables = read_ram({{short_file.path(), ImageBuilder::base}}, image.elf);
        CHECK(tables.trace.counters.size() == 1);
        CHECK(told(tables, "counts 2 live blocks, 0 were found"));
    }
}

TEST_CASE("a RAM image in several files: blocks of each")
{
    ImageBuilder image;
    const uint16_t site = image.site("malloc", place);
    image.block(site, 20);
    image.block(site, 20, "", 0x20030000);
    const std::vector<uint8_t> whole = image.bytes();
    const TemporaryFile low({whole.begin(), whole.begin() + 0x20000}),
        high({whole.begin() + 0x20000, whole.end()});
    const Remains remains =
        read_ram({{low.path(), ImageBuilder::base}, {high.path(), ImageBuilder::base + 0x20000}}, image.elf);
    CHECK(remains.trace.slots.size() == 2);
}

TEST_CASE("a RAM image tells what found no room on the device")
{
    ImageBuilder image;
    image.block(0, 20, "MQTT");
    image.root_.drops[UNPAIRED_RAM_DROP_SITE] = 3;
    const Remains remains = remains_of(image);
    REQUIRE(remains.trace.slots.size() == 1);
    CHECK(remains.trace.sites.at(remains.trace.slots[0].site).owner == unpaired_owner_from_magic("MQTT"));
    CHECK(told(remains, "3 acquisitions found no room in the site table"));
}
