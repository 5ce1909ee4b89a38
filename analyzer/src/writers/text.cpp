#include "writers/text.h"

#include "writers/text_clean.h"
#include "writers/text_facts.h"
#include "writers/text_first_lines.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <string_view>

namespace unpaired {
namespace {

constexpr size_t frames_shown = 12; ///< of a stack, unless everything is asked for

class TextWriter {
public:
    TextWriter(const Report &report, const TextStyle &style) : report_(report), style_(style) {}

    std::string write()
    {
        if (report_.images.empty())
            line(bold("Nothing was recorded."));
        std::vector<const ImageReport *> quiet;
        std::map<std::string, std::vector<const ImageReport *>> alike;
        for (const ImageReport &image : report_.images)
            if (!findings_key(image).empty())
                alike[findings_key(image)].push_back(&image);
        bool first = true;
        for (const ImageReport &image : report_.images) {
            if (!worth_showing(image) && report_.images.size() > 1) {
                quiet.push_back(&image);
                continue;
            }
            const auto same = alike.find(findings_key(image));
            if (!style_.all && same != alike.end() && same->second.front() != &image)
                continue; // told with the first of them
            if (!first)
                line("");
            first = false;
            write_image(image);
            if (!style_.all && same != alike.end() && same->second.size() > 1)
                write_alike(same->second);
        }
        write_quiet(quiet);
        if (!report_.remarks.empty())
            line("");
        write_remarks(report_.remarks);
        return std::move(out_);
    }

private:
    struct Counts {
        uint64_t leaks = 0, suspects = 0, notes = 0, suppressed = 0, note_resources = 0, note_bytes = 0;
    };

    static Counts count(const ImageReport &image)
    {
        Counts n;
        for (const Finding &f : image.findings) {
            if (!f.suppressed_by.empty()) {
                n.suppressed++;
            } else if (f.severity == Severity::note) {
                n.notes++;
                n.note_resources += f.count;
                n.note_bytes += f.bytes;
            } else {
                (f.severity == Severity::leak ? n.leaks : n.suspects)++;
            }
        }
        return n;
    }

    bool worth_showing(const ImageReport &image) const
    {
        const Counts n = count(image);
        return n.leaks || n.suspects || image.trace.end == "running" || image.trace.end == "truncated" ||
               image.trace.events_lost || (style_.all && !image.findings.empty());
    }

    /// Equal for processes of one program with the same findings; "" for one that has none to show.
    std::string findings_key(const ImageReport &image) const
    {
        std::string key;
        for (const Finding &f : image.findings)
            if (shown(f) && !f.id.empty())
                key += f.id + " ";
        return key.empty() ? key : key + image.trace.program;
    }

    bool shown(const Finding &f) const
    {
        return style_.all || (f.suppressed_by.empty() && f.severity != Severity::note);
    }

    // ---- colours

    std::string paint(std::string_view code, std::string_view text) const
    {
        return style_.colour ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
    }
    std::string bold(std::string_view text) const { return paint("1", text); }
    std::string dim(std::string_view text) const { return paint("2", text); }
    std::string severity_painted(Severity severity, std::string_view text) const
    {
        return paint(severity == Severity::leak      ? "1;31"
                     : severity == Severity::suspect ? "1;33"
                                                     : "2",
                     text);
    }
    static std::string_view severity_name(Severity severity)
    {
        return severity == Severity::leak ? "leak" : severity == Severity::suspect ? "suspect" : "note";
    }

    void line(std::string_view text)
    {
        out_ += text;
        out_ += '\n';
    }
    void wrapped_line(std::string_view text, size_t first_indent, size_t indent)
    {
        line(wrapped(text, style_.width, first_indent, indent));
    }

    // ---- one image

    void write_image(const ImageReport &image)
    {
        write_headline(image);
        size_t number = 0;
        std::vector<const Finding *> findings;
        for (const Finding &f : image.findings)
            if (shown(f))
                findings.push_back(&f);
        const bool several = findings.size() > 1;
        if (several) {
            line("");
            const std::vector<std::string> first = first_lines(image, findings);
            for (const std::string &text : first)
                line("  " + bold(wrapped(text, style_.width, 2, 2).substr(2)));
            if (!first.empty())
                line("");
            for (const Finding *f : findings)
                write_sentence(*f, image.trace, ++number);
        }
        number = 0;
        for (const Finding *f : findings)
            write_finding(*f, image.trace, ++number, !several);
        write_totals(image);
        write_owners(image);
        write_folded(image);
        if (!image.remarks.empty())
            line("");
        write_remarks(image.remarks);
    }

