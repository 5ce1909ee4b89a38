#include "sample_reports.h"
#include "writers/html.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace unpaired;

// What a browser makes of it is tested in tests/html.
namespace {

std::string written(const Report &report)
{
    std::ostringstream out;
    write_html(out, report);
    return std::move(out).str();
}

size_t count_of(const std::string &text, std::string_view part)
{
    size_t n = 0;
    for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        n++;
    return n;
}

/// The text of the element that holds the data.
std::string data_of(const std::string &page)
{
    const std::string_view begin = "<script type=\"application/json\" id=\"data\">";
    const size_t from = page.find(begin) + begin.size();
    return page.substr(from, page.find("</script>", from) - from);
}

} // namespace

TEST_CASE("the page names nothing outside of itself")
{
    const std::string page = written(Report{});

    for (const char *reference :
         {"src=", "href=\"http", "@import", "url(", "<link", "fetch(", "XMLHttpRequest", "import("})
        CHECK(count_of(page, reference) == 0);
    CHECK(page.find("default-src 'none'") != std::string::npos);
    for (const char *marker : {"@NONCE@", "@VERSION@", "@STYLE@", "@DATA@", "@SCRIPT@"})
        CHECK(count_of(page, marker) == 0);
}

TEST_CASE("no name ends the data's element or begins another")
{
    const std::string clean = written(Report{}), page = written(samples::hostile());

    CHECK(count_of(page, "<script") == count_of(clean, "<script"));
    CHECK(count_of(page, "</script") == count_of(clean, "</script"));
    CHECK(count_of(page, "<!--") == count_of(clean, "<!--"));
    CHECK(count_of(page, "<img") == 0);
}

TEST_CASE("the page's data is the JSON report, names as they are")
{
    const nlohmann::json data = nlohmann::json::parse(data_of(written(samples::hostile())));

    CHECK(data["report"]["schema"] == "unpaired-report/1");
    CHECK(data["report"]["images"][0]["findings"][0]["family"] == "<img src=x onerror=window.pwned=1>");
    CHECK(data["report"]["remarks"][5] == "@SCRIPT@ @DATA@ ${window.pwned=1} ]]> &lt; &#x3c;");
    CHECK(data["images"].size() == data["report"]["images"].size());
    CHECK(data["images"][0]["details"].size() == data["report"]["images"][0]["findings"].size());
}

TEST_CASE("scripts are let in by a nonce that no name can know, another for another report")
{
    const auto nonce_of = [](const std::string &page) {
        const std::string_view begin = "script-src 'nonce-";
        return page.substr(page.find(begin) + begin.size(), 32);
    };
    const std::string one = written(samples::gateway()), other = written(samples::hostile());

    CHECK(nonce_of(one) != nonce_of(other));
    CHECK(count_of(one, "nonce=\"" + nonce_of(one) + "\"") == 2); // the style and the script
}
