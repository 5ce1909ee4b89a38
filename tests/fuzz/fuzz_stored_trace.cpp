// read_trace() of a trace as `record` stores it: independent parts of zstd, each with its description and checksum.
// `fuzz_stored_trace --store FROM TO` makes a seed of a raw trace.
#include "commands/store_trace.h"
#include "input/read_trace.h"

#include <cstdlib>

using namespace unpaired;

extern "C" int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    if (*count == 4 && std::string((*arguments)[1]) == "--store") {
        store_trace((*arguments)[2], (*arguments)[3]);
        std::exit(0);
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try {
        read_trace(std::span(data, size), "input", Events::read);
    } catch (const InputError &) {
        // refused
    }
    return 0;
}