    void write_headline(const ImageReport &image)
    {
        const Counts n = count(image);
        std::vector<std::string> found;
        if (n.leaks)
            found.push_back(plural(n.leaks, "leak"));
        if (n.suspects)
            found.push_back(plural(n.suspects, "suspect"));
        const TraceInfo &t = image.trace;
        const bool whole = t.end != "truncated" && t.events_lost == 0;
        const std::string verdict = !found.empty() ? joined(found, " and ")
                                    : whole        ? "no leaks"
                                                   : "no leaks seen";
        std::string about = about_text(t);
        if (t.duration_s > 0)
            about += fmt::format(", {}", duration_text(t.duration_s));
        if (t.cycles)
            about += fmt::format(", {}", plural(t.cycles, "cycle"));
        const Severity worst = n.leaks ? Severity::leak : Severity::suspect;
        const std::string name = base_name(t.program.empty() ? "program" : t.program);
        line(fmt::format("{} {}",
                         found.empty() ? bold(fmt::format("{}: {}", name, verdict))
                                       : bold(name + ": ") + severity_painted(worst, verdict),
                         dim(fmt::format("({})", about))));
        if (found.empty())
            wrapped_line(quiet_text(image), 2, 2);
    }

    static std::string quiet_text(const ImageReport &image)
    {
        uint64_t acquired = 0, released = 0;
        for (const auto &[family, total] : image.totals) {
            acquired += total.acquired;
            released += total.released + total.released_unseen;
        }
        if (acquired == 0)
            return image.trace.end == "truncated" ? "Nothing of what it acquired could be read."
                                                  : "It acquired nothing that is watched.";
        if (acquired == released)
            return fmt::format("Everything it acquired was released: {}.", plural(acquired, "acquisition"));
        return fmt::format("{}, {} released; what is left is not a leak.", plural(acquired, "acquisition"),
                           grouped(released));
    }

    void write_sentence(const Finding &f, const TraceInfo &trace, size_t number)
    {
        const std::string head = fmt::format("{:>3}  {:<8}", number, severity_name(f.severity));
        const std::string text = wrapped(finding_sentence(f, trace), style_.width, head.size(), head.size());
        line(fmt::format("{:>3}  {}{}", number,
                         severity_painted(f.severity, fmt::format("{:<8}", severity_name(f.severity))),
                         std::string_view(text).substr(head.size())));
    }

    // ---- one finding

    void write_finding(const Finding &f, const TraceInfo &trace, size_t number, bool alone)
    {
        line("");
        if (alone) {
            line("  " + bold(wrapped(finding_sentence(f, trace), style_.width, 2, 2).substr(2)));
            line("");
        }
        write_rule_line(f, number, alone);
        for (const std::string &fact : finding_facts(f))
            wrapped_line(fact, 5, 7);
        write_previews(f);
        if (!f.stack.empty()) {
            line(f.function.empty() ? "     acquired from"
                                    : fmt::format("     {} called from", bold(function_text(f.function))));
            write_stack(f.stack, &f.blame);
        }
        if (f.failed_release && !f.failed_release->stack.empty()) {
            line(fmt::format("     {} failed, called from", bold(f.failed_release->function)));
            write_stack(f.failed_release->stack, nullptr);
        }
        if (f.ended_by && !f.ended_by->function.empty()) {
            line(fmt::format("     {} {}{}", ended_by_intro(f), bold(function_text(f.ended_by->function)),
                             f.ended_by->stack.empty() ? "" : ", called from"));
            write_stack(f.ended_by->stack, nullptr);
        }
    }

    /// The first bytes of some blocks, as a hex dump shows them: often they say what the block is.
    void write_previews(const Finding &f)
    {
        constexpr size_t columns = 16;
        for (const Preview &preview : f.preview)
            for (size_t at = 0; at < preview.bytes.size(); at += columns) {
                const size_t end = std::min(at + columns, preview.bytes.size());
                const std::vector<uint8_t> row(preview.bytes.begin() + static_cast<ptrdiff_t>(at),
                                               preview.bytes.begin() + static_cast<ptrdiff_t>(end));
                line(dim(fmt::format("     {:>{}}  {:02x}{:{}}  {}",
                                     at == 0 ? fmt::format("{:#x}", preview.address) : std::string(),
                                     preview.address > UINT32_MAX ? 14 : 10, fmt::join(row, " "), "",
                                     3 * (columns - row.size()), printable(row))));
            }
    }

    void write_rule_line(const Finding &f, size_t number, bool alone)
    {
        const std::string label = alone ? "     " : fmt::format("{:>3}  ", number);
        std::string middle = fmt::format(" {}, {}", f.rule, f.family);
        if (!f.owner.empty())
            middle += fmt::format(", owner {}", f.owner);
        const std::string head = label + severity_painted(f.severity, severity_name(f.severity)) + middle;
        const size_t used = label.size() + severity_name(f.severity).size() + middle.size();
        const std::string id = f.id.empty() ? std::string() : "id " + f.id;
        if (id.empty() || used + 2 + id.size() <= style_.width) {
            line(id.empty() ? head : head + std::string(style_.width - used - id.size(), ' ') + dim(id));
        } else {
            line(head);
            line("     " + dim(id));
        }
    }

