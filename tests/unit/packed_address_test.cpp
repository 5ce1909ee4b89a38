#include "unpaired/trace_format.h"

#include <catch2/catch.hpp>
#include <vector>

namespace {

std::vector<uint8_t> pack(const std::vector<uint64_t> &addresses)
{
    std::vector<uint8_t> bytes(addresses.size() * UNPAIRED_PACKED_ADDRESS);
    uint8_t *at = bytes.data();
    uint64_t before = 0;
    for (const uint64_t address : addresses) {
        at = unpaired_pack_address(at, address, before);
        before = address;
    }
    bytes.resize(static_cast<size_t>(at - bytes.data()));
    return bytes;
}

/// Until the bytes end.
std::vector<uint64_t> unpack(const std::vector<uint8_t> &bytes)
{
    std::vector<uint64_t> addresses;
    const uint8_t *const end = bytes.data() + bytes.size();
    uint64_t address = 0;
    for (const uint8_t *at = bytes.data(); (at = unpaired_unpack_address(at, end, &address)) != nullptr;)
        addresses.push_back(address);
    return addresses;
}

} // namespace

TEST_CASE("packed addresses come out as they went in, wherever they lie")
{
    const std::vector<uint64_t> addresses = {
        0x401136,   0x401100, 0x7f12'3456'789a, 0x7f12'3456'7899,  0xffff'8000'0010'0,
        UINT64_MAX, 0,        UINT64_MAX / 2,   uint64_t{1} << 63, 0,
        1};
    CHECK(unpack(pack(addresses)) == addresses);
}

TEST_CASE("a stack within one program takes three or four bytes a frame")
{
    const std::vector<uint64_t> stack = {0x55d0'0040'1136, 0x55d0'0041'8822, 0x55d0'0140'0010};
    CHECK(pack(stack).size() <= 7 + 4 + 4);
}

TEST_CASE("packed addresses that are cut anywhere, or go on for ever, end there")
{
    const std::vector<uint8_t> bytes = pack({0x7f12'3456'789a, 0x7f12'3456'0000, 0x401136});
    for (size_t length = 0; length < bytes.size(); length++)
        CHECK(unpack({bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(length)}).size() < 3);
    CHECK(unpack(std::vector<uint8_t>(64, 0x80)).empty());
}
