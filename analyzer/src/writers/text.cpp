#include "writers/text.h"

#include "rules.h"
#include "writers/text_canvas.h"
#include "writers/text_clean.h"
#include "writers/text_facts.h"
#include "writers/text_finding.h"
#include "writers/text_first_lines.h"
#include "writers/text_words.h"

#include <algorithm>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <set>
#include <sstream>
#include <string_view>

namespace unpaired {
namespace {

class TextWriter {
public:
    TextWriter(std::ostream &out, const Report &report, const TextStyle &style)
        : out_(out), report_(report), style_(style), canvas_(style)
    {}

    void write()
    {
        if (report_.images.empty())
            canvas_.line(canvas_.bold(is_damaged() ? "Nothing could be read: the trace is damaged."
                                                   : "Nothing was recorded."));
        std::vector<const ImageReport *> quiet;
        std::map<std::string, std::vector<const ImageReport *>> alike;
        for (const ImageReport &image : report_.images)
            if (std::string key = findings_key(image); !key.empty())
                alike[std::move(key)].push_back(&image);
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
                canvas_.line("");
            first = false;
            write_image(image);
            if (!style_.all && same != alike.end() && same->second.size() > 1)
                write_alike(same->second);
        }
        write_quiet(quiet);
        if (!report_.remarks.empty())
            canvas_.line("");
        write_remarks(report_.remarks);
        for (const std::string &text : unused_suppressions_texts(report_))
            canvas_.line(cleaned(text));
        flush();
    }

private:
    /// Returns true if the remarks name damage of a trace.
    bool is_damaged() const
    {
        return std::any_of(report_.remarks.begin(), report_.remarks.end(), [](const std::string &remark) {
            return remark.find("damaged") != std::string::npos;
        });
    }

    /// Writes the text so far: a report of a hundred thousand findings is not kept in memory.
    void flush() { out_ << canvas_.taken(); }

