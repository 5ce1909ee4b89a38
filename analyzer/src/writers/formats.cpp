#include "writers/formats.h"

#include "writers/folded.h"
#include "writers/html.h"
#include "writers/json.h"
#include "writers/junit.h"
#include "writers/pprof.h"
#include "writers/sarif.h"
#include "writers/text.h"
#include "writers/text_clean.h"

#include <algorithm>
#include <array>

namespace unpaired {
namespace {

void text(std::ostream &out, const Report &report, const WriteOptions &options)
{
    write_text(out, report, text_style(options));
}

void json(std::ostream &out, const Report &report, const WriteOptions &) { write_json(out, report); }

void html(std::ostream &out, const Report &report, const WriteOptions &) { write_html(out, cleaned(report)); }

constexpr std::array<Format, 7> all_formats = {{
    {"text", "for people, on a terminal", false, text},
    {"json", "for programs: all there is (docs/report.md has the names)", false, json},
    {"html", "one page for a browser: plots, flame graph, search; needs no network", false, html},
    {"sarif", "SARIF 2.1.0: GitHub code scanning, editors", false, write_sarif},
    {"junit", "JUnit XML: Jenkins, GitLab and other CI", false, write_junit},
    {"folded", "folded stacks: flamegraph.pl, speedscope", false, write_folded},
    {"pprof", "pprof's profile.proto, gzipped: go tool pprof, Perfetto, speedscope", true, write_pprof},
}};

} // namespace

TextStyle text_style(const WriteOptions &options)
{
    TextStyle style;
    style.colour = options.colour;
    style.width = options.width;
    style.all = options.all;
    style.link = options.link;
    return style;
}

std::span<const Format> formats() { return all_formats; }

const Format *find_format(std::string_view name)
{
    const auto *found = std::find_if(all_formats.begin(), all_formats.end(),
                                     [&](const Format &format) { return format.name == name; });
    return found == all_formats.end() ? nullptr : found;
}

} // namespace unpaired