    // ---- stacks

    static std::string place(const Frame &frame)
    {
        if (!frame.file.empty())
            return fmt::format("{}:{}", frame.file, frame.line);
        if (!frame.module.empty())
            return fmt::format("{} {:#x}", base_name(frame.module), frame.address);
        return fmt::format("{:#x}", frame.address);
    }

    /// The end of a path that does not fit, from a folder on; whole where everything is asked for.
    std::string shortened(const std::string &where, size_t room) const
    {
        if (style_.all || where.size() <= room)
            return where;
        size_t slash = where.rfind('/');
        if (slash == std::string::npos)
            return where;
        for (size_t earlier = slash; earlier > 0 && earlier != std::string::npos;
             earlier = where.rfind('/', earlier - 1)) {
            if (where.size() - earlier + 3 > room)
                break;
            slash = earlier;
        }
        return "..." + where.substr(slash);
    }

    /// What calls main and what starts a thread is the same in every program.
    static size_t length_without_start(const std::vector<Frame> &stack)
    {
        const auto start = std::find_if(stack.begin(), stack.end(), [](const Frame &frame) {
            return frame.function.starts_with("__libc_start_") || frame.function == "_start" ||
                   frame.function == "start_thread" || frame.function.starts_with("__clone");
        });
        return start == stack.begin() ? stack.size() : static_cast<size_t>(start - stack.begin());
    }

    /// The frame blamed is pointed at and never folded away.
    void write_stack(const std::vector<Frame> &stack, const Frame *blame)
    {
        const size_t whole = style_.all ? stack.size() : length_without_start(stack);
        size_t end = whole;
        if (!style_.all && end > frames_shown + 1) {
            const auto blamed = blame ? std::find(stack.begin(), stack.end(), *blame) : stack.end();
            const size_t needed = blamed == stack.end() ? 0 : static_cast<size_t>(blamed - stack.begin()) + 2;
            end = std::min(end, std::max(frames_shown, needed));
        }
        size_t column = 0;
        for (size_t i = 0; i < end; i++)
            column = std::max(column, std::min<size_t>(frame_name(stack[i]).size(), 44));
        bool pointed = false;
        for (size_t i = 0; i < end; i++) {
            const bool here = blame && !pointed && stack[i] == *blame;
            pointed = pointed || here;
            write_frame(stack[i], here, column);
        }
        if (end < whole)
            line(dim(fmt::format("        ... and {} more (--all)", plural(whole - end, "frame"))));
    }

    static std::string frame_name(const Frame &frame)
    {
        return (frame.function.empty() ? std::string("??") : frame.function) +
               (frame.inlined ? " (inlined)" : "");
    }

    void write_frame(const Frame &frame, bool blamed, size_t column)
    {
        const std::string name = fmt::format("{:<{}}", frame_name(frame), column);
        constexpr size_t before = 10; // the indent, the arrow, the blanks between
        const std::string where =
            shortened(place(frame), style_.width - std::min<size_t>(style_.width, name.size() + before));
        line(fmt::format("     {} {}  {}", blamed ? bold("->") : "  ", blamed ? bold(name) : name,
                         blamed ? bold(where) : dim(where)));
    }

    // ---- tables and remarks

    /// Families with something unpaired; all of them if everything is asked for.
    void write_totals(const ImageReport &image)
    {
        const Counts n = count(image);
        if (!style_.all && n.leaks + n.suspects == 0)
            return;
        std::vector<std::vector<std::string>> rows = {
            {"", "acquired", "released", "unseen", "failed", "unpaired", "bytes"}};
        for (const auto &[family, t] : image.totals) {
            const bool touched = t.acquired || t.unpaired || t.failed;
            if (!touched || (!style_.all && !t.unpaired && !t.failed_releases))
                continue;
            rows.push_back({family_noun(family, 2), grouped(t.acquired), grouped(t.released),
                            t.released_unseen ? grouped(t.released_unseen) : "",
                            t.failed_releases ? grouped(t.failed_releases) : "", grouped(t.unpaired),
                            t.unpaired_bytes ? bytes_text(t.unpaired_bytes) : ""});
        }
        if (rows.size() > 1)
            write_table(rows);
    }

