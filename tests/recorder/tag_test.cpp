#include "tag.h"

#include <catch2/catch.hpp>
#include <cstring>

using namespace unpaired;

namespace {
struct Block {
    alignas(16) char bytes[128] = {};
    static constexpr size_t usable = 104;
};
constexpr uint32_t owner = UNPAIRED_OWNER('M', 'Q', 'T', 'T');
} // namespace

TEST_CASE("a tag is live where it was written and nowhere else")
{
    Block block, copy;
    write_tag(block.bytes, Block::usable, 80, owner, 0x1234, 7);
    CHECK(read_tag(block.bytes, Block::usable).state == TagState::live);
    CHECK(read_tag(block.bytes, Block::usable).at->slot == 7);
    memcpy(copy.bytes, block.bytes, sizeof copy.bytes); // the check covers the block's address
    CHECK(read_tag(copy.bytes, Block::usable).state == TagState::none);
}

TEST_CASE("the owner's four letters stand in the block, last but 20 bytes, and are wiped on release")
{
    Block block;
    write_tag(block.bytes, Block::usable, 80, owner, 0x1234, 7);
    CHECK(memcmp(block.bytes + Block::usable - 24, "MQTT", 4) == 0);
    wipe_tag(trailer_of(block.bytes, Block::usable), block.bytes);
    CHECK(memcmp(block.bytes + Block::usable - 24, "MQTT", 4) != 0);
    CHECK(read_tag(block.bytes, Block::usable).state == TagState::released);
}

TEST_CASE("one changed bit anywhere in a tag is noticed")
{
    for (size_t bit = 0; bit < UNPAIRED_TRAILER_SIZE * 8; bit++) {
        Block block;
        write_tag(block.bytes, Block::usable, 80, owner, 0x123456789a, 7);
        block.bytes[Block::usable - UNPAIRED_TRAILER_SIZE + bit / 8] ^= static_cast<char>(1 << (bit % 8));
        REQUIRE(read_tag(block.bytes, Block::usable).state == TagState::none);
    }
}

TEST_CASE("a block too small for a tag has none")
{
    Block block;
    CHECK(read_tag(block.bytes, 16).state == TagState::none);
    CHECK(read_tag(block.bytes, 0).state == TagState::none);
}

TEST_CASE("a magic comes from a name: capitals, no directory, no lib, blanks behind")
{
    const auto text = [](uint32_t magic) { return std::string(reinterpret_cast<const char *>(&magic), 4); };
    CHECK(text(unpaired_owner_from_name("/usr/lib/libmodbus.so.5")) == "MODB");
    CHECK(text(unpaired_owner_from_name("mqtt_rx")) == "MQTT");
    CHECK(text(unpaired_owner_from_name("ls")) == "LS  ");
    CHECK(text(unpaired_owner_from_name("lib.so")) == "LIB ");
    CHECK(unpaired_owner_from_name("...") == 0);
    CHECK(text(unpaired_owner_from_magic("AB")) == "AB  ");
}
