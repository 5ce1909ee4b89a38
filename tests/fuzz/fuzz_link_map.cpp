// read_link_map(), and find_in_object() of the same bytes.
#include "input/input_error.h"
#include "input/link_map.h"
#include "input_file.h"

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const fuzz::InputFile file(data, size);
    try {
        section_at(read_link_map(file.path()), 0x1000);
    } catch (const InputError &) {
        // refused
    }
    find_in_object(file.path(), "member.o", "main");
    return 0;
}