    /// The first column to the left, the others to the right; a column without a value is left out.
    void write_table(const std::vector<std::vector<std::string>> &rows)
    {
        std::vector<std::string> lines(rows.size(), "    ");
        for (size_t column = 0; column < rows[0].size(); column++) {
            size_t widest = 0;
            bool any = false;
            for (size_t row = 0; row < rows.size(); row++) {
                widest = std::max(widest, rows[row][column].size());
                any = any || (row > 0 && !rows[row][column].empty());
            }
            for (size_t row = 0; any && row < rows.size(); row++)
                lines[row] += column == 0 ? fmt::format(" {:<{}}", rows[row][column], widest)
                                          : fmt::format("   {:>{}}", rows[row][column], widest);
        }
        line("");
        for (size_t row = 0; row < lines.size(); row++) {
            lines[row].erase(lines[row].find_last_not_of(' ') + 1);
            line(row == 0 ? dim(lines[row]) : lines[row]);
        }
    }

    void write_owners(const ImageReport &image)
    {
        std::vector<std::string> parts;
        for (const auto &[owner, total] : image.owners)
            if (total.unpaired)
                parts.push_back(
                    total.unpaired_bytes
                        ? fmt::format("{} {} ({})", owner.empty() ? "(none)" : owner, grouped(total.unpaired),
                                      bytes_text(total.unpaired_bytes))
                        : fmt::format("{} {}", owner.empty() ? "(none)" : owner, grouped(total.unpaired)));
        if (parts.size() < 2 && !style_.all)
            return;
        if (!parts.empty())
            wrapped_line("unpaired by owner: " + joined(parts, ", "), 5, 7);
    }

    void write_folded(const ImageReport &image)
    {
        const Counts n = count(image);
        std::vector<std::string> parts;
        if (n.notes)
            parts.push_back(fmt::format("{} ({} still held{})", plural(n.notes, "note"),
                                        grouped(n.note_resources),
                                        n.note_bytes ? ", " + bytes_text(n.note_bytes) : ""));
        if (n.suppressed)
            parts.push_back(fmt::format("{} suppressed", plural(n.suppressed, "finding")));
        if (style_.all || parts.empty())
            return;
        line("");
        line(dim(wrapped(fmt::format("{}, not shown: --all shows them.", joined(parts, " and ")),
                         style_.width, 5, 5)));
    }

    /// "sh (4710), env (3 processes)", by name in the order they come.
    static std::string processes(const std::vector<const ImageReport *> &images)
    {
        std::vector<std::pair<std::string, std::vector<std::string>>> by_name;
        for (const ImageReport *image : images) {
            const std::string name =
                base_name(image->trace.program.empty() ? "program" : image->trace.program);
            auto found = std::find_if(by_name.begin(), by_name.end(),
                                      [&](const auto &one) { return one.first == name; });
            if (found == by_name.end())
                found = by_name.insert(by_name.end(), {name, {}});
            found->second.push_back(which_text(image->trace));
        }
        std::vector<std::string> texts;
        for (const auto &[name, pids] : by_name)
            texts.push_back(pids.size() == 1 ? fmt::format("{} ({})", name, pids[0])
                                             : fmt::format("{} ({} processes)", name, pids.size()));
        return joined(texts, ", ");
    }

    void write_alike(const std::vector<const ImageReport *> &same)
    {
        std::vector<std::string> pids;
        for (size_t i = 1; i < same.size(); i++)
            pids.push_back(which_text(same[i]->trace));
        line("");
        wrapped_line(
            fmt::format("The same findings in {} of {}: {}.",
                        pids.size() == 1 ? "one more process" : fmt::format("{} more processes", pids.size()),
                        base_name(same[0]->trace.program), joined(pids, ", ")),
            5, 7);
    }

    void write_quiet(const std::vector<const ImageReport *> &quiet)
    {
        if (quiet.empty())
            return;
        if (quiet.size() < report_.images.size())
            line("");
        wrapped_line(fmt::format("No leaks in {}.", processes(quiet)), 0, 2);
        // What they could not tell is told for them all, each thing once.
        std::vector<std::string> remarks;
        for (const ImageReport *image : quiet)
            for (const std::string &remark : image->remarks)
                if (std::find(remarks.begin(), remarks.end(), remark) == remarks.end())
                    remarks.push_back(remark);
        if (!remarks.empty())
            line("");
        write_remarks(remarks);
    }

    void write_remarks(const std::vector<std::string> &remarks)
    {
        for (const std::string &remark : remarks) {
            const std::string text = wrapped("remark: " + remark, style_.width, 0, 8);
            line(text);
        }
    }

    const Report &report_;
    const TextStyle &style_;
    std::string out_;
};

} // namespace

std::string write_text(const Report &report, const TextStyle &style)
{
    const Report shown = cleaned(report);
    return TextWriter(shown, style).write();
}

} // namespace unpaired
