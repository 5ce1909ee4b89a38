// read_stream() with the firmware of tests/golden.
#include "input/read_stream.h"

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const FirmwareElf elf = read_firmware_elf(UNPAIRED_GOLDEN_DIR "/stream-v1.elf");
    try {
        read_stream(std::span(data, size), "input", elf);
    } catch (const InputError &) {
        // refused
    }
    return 0;
}
