#include "writers/html.h"

#include "rules.h"
#include "writers/html_parts.h"
#include "writers/json_parts_internal.h"
#include "writers/selection.h"
#include "writers/text.h"
#include "writers/text_facts.h"
#include "writers/text_words.h"

#include <fmt/format.h>
#include <functional>
#include <memory>
#include <streambuf>
#include <xxhash.h>

namespace unpaired {
namespace {

using Json = JsonStream::Json;

Json details_of(const Finding &finding, const TraceInfo &trace)
{
    const Rule *rule = find_rule(finding.rule);
    return {{"facts", finding_facts(finding, trace)},
            {"function_text", function_text(finding.function)},
            {"ended_by_intro", ended_by_intro(finding)},
            {"accepted", finding.accepted()},
            {"left_behind", !rule || rule->left_behind}};
}

/// Writes the data of the page: the JSON report, and the words of the text report that the JSON lacks.
void write_page_data(std::ostream &out, const Report &report)
{
    JsonStream json(out, -1);
    json.begin_object();
    json.key("report");
    write_report_json(json, report);
    Json all_rules = Json::object();
    for (const Rule &rule : rules())
        all_rules[std::string(rule.name)] = {{"title", rule.title}, {"advice", rule.advice}};
    json.member("rules", all_rules);
    json.member("unused_suppressions", unused_suppressions_texts(report));
    json.key("images");
    json.begin_array();
    const ImageNames names(report);
    for (const ImageReport &image : report.images) {
        json.begin_object();
        json.member("name", names.of(image));
        json.member("about", about_text(image.trace));
        json.key("details");
        json.begin_array();
        for (const Finding &finding : image.findings)
            json.value(details_of(finding, image.trace));
        json.end_array();
        json.end_object();
    }
    json.end_array();
    json.end_object();
}

/// Passes JSON on in a form that is safe inside <script>: no name in it can end the element or begin a comment there.
class ForScript : public std::streambuf {
public:
    template <class Take> explicit ForScript(Take take) : take_(std::move(take)) {}

protected:
    int_type overflow(int_type c) override
    {
        if (c != traits_type::eof()) {
            const char one = traits_type::to_char_type(c);
            pass({&one, 1});
        }
        return traits_type::not_eof(c);
    }
    std::streamsize xsputn(const char *text, std::streamsize length) override
    {
        pass({text, static_cast<size_t>(length)});
        return length;
    }

private:
    void pass(std::string_view text)
    {
        for (size_t at; (at = text.find('<')) != std::string_view::npos; text.remove_prefix(at + 1)) {
            take_(text.substr(0, at));
            take_("\\u003c"); // occurs in strings only
        }
        take_(text);
    }
    std::function<void(std::string_view)> take_;
};

/// Returns the hash of the data as a nonce. A name in the report cannot contain it, since the name is part of the
/// hashed data.
std::string nonce_of(const Report &report)
{
    const std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t *)> state(XXH3_createState(),
                                                                                 &XXH3_freeState);
    XXH3_128bits_reset(state.get());
    ForScript data(
        [&](std::string_view text) { XXH3_128bits_update(state.get(), text.data(), text.size()); });
    std::ostream out(&data);
    write_page_data(out, report);
    const XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

/// `page` with each @NAME@ replaced once, from left to right: what is put in is not looked through.
void write_filled(std::ostream &out, std::string_view page,
                  const std::vector<std::pair<std::string_view, std::function<void(std::ostream &)>>> &parts)
{
    while (!page.empty()) {
        size_t first = std::string_view::npos;
        const std::pair<std::string_view, std::function<void(std::ostream &)>> *found = nullptr;
        for (const auto &part : parts)
            if (const size_t at = page.find(part.first); at < first) {
                first = at;
                found = &part;
            }
        out << page.substr(0, first);
        if (!found)
            return;
        found->second(out);
        page.remove_prefix(first + found->first.size());
    }
}

} // namespace

void write_html(std::ostream &out, const Report &report)
{
    const auto text = [](std::string_view what) { return [what](std::ostream &to) { to << what; }; };
    const std::string nonce = nonce_of(report);
    write_filled(out, html_page,
                 {{"@NONCE@", text(nonce)},
                  {"@VERSION@", text(UNPAIRED_VERSION)},
                  {"@STYLE@", text(html_style)},
                  {"@DATA@",
                   [&report](std::ostream &to) {
                       ForScript data([&to](std::string_view piece) { to << piece; });
                       std::ostream json(&data);
                       write_page_data(json, report);
                   }},
                  {"@SCRIPT@", text(html_script)}});
}

} // namespace unpaired
