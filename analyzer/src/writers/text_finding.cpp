#include "writers/text_finding.h"

#include "rules.h"
#include "writers/text_facts.h"
#include "writers/text_stack.h"
#include "writers/text_words.h"

#include <algorithm>
#include <fmt/format.h>

namespace unpaired {
namespace {

void write_rule_line(TextCanvas &canvas, const Finding &f, size_t number, bool alone)
{
    const std::string label = alone ? "     " : fmt::format("{:>3}  ", number);
    std::string head = label + canvas.painted(f.severity, severity_name(f.severity)) +
                       fmt::format(" {}, {}", f.rule, f.family);
    if (!f.owner.empty())
        head += fmt::format(", owner {}", f.owner);
    if (f.id.empty())
        return canvas.line(head);
    const std::string id = "id " + f.id;
    const size_t used = columns(head) + id.size();
    if (used + 2 <= canvas.width())
        return canvas.line(head + std::string(canvas.width() - used, ' ') + canvas.dim(id));
    canvas.line(head);
    canvas.line("     " + canvas.dim(id));
}

/// The first bytes of some blocks, as a hex dump shows them: often they say what the block is.
void write_previews(TextCanvas &canvas, const Finding &f)
{
    constexpr size_t per_line = 16;
    for (const Preview &preview : f.preview)
        for (size_t at = 0; at < preview.bytes.size(); at += per_line) {
            const size_t end = std::min(at + per_line, preview.bytes.size());
            const std::vector<uint8_t> row(preview.bytes.begin() + static_cast<ptrdiff_t>(at),
                                           preview.bytes.begin() + static_cast<ptrdiff_t>(end));
            canvas.line(
                canvas.dim(fmt::format("     {:>{}}  {:02x}{:{}}  {}",
                                       at == 0 ? fmt::format("{:#x}", preview.address) : std::string(),
                                       preview.address > UINT32_MAX ? 14 : 10, fmt::join(row, " "), "",
                                       3 * (per_line - row.size()), printable(row))));
        }
}

} // namespace

void write_finding(TextCanvas &canvas, const Finding &f, const TraceInfo &trace, size_t number, bool alone)
{
    canvas.line("");
    write_rule_line(canvas, f, number, alone);
    for (const std::string &fact : finding_facts(f, trace, alone))
        canvas.wrapped_line(fact, 5, 7);
    write_previews(canvas, f);
    if (!f.stack.empty()) {
        canvas.line(f.function.empty()
                        ? "     acquired from"
                        : fmt::format("     {} called from", canvas.bold(function_text(f.function))));
        write_stack(canvas, f.stack, &f.blame);
    }
    if (f.failed_release && !f.failed_release->stack.empty()) {
        canvas.line(fmt::format("     {}, called from", failed_release_intro(f)));
        write_stack(canvas, f.failed_release->stack, nullptr);
    }
    if (f.ended_by && !f.ended_by->function.empty()) {
        canvas.line(fmt::format("     {} {}{}", ended_by_intro(f),
                                canvas.bold(function_text(f.ended_by->function)),
                                f.ended_by->stack.empty() ? "" : ", called from"));
        write_stack(canvas, f.ended_by->stack, nullptr);
    }
}

} // namespace unpaired
