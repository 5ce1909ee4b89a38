// Parts of the JSON report that other JSON documents take in. For source files that write JSON.
#pragma once

#include "report.h"
#include "writers/json_stream.h"

#include <string>
#include <unordered_map>

namespace unpaired {

/// Writes findings as values into a document, all at one depth. Converts each frame to text once.
class FindingWriter {
public:
    explicit FindingWriter(JsonStream &out);
    void write(const Finding &finding, const TraceInfo &trace);

private:
    void write_stack(const Stack &stack);

    JsonStream &out_;
    std::unordered_map<Stack::SharedFrame, std::string> frames_;
};

/// Writes the report as one value.
void write_report_json(JsonStream &out, const Report &report);

} // namespace unpaired
