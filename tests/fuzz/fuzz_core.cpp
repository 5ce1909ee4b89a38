// read_core() without a trace: the core's segments, notes, heap tags and layout.
#include "input/input_error.h"
#include "input/read_core.h"
#include "input_file.h"

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz::InputFile file(data, size);
    CoreHints hints;
    hints.sysroot = "/nonexistent"; // a path in the core opens no file of this machine
    try {
        if (is_core(file.path()))
            read_core(file.path(), hints);
    } catch (const InputError &) {
        // refused
    }
    return 0;
}
