// read_firmware_elf(), and what is asked of its result.
#include "input/firmware_elf.h"

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (const bool needed : {true, false}) {
        try {
            const FirmwareElf elf =
                read_firmware_elf(std::vector<uint8_t>(data, data + size), "input", {needed, needed});
            for (const FirmwareSection &section : elf.sections)
                call_before(elf, section.address + 8);
            elf.symbol("main");
            elf.function_at(elf.entry);
            elf.object_at(elf.entry);
        } catch (const InputError &) {
            // refused
        }
    }
    return 0;
}
