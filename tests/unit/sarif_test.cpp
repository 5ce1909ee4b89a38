#include "sample_reports.h"
#include "writers/sarif.h"
#include "writers/sarif_locations.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sstream>

using namespace unpaired;
using Json = nlohmann::json;

// The official schema is checked by tests/scenario/commands/formats.py.
namespace {

Json run_of(const Report &report, bool all = false)
{
    WriteOptions options;
    options.all = all;
    options.source_root = samples::gateway_root;
    std::ostringstream out;
    write_sarif(out, report, options);
    const Json log = Json::parse(out.str());
    REQUIRE(log["version"] == "2.1.0");
    REQUIRE(log["runs"].size() == 1); // code scanning takes 20 in a file, and a report may have more images
    return log["runs"][0];
}

} // namespace

TEST_CASE("SARIF levels follow the severities")
{
    const Json results = run_of(samples::gateway(), true)["results"];

    REQUIRE(results.size() == 7);
    CHECK(results[0]["level"] == "error");
    CHECK(results[3]["level"] == "warning");
    CHECK(results[4]["level"] == "note");
}

TEST_CASE("SARIF has notes and suppressed findings only with --all")
{
    CHECK(run_of(samples::gateway())["results"].size() == 5);

    const Json suppressed = run_of(samples::gateway(), true)["results"][5];
    CHECK(suppressed["suppressions"][0]["kind"] == "external");
    CHECK(suppressed["suppressions"][0]["justification"] == "known.supp:3: leak:start_up_cache");
    CHECK(run_of(samples::gateway())["results"][0]["suppressions"].empty());
}

TEST_CASE("a SARIF result names its rule by id and index, and carries the finding's id as its fingerprint")
{
    const Json run = run_of(samples::gateway());

    for (const Json &result : run["results"]) {
        const Json &rule = run["tool"]["driver"]["rules"][result["ruleIndex"].get<size_t>()];
        CHECK(rule["id"] == result["ruleId"]);
        CHECK_FALSE(rule["help"]["text"].get<std::string>().empty());
        CHECK(result["partialFingerprints"]["unpairedFinding/v1"].get<std::string>().size() == 16);
    }
}

TEST_CASE("a rule of a later version is a SARIF rule without help")
{
    Report report = samples::gateway();
    report.images[0].findings[0].rule = "of-a-later-version";
    const Json run = run_of(report);
    const Json &rule = run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"].get<size_t>()];

    CHECK(rule["id"] == "of-a-later-version");
}

TEST_CASE("SARIF paths below the source root are relative to it, others absolute")
{
    const Json run = run_of(samples::gateway());
    const Json place = run["results"][0]["locations"][0]["physicalLocation"];

    CHECK(run["originalUriBaseIds"]["SRCROOT"]["uri"] == "file:///home/ada/gateway/");
    CHECK(place["artifactLocation"]["uri"] == "src/net/platform_net_socket.c");
    CHECK(place["artifactLocation"]["uriBaseId"] == "SRCROOT");
    CHECK(place["region"]["startLine"] == 31);
    const Json failed = run["results"][0]["relatedLocations"][0];
    CHECK(failed["physicalLocation"]["artifactLocation"]["uri"] ==
          "file:///usr/src/mbedtls/library/net_sockets.c");
    CHECK_FALSE(failed["physicalLocation"]["artifactLocation"].contains("uriBaseId"));
    CHECK(failed["message"]["text"] == "lwip_close failed here");
}

TEST_CASE("the source root is a whole folder, not the beginning of a name")
{
    const SourceRoot root("/home/ada/gate/./");

    CHECK(root.below("/home/ada/gate/src/a.c") == "src/a.c");
    CHECK(root.below("/home/ada/gate/lib/../src/a.c") == "src/a.c");
    CHECK(root.below("/home/ada/gateway/src/a.c").empty());
    CHECK(root.below("/home/ada/gate").empty());
    CHECK(root.below("src/a.c") == "src/a.c");
    CHECK(root.below("../a.c").empty());
    CHECK(root.below("").empty());
    CHECK(SourceRoot("/").below("/src/a.c").empty());
}

