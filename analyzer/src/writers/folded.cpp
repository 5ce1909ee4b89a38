#include "writers/folded.h"

#include "writers/selection.h"
#include "writers/text_words.h"
#include "writers/utf8.h"

#include <algorithm>
#include <map>

namespace unpaired {
namespace {

/// A name within a line whose frames are parted by semicolons.
std::string part(const std::string &name)
{
    std::string clean = one_printable_line(name);
    std::replace(clean.begin(), clean.end(), ';', ':');
    return clean;
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
