#include "rules.h"
#include "sample_reports.h"
#include "writers/junit.h"

#include <catch2/catch.hpp>
#include <pugixml.hpp>

#include <sstream>

using namespace unpaired;

namespace {

/// The document, parsed again by the library.
pugi::xml_document written(const Report &report, Severity fail_on = Severity::suspect)
{
    WriteOptions options;
    options.fail_on = fail_on;
    std::ostringstream out;
    write_junit(out, report, options);
    pugi::xml_document document;
    const pugi::xml_parse_result result = document.load_string(out.str().c_str());
    INFO(result.description() << " at " << result.offset << " of\n" << out.str());
    REQUIRE(result);
    return document;
}

size_t cases_with(pugi::xml_node suite, const char *child)
{
    size_t n = 0;
    for (pugi::xml_node test : suite.children("testcase"))
        n += test.child(child) ? 1 : 0;
    return n;
}

} // namespace

TEST_CASE("JUnit has a suite per image, whose counts are those of its test cases")
{
    const pugi::xml_document document = written(samples::gateway());
    const pugi::xml_node all = document.child("testsuites");

    size_t suites = 0, failures = 0, tests = 0;
    for (pugi::xml_node suite : all.children("testsuite")) {
        suites++;
        const auto cases = suite.children("testcase");
        CHECK(suite.attribute("tests").as_uint() ==
              static_cast<size_t>(std::distance(cases.begin(), cases.end())));
        CHECK(suite.attribute("failures").as_uint() == cases_with(suite, "failure"));
        CHECK(suite.attribute("skipped").as_uint() == cases_with(suite, "skipped"));
        failures += suite.attribute("failures").as_uint();
        tests += suite.attribute("tests").as_uint();
    }
    CHECK(suites == 2);
    CHECK(all.attribute("tests").as_uint() == tests);
    CHECK(all.attribute("failures").as_uint() == failures);
    CHECK(failures == 5);
    CHECK(std::string(all.child("testsuite").attribute("name").value()) == "gateway");
}

TEST_CASE("what counts under --fail-on is a JUnit failure, and nothing else is")
{
    CHECK(written(samples::gateway(), Severity::leak).child("testsuites").attribute("failures").as_uint() ==
          3);
    CHECK(
        written(samples::gateway(), Severity::suspect).child("testsuites").attribute("failures").as_uint() ==
        5);
    CHECK(written(samples::gateway(), Severity::note).child("testsuites").attribute("failures").as_uint() ==
          6);
}

TEST_CASE("a JUnit failure says what was found, where, and with which stack")
{
    const pugi::xml_document document = written(samples::gateway());
    const pugi::xml_node test = document.child("testsuites").child("testsuite").child("testcase");
    const pugi::xml_node failure = test.child("failure");

    CHECK(std::string(test.attribute("file").value()) == "/home/ada/gateway/src/net/platform_net_socket.c");
    CHECK(test.attribute("line").as_int() == 31);
    CHECK(std::string(failure.attribute("type").value()) == "release-failed");
    CHECK(std::string(failure.attribute("message").value()).find("37 of 38 lwIP sockets") == 0);
    CHECK(std::string(failure.text().get())
              .find("mbedtls_net_free  /usr/src/mbedtls/library/net_sockets.c:660") != std::string::npos);
}

TEST_CASE("a suppressed finding is a skipped JUnit test that names the suppression")
{
    const pugi::xml_document document = written(samples::gateway());
    const pugi::xml_node skipped = document.select_node("//skipped").node();

    CHECK(std::string(skipped.attribute("message").value()).find("known.supp:3") != std::string::npos);
}

TEST_CASE("a finding as in the baseline is a skipped JUnit test, one that has grown a failure")
{
    Report report = samples::gateway();
    report.images[0].findings[0].baseline = Baseline{37, 0, 1, false};
    report.images[0].findings[1].baseline = Baseline{70, 1400, 2, true};
    const pugi::xml_document document = written(report);

    CHECK(document.child("testsuites").attribute("failures").as_uint() == 4);
    CHECK(std::string(document.select_node("//skipped").node().attribute("message").value()) ==
          "as in the baseline");
}

TEST_CASE("rules without findings are JUnit tests that pass, so that a clean run has tests")
{
    Report clean = samples::gateway();
    for (ImageReport &image : clean.images)
        image.findings.clear();
    const pugi::xml_document document = written(clean);

    CHECK(document.child("testsuites").child("testsuite").attribute("tests").as_uint() == rules().size());
    CHECK(document.child("testsuites").attribute("failures").as_uint() == 0);
}

TEST_CASE("names of JUnit tests are the same when the counts are others")
{
    Report later = samples::gateway();
    later.images[0].findings[0].count = 3000;
    const pugi::xml_document before = written(samples::gateway()), after = written(later);
    const auto first = [](const pugi::xml_document &document) {
        return std::string(document.select_node("//testcase").node().attribute("name").value());
    };

    CHECK(first(before) == first(after));
    CHECK(first(before) == "release-failed: lwip_socket in platform_net_socket_connect [5c1d20b7a9e3f480]");
}

TEST_CASE("hostile names leave JUnit well-formed XML without control characters")
{
    std::ostringstream out;
    write_junit(out, samples::hostile(), {});
    const std::string xml = out.str();

    CHECK(std::none_of(xml.begin(), xml.end(), [](char c) {
        return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7f;
    }));
    CHECK(xml.find("<img") == std::string::npos);
    const pugi::xml_document document = written(samples::hostile());
    CHECK(document.select_nodes("//failure").size() == 16);
    CHECK(document.select_nodes("//script").empty());
}
