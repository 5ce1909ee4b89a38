// The image of firmware_samples/ as tests speak of it: by functions and calls, so that no address stands in a test.
#pragma once

#include "input/firmware_elf.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

namespace unpaired::test {

/// Path of an image; fails the test where it could not be built.
inline std::string firmware_path(const std::string &name = "firmware.elf")
{
    const std::string path = (std::filesystem::path(UNPAIRED_FIRMWARE_SAMPLES) / name).string();
    INFO("arm-none-eabi-gcc builds it: run scripts/setup and configure again");
    REQUIRE(std::filesystem::exists(path));
    return path;
}

inline FirmwareElf firmware(const std::string &name = "firmware.elf")
{
    return read_firmware_elf(firmware_path(name));
}

/// Where `caller`'s `nth` call of `callee` returns to; "" stands for a call through a pointer.
inline uint64_t after_call(const FirmwareElf &elf, const std::string &caller, const std::string &callee,
                           int nth = 1)
{
    const FirmwareSymbol *function = elf.symbol(caller), *target = elf.symbol(callee);
    REQUIRE(function != nullptr);
    REQUIRE((callee.empty() || target != nullptr));
    for (uint64_t at = function->address + 2; at <= function->address + function->size; at += 2)
        if (const auto call = call_before(elf, at);
            call && (callee.empty() ? !call->target : call->target == target->address) && --nth == 0)
            return at;
    FAIL(caller << " does not call " << callee);
    return 0;
}

} // namespace unpaired::test
