#include "writers/diff.h"
#include "writers/text_canvas.h"
#include "writers/text_clean.h"
#include "writers/text_finding.h"
#include "writers/text_words.h"

#include "rules.h"
#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr std::array changes_in_order = {Change::added, Change::grown, Change::shrunk, Change::gone,
                                         Change::unchanged};

std::string_view word_of(Change change)
{
    switch (change) {
    case Change::added:
        return "new";
    case Change::grown:
        return "grown";
    case Change::shrunk:
        return "shrunk";
    case Change::gone:
        return "gone";
    case Change::unchanged:
        break;
    }
    return "unchanged";
}

/// What it was, behind the sentence that tells what it is.
std::string before_text(const Difference &difference)
{
    std::string text;
    if (difference.after && difference.after->images > 1)
        text += fmt::format(", in {} processes", difference.after->images);
    if (!difference.before || !difference.after || difference.change == Change::unchanged)
        return text;
    const Finding &before = difference.before->finding, &after = difference.after->finding;
    switch (difference.by) {
    case Measure::per_cycle:
        return text + fmt::format("; {:.3g} per cycle, {:.3g} before", after.per_cycle, before.per_cycle);
    case Measure::severity:
        return text + fmt::format("; a {} before", severity_name(before.severity));
    case Measure::count:
        break;
    }
    return text + fmt::format("; {} before", grouped(before.count));
}

class DiffWriter {
public:
    DiffWriter(const Comparison &comparison, const DiffNames &names, const TextStyle &style)
        : comparison_(comparison), names_(names), style_(style), canvas_(style)
    {}

    std::string write()
    {
        std::vector<std::string> quiet;
        bool first = true;
        for (const std::string &program : comparison_.programs) {
            const std::vector<const Difference *> all = differences_of(program);
            if (comparison_.programs.size() > 1 &&
                std::none_of(all.begin(), all.end(), [this](const auto *one) { return shown(*one); })) {
                quiet.push_back(cleaned(program));
                continue;
            }
            if (!first)
                canvas_.line("");
            first = false;
            write_program(program, all);
        }
        if (comparison_.programs.empty())
            canvas_.line(canvas_.bold("Nothing was recorded in either."));
        if (!quiet.empty()) {
            if (!first)
                canvas_.line("");
            canvas_.wrapped_line(fmt::format("Nothing new in {}.", joined(quiet, ", ")), 0, 2);
        }
        if (!comparison_.remarks.empty())
            canvas_.line("");
        for (const std::string &remark : comparison_.remarks)
            canvas_.wrapped_line("remark: " + cleaned(remark), 0, 8);
        return canvas_.taken();
    }

private:
    std::vector<const Difference *> differences_of(const std::string &program) const
    {
        std::vector<const Difference *> found;
        for (const Difference &difference : comparison_.differences)
            if (difference.program == program)
                found.push_back(&difference);
        return found;
    }

    /// Notes are left out unless they count, or were more than that.
    bool shown(const Difference &difference) const
    {
        if (style_.all || difference.counts(names_.least))
            return true;
        const bool note = difference.finding().severity == Severity::note &&
                          (!difference.before || difference.before->finding.severity == Severity::note);
        return difference.change != Change::unchanged && !note && !difference.suppressed();
    }

    void write_program(const std::string &program, const std::vector<const Difference *> &all)
    {
        write_headline(program, all);
        size_t number = 0;
        bool any = false;
        for (const Difference *difference : all)
            if (shown(*difference)) {
                if (!any)
                    canvas_.line("");
                any = true;
                write_line(*difference, difference->change == Change::added ? ++number : 0);
            }
        number = 0;
        for (const Difference *difference : all)
            if (shown(*difference) && difference->change == Change::added)
                write_finding(canvas_, cleaned(difference->finding()), cleaned(difference->latest().trace),
                              ++number, false);
        write_folded(all);
    }

    void write_headline(const std::string &program, const std::vector<const Difference *> &all)
    {
        std::vector<std::string> parts;
        Severity worst = Severity::note;
        for (const Change change : changes_in_order) {
            const auto n = std::count_if(all.begin(), all.end(), [this, change](const auto *one) {
                return one->change == change && change != Change::unchanged && shown(*one);
            });
            if (n > 0)
                parts.push_back(fmt::format("{} {}", grouped(static_cast<uint64_t>(n)), word_of(change)));
        }
        const bool news = std::any_of(all.begin(), all.end(), [&](const auto *one) {
            if (!shown(*one) || (one->change != Change::added && one->change != Change::grown))
                return false;
            worst = std::max(worst, one->finding().severity);
            return true;
        });
        if (!news)
            parts.insert(parts.begin(), "nothing new");
        const std::string verdict = joined(parts, ", ");
        canvas_.line(fmt::format(
            "{}{} {}", canvas_.bold(cleaned(program) + ": "),
            news ? canvas_.painted(worst, verdict) : canvas_.bold(verdict),
            canvas_.dim(fmt::format("({} -> {})", cleaned(names_.before), cleaned(names_.after)))));
    }

    void write_line(const Difference &difference, size_t number)
    {
        const Finding finding = cleaned(difference.finding());
        const std::string word(word_of(difference.change));
        const bool bad = difference.change == Change::added || difference.change == Change::grown;
        const std::string head = fmt::format(
            "{:>3}  {}  {} ", number > 0 ? fmt::format("{}", number) : std::string(),
            padded(bad ? canvas_.painted(finding.severity, word) : canvas_.dim(word), style_.all ? 9 : 6),
            padded(canvas_.painted(finding.severity, severity_name(finding.severity)), 8));
        const std::string text =
            wrapped(finding_sentence(finding, cleaned(difference.latest().trace)) + before_text(difference),
                    canvas_.width(), columns(head), columns(head));
        canvas_.line(head + text.substr(columns(head)));
    }

    void write_folded(const std::vector<const Difference *> &all)
    {
        uint64_t unchanged = 0, notes = 0, suppressed = 0;
        for (const Difference *difference : all) {
            if (shown(*difference))
                continue;
            if (difference->suppressed())
                suppressed++;
            else
                (difference->finding().severity == Severity::note ? notes : unchanged)++;
        }
        std::vector<std::string> parts;
        if (unchanged)
            parts.push_back(fmt::format("{} unchanged", plural(unchanged, "finding")));
        if (notes)
            parts.push_back(plural(notes, "note"));
        if (suppressed)
            parts.push_back(fmt::format("{} suppressed", plural(suppressed, "finding")));
        if (parts.empty())
            return;
        canvas_.line("");
        canvas_.line(canvas_.dim(wrapped(fmt::format("{}, not shown: --all shows them.", joined(parts, ", ")),
                                         style_.width, 5, 5)));
    }

    const Comparison &comparison_;
    const DiffNames &names_;
    const TextStyle &style_;
    TextCanvas canvas_;
};

} // namespace

std::string write_diff_text(const Comparison &comparison, const DiffNames &names, const TextStyle &style)
{
    return DiffWriter(comparison, names, style).write();
}

} // namespace unpaired