TEST_CASE("paths become URIs")
{
    CHECK(percent_encoded("src/a b#c%d.c") == "src/a%20b%23c%25d.c");
    CHECK(percent_encoded("\xc3\xa4:\\") == "%C3%A4%3A%5C");
}

TEST_CASE("a result is shown in the source tree if any frame of its stack is")
{
    const SourceRoot root("/repo");
    const Frame system{"read_config", "/usr/src/lib/config.c", 3, "/usr/lib/libconfig.so", 0x10, false};
    const Frame ours{"load", "/repo/load.c", 7, "/repo/a.out", 0x20, false};
    const Frame outer{"main", "/repo/main.c", 9, "/repo/a.out", 0x30, false};
    const Frame nowhere{"", "", 0, "/usr/lib/libx.so", 0x40, false};
    Finding finding;

    finding.blame = ours;
    finding.stack = {system, ours, outer};
    CHECK(shown_frame(finding, root) == ours);

    finding.blame = system;
    CHECK(shown_frame(finding, root) == ours);

    finding.blame = nowhere;
    finding.stack = {ours, nowhere};
    CHECK(shown_frame(finding, root) == ours);

    finding.stack = {nowhere, system};
    CHECK(shown_frame(finding, root) == system);

    finding.stack = {nowhere};
    CHECK(shown_frame(finding, root) == nowhere);
}

TEST_CASE("a SARIF result has the stacks, and the way to them for code scanning")
{
    const Json results = run_of(samples::gateway())["results"];

    const Json &lost = results[0];
    CHECK(lost["stacks"].size() == 2);
    CHECK(lost["stacks"][0]["message"]["text"] == "lwip_socket called from");
    CHECK(lost["stacks"][0]["frames"].size() == 5);
    const Json &way = lost["codeFlows"][0]["threadFlows"][0]["locations"];
    CHECK(way.size() == 4); // of the C library's frame no file is known
    CHECK(way[0]["location"]["message"]["text"] == "main");
    CHECK(lost["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "platform_net_socket_connect");
    CHECK(results[2]["relatedLocations"][0]["message"]["text"] == "first released by close here");
}

TEST_CASE("SARIF invocations are the images, and a result says which one it is of")
{
    const Json run = run_of(samples::gateway());

    REQUIRE(run["invocations"].size() == 3); // and one for what is remarked of the whole
    CHECK(run["invocations"][0]["properties"]["end"] == "signal:6");
    CHECK(run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"] ==
          "lwip_socket failed once");
    CHECK(run["results"][4]["provenance"]["invocationIndex"] == 1);
    CHECK(run["invocations"][2]["toolExecutionNotifications"].dump().find("known.supp:4") !=
          std::string::npos);
    CHECK(run_of(Report{})["invocations"].size() == 1);
}

TEST_CASE("SARIF stacks of a result differ, as the schema wants them to")
{
    Report report = samples::gateway();
    Finding &finding = report.images[0].findings[2];
    finding.ended_by->stack = finding.stack;
    report.images[0].findings[0].failed_release->stack = report.images[0].findings[0].stack;
    report.images[0].findings[0].failed_release->function = report.images[0].findings[0].function;

    const Json results = run_of(report)["results"];

    CHECK(results[0]["stacks"].size() == 1);
    CHECK(results[2]["stacks"].size() == 2); // what they are stacks of tells them apart
}

TEST_CASE("against a baseline every SARIF result has its state, and what is unchanged is left out")
{
    Report report = samples::gateway();
    report.images[0].findings[0].baseline = Baseline{30, 0, 1, true};
    report.images[0].findings[1].baseline = Baseline{76, 1520, 2, false};

    const Json counted = run_of(report)["results"], all = run_of(report, true)["results"];

    CHECK(counted.size() == 4);
    CHECK(counted[0]["baselineState"] == "updated");
    CHECK(counted[1]["baselineState"] == "new");
    CHECK(all[1]["baselineState"] == "unchanged");
    CHECK_FALSE(run_of(samples::gateway())["results"][0].contains("baselineState"));
}
