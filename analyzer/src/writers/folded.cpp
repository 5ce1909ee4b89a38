#include "writers/folded.h"

#include "writers/selection.h"
#include "writers/text_words.h"

#include <map>

namespace unpaired {
namespace {

/// A name within a line whose frames are parted by semicolons.
std::string part(std::string name)
{
    for (char &c : name)
        if (c == ';')
            c = ':';
        else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '?';
    return name;
}

} // namespace

void write_folded(std::ostream &out, const Report &report, const WriteOptions &options)
{
    const ImageNames names(report);
    std::map<std::string, uint64_t> lines;
    for (const auto &[image, finding] : unpaired_findings(report, options.all)) {
        std::string line = finding->bytes > 0 ? "bytes;" : "objects;";
        line += part(names.of(*image));
        for (auto frame = finding->stack.rbegin(); frame != finding->stack.rend(); ++frame)
            line += ";" + part(frame_name(*frame));
        line += ";" + part(function_text(finding->function));
        lines[line] += finding->bytes > 0 ? finding->bytes : finding->count;
    }
    for (const auto &[line, weight] : lines)
        out << line << ' ' << weight << '\n';
}

} // namespace unpaired
