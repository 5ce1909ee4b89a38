#include "writers/html.h"

#include "rules.h"
#include "writers/html_parts.h"
#include "writers/json.h"
#include "writers/selection.h"
#include "writers/text.h"
#include "writers/text_facts.h"
#include "writers/text_words.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace unpaired {
namespace {

using Json = ReportJson;

/// What the page shows and the JSON report does not have: the words of the text report.
Json page_data(const Report &report)
{
    Json data = {{"report", report_json(report)}};
    data["rules"] = Json::object();
    for (const Rule &rule : rules())
        data["rules"][std::string(rule.name)] = {{"title", rule.title}, {"advice", rule.advice}};
    data["unused_suppressions"] = unused_suppressions_texts(report);
    data["images"] = Json::array();
    for (const ImageReport &image : report.images) {
        Json details = Json::array();
        for (const Finding &finding : image.findings) {
            const Rule *rule = find_rule(finding.rule);
            details.push_back({{"facts", finding_facts(finding, image.trace)},
                               {"function_text", function_text(finding.function)},
                               {"ended_by_intro", ended_by_intro(finding)},
                               {"accepted", finding.accepted()},
                               {"left_behind", !rule || rule->left_behind}});
        }
        data["images"].push_back({{"name", image_name(report, image)},
                                  {"about", about_text(image.trace)},
                                  {"details", std::move(details)}});
    }
    return data;
}

/// JSON that may stand inside <script>: no name in it can end the element or begin a comment there.
std::string for_script(const Json &data)
{
    const std::string json = data.dump(-1, ' ', false, Json::error_handler_t::replace);
    std::string out;
    out.reserve(json.size());
    for (char c : json)
        if (c == '<') // stands in strings only
            out += "\\u003c";
        else
            out += c;
    return out;
}

std::string nonce_of(const std::string &data)
{
    // A name would have to contain the hash of the data that it is in: nothing in the report can know it.
    const XXH128_hash_t hash = XXH3_128bits(data.data(), data.size());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// `page` with each @NAME@ replaced once, from left to right: what is put in is not looked through.
void write_filled(std::ostream &out, std::string_view page,
                  const std::vector<std::pair<std::string_view, std::string_view>> &parts)
{
    while (!page.empty()) {
        size_t first = std::string_view::npos;
        const std::pair<std::string_view, std::string_view> *found = nullptr;
        for (const auto &part : parts)
            if (const size_t at = page.find(part.first); at < first) {
                first = at;
                found = &part;
            }
        out << page.substr(0, first);
        if (!found)
            return;
        out << found->second;
        page.remove_prefix(first + found->first.size());
    }
}

} // namespace

void write_html(std::ostream &out, const Report &report)
{
    const std::string data = for_script(page_data(report));
    const std::string nonce = nonce_of(data);
    write_filled(out, html_page,
                 {{"@NONCE@", nonce},
                  {"@VERSION@", UNPAIRED_VERSION},
                  {"@STYLE@", html_style},
                  {"@DATA@", data},
                  {"@SCRIPT@", html_script}});
}

} // namespace unpaired
