// read_trace() of raw traces with their log of events, and the analysis of what it returns.
#include "input/read_trace.h"
#include "passes/analyze.h"
#include "writers/json.h"

#include <sstream>

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try {
        std::vector<Trace> traces;
        traces.push_back(read_trace(std::span(data, size), "input", Events::read));
        Symbolize no_names = [](const Module &, uint64_t) { return std::vector<Frame>(); };
        std::ostringstream out;
        write_json(out, analyze(traces, {}, no_names));
    } catch (const InputError &) {
        // refused
    }
    return 0;
}
