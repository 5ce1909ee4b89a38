// parse_report() of a saved report, which is written again as JSON.
#include "input/input_error.h"
#include "input/read_report.h"
#include "writers/json.h"

#include <sstream>

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try {
        const Report report = parse_report({reinterpret_cast<const char *>(data), size}, "input");
        std::ostringstream out;
        write_json(out, report);
    } catch (const InputError &) {
        // refused
    }
    return 0;
}