    struct Counts {
        uint64_t leaks = 0, suspects = 0, notes = 0, suppressed = 0, in_baseline = 0, note_resources = 0,
                 note_bytes = 0;
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
            } else if (f.accepted()) {
                n.in_baseline++;
            } else {
                (f.severity == Severity::leak ? n.leaks : n.suspects)++;
            }
        }
        return n;
    }

    bool worth_showing(const ImageReport &image) const
    {
        const Counts n = count(image);
        return n.leaks || n.suspects || n.in_baseline || image.trace.end == "running" ||
               image.trace.end == "truncated" || image.trace.events_lost || image.trace.damaged ||
               (style_.all && !image.findings.empty());
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
        return style_.all || (!f.accepted() && f.severity != Severity::note);
    }

    // ---- one image

    /// Returns the image with clean texts and without its findings, which are cleaned one by one as they are written.
    static ImageReport without_findings(const ImageReport &image)
    {
        ImageReport result;
        result.trace = image.trace;
        result.totals = image.totals;
        result.owners = image.owners;
        result.incidents = image.incidents;
        result.series_unit = image.series_unit;
        result.remarks = image.remarks;
        return cleaned(std::move(result));
    }

    void write_image(const ImageReport &recorded)
    {
        const Counts n = count(recorded);
        const ImageReport image = without_findings(recorded);
        write_headline(image, n);
        size_t number = 0;
        std::vector<const Finding *> findings;
        for (const Finding &f : recorded.findings)
            if (shown(f))
                findings.push_back(&f);
        const bool several = findings.size() > 1;
        if (several) {
            write_first_lines(first_lines(image, findings));
            canvas_.line("");
            for (const Finding *f : findings) {
                write_sentence(cleaned(*f), image.trace, ++number);
                flush();
            }
        } else if (!findings.empty()) {
            const Finding alone = cleaned(*findings.front());
            write_alone(alone, image.trace, first_lines(image, {&alone}));
        }
        number = 0;
        for (const Finding *f : findings) {
            write_finding(canvas_, cleaned(*f), image.trace, ++number, !several);
            flush();
        }
        write_totals(image, n);
        write_owners(image);
        write_folded(n);
        if (!image.remarks.empty())
            canvas_.line("");
        write_remarks(image.remarks);
    }

    void write_headline(const ImageReport &image, const Counts &n)
    {
        std::vector<std::string> found;
        if (n.leaks)
            found.push_back(plural(n.leaks, "leak"));
        if (n.suspects)
            found.push_back(plural(n.suspects, "suspect"));
        const TraceInfo &t = image.trace;
        const bool whole = t.end != "truncated" && !goes_on(t) && t.events_lost == 0 && !t.damaged;
        const std::string verdict = !found.empty()  ? joined(found, " and ")
                                    : n.in_baseline ? "nothing new"
                                    : whole         ? "no leaks"
                                                    : "no leaks seen";
        std::string about = about_text(t);
        if (t.duration_s > 0)
            about += fmt::format(", {}", duration_text(t.duration_s));
        if (t.cycles)
            about += fmt::format(", {}", plural(t.cycles, "cycle"));
        const Severity worst = n.leaks ? Severity::leak : Severity::suspect;
        const std::string name = program_name(t), file = base_name(t.program);
        if (!file.empty() && !file.starts_with(name)) // python3 is python3.11
            about += ", program file " + file;
        canvas_.wrapped_line((found.empty() ? canvas_.bold(fmt::format("{}: {}", name, verdict))
                                            : canvas_.bold(name + ": ") + canvas_.painted(worst, verdict)) +
                                 " " + canvas_.dim(fmt::format("({})", about)),
                             0, 2);
        if (found.empty() && n.in_baseline == 0)
            canvas_.wrapped_line(quiet_text(image), 2, 2);
    }

    /// A device goes on for ever; what a process that runs still has may yet be given back.
    static bool goes_on(const TraceInfo &trace)
    {
        return trace.source == "preload" && trace.end == "running";
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
        const char *rest =
            goes_on(image.trace) ? "what is left may yet be released" : "what is left is not a leak";
        return fmt::format("{}, {} released; {}.", plural(acquired, "acquisition"), grouped(released), rest);
    }

    void write_first_lines(const std::vector<std::string> &lines)
    {
        if (!lines.empty())
            canvas_.line("");
        for (const std::string &text : lines)
            canvas_.line("  " + canvas_.bold(wrapped(cleaned(text), canvas_.width(), 2, 2).substr(2)));
    }

    void write_alone(const Finding &f, const TraceInfo &trace, const std::vector<std::string> &lines)
    {
        canvas_.line("");
        canvas_.line("  " +
                     canvas_.bold(wrapped(finding_sentence(f, trace), canvas_.width(), 2, 2).substr(2)));
        for (const std::string &text : lines)
            canvas_.wrapped_line(text, 2, 2);
    }

    void write_sentence(const Finding &f, const TraceInfo &trace, size_t number)
    {
        const std::string head = fmt::format("{:>3}  {:<8}", number, severity_name(f.severity));
        const std::string text =
            wrapped(finding_sentence(f, trace), canvas_.width(), head.size(), head.size());
        canvas_.line(fmt::format("{:>3}  {}{}", number,
                                 canvas_.painted(f.severity, fmt::format("{:<8}", severity_name(f.severity))),
                                 std::string_view(text).substr(head.size())));
    }

    // ---- tables and remarks

    /// Families with something unpaired; all of them if everything is asked for.
    void write_totals(const ImageReport &image, const Counts &n)
    {
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
            canvas_.table(rows);
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
            canvas_.wrapped_line("unpaired by owner: " + joined(parts, ", "), 5, 7);
    }

    void write_folded(const Counts &n)
    {
        std::vector<std::string> parts;
        if (n.notes)
            parts.push_back(fmt::format("{} ({} still held{})", plural(n.notes, "note"),
                                        grouped(n.note_resources),
                                        n.note_bytes ? ", " + bytes_text(n.note_bytes) : ""));
        if (n.in_baseline)
            parts.push_back(fmt::format("{} as in the baseline", plural(n.in_baseline, "finding")));
        if (n.suppressed)
            parts.push_back(fmt::format("{} suppressed", plural(n.suppressed, "finding")));
        if (style_.all || parts.empty())
            return;
        canvas_.line("");
        canvas_.line(canvas_.dim(wrapped(
            fmt::format("{}, not shown: --all shows them.", joined(parts, parts.size() > 2 ? ", " : " and ")),
            canvas_.width(), 5, 5)));
    }

    /// "sh (4710), env (3 processes)", by name in the order they come.
    static std::string processes(const std::vector<const ImageReport *> &images)
    {
        std::vector<std::pair<std::string, std::vector<std::string>>> by_name;
        for (const ImageReport *image : images) {
            const TraceInfo trace = cleaned(image->trace);
            const std::string name = program_name(trace);
            auto found = std::find_if(by_name.begin(), by_name.end(),
                                      [&](const auto &one) { return one.first == name; });
            if (found == by_name.end())
                found = by_name.insert(by_name.end(), {name, {}});
            found->second.push_back(which_text(trace));
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
            pids.push_back(which_text(cleaned(same[i]->trace)));
        canvas_.line("");
        canvas_.wrapped_line(
            fmt::format("The same findings in {} of {}: {}.",
                        pids.size() == 1 ? "one more process" : fmt::format("{} more processes", pids.size()),
                        program_name(cleaned(same[0]->trace)), joined(pids, ", ")),
            5, 7);
    }

    void write_quiet(const std::vector<const ImageReport *> &quiet)
    {
        if (quiet.empty())
            return;
        if (quiet.size() < report_.images.size())
            canvas_.line("");
        canvas_.wrapped_line(fmt::format("No leaks in {}.", processes(quiet)), 0, 2);
        // What they could not tell is told for them all, each thing once.
        std::vector<std::string> remarks;
        std::set<std::string> told;
        for (const ImageReport *image : quiet)
            for (const std::string &remark : image->remarks)
                if (std::string text = cleaned(remark); told.insert(text).second)
                    remarks.push_back(std::move(text));
        if (!remarks.empty())
            canvas_.line("");
        write_remarks(remarks);
    }

    void write_remarks(const std::vector<std::string> &remarks)
    {
        for (const std::string &remark : remarks) {
            const std::string text = wrapped("remark: " + cleaned(remark), canvas_.width(), 0, 8);
            canvas_.line(text);
        }
    }

    std::ostream &out_;
    const Report &report_;
    const TextStyle &style_;
    TextCanvas canvas_;
};

} // namespace

std::string write_text(const Report &report, const TextStyle &style)
{
    std::ostringstream out;
    write_text(out, report, style);
    return std::move(out).str();
}

void write_text(std::ostream &out, const Report &report, const TextStyle &style)
{
    TextWriter(out, report, style).write();
}

} // namespace unpaired
