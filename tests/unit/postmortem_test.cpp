// From memory to report: what findings say of who holds their blocks.
#include "image_builder.h"

#include "passes/analyze.h"
#include "passes/reach.h"
#include "writers/json.h"
#include "writers/text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace unpaired;
using namespace unpaired::test;
using Catch::Matchers::Contains;

namespace {

constexpr uint64_t subscribe = ImageBuilder::text + 0x40, connect = ImageBuilder::text + 0x80;

/// The report of an image whose call sites have names.
Report report_of(const ImageBuilder &image)
{
    Remains remains = remains_of(image);
    tell_reach(remains);
    Symbolize symbolize = [](const Module &, uint64_t address) {
        Frame frame;
        frame.function = address < connect - 0x20 ? "mqtt_subscribe" : "mqtt_connect";
        frame.file = "/src/mqtt.c";
        frame.line = address < connect - 0x20 ? 50 : 20;
        return std::vector<Frame>{frame};
    };
    return analyze({remains.trace}, {}, symbolize);
}

const Finding &finding_in(const Report &report, const std::string &function)
{
    for (const Finding &finding : report.images.at(0).findings)
        if (finding.blame.function == function)
            return finding;
    throw std::logic_error("no finding in " + function);
}

std::string text_of(const Report &report)
{
    TextStyle style;
    style.all = true;
    style.width = 200;
    return write_text(report, style);
}

struct Client : ImageBuilder {
    uint16_t in_subscribe = site("malloc", subscribe, "MQTT", 12),
             in_connect = site("malloc", connect, "MQTT");
};

} // namespace

TEST_CASE("memory that nothing points to is a leak, however little it is")
{
    Client image;
    image.block(image.in_subscribe, 20, "MQTT");
    const Report report = report_of(image);
    const Finding &finding = finding_in(report, "mqtt_subscribe");
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.reachability == "lost");
    CHECK(finding.reached.lost.count == 1);
    CHECK(finding.reached.lost.bytes == 20);
    CHECK(finding.held_by.empty());
    CHECK_THAT(
        text_of(report),
        Contains(
            "1 of 12 heap blocks (20 B) lost, nothing points to it: malloc in mqtt_subscribe, mqtt.c:50"));
}

TEST_CASE("memory that is held is a note, and says by whom")
{
    Client image;
    const uint64_t session = image.block(image.in_connect, 40, "MQTT");
    const uint64_t topic = image.block(image.in_subscribe, 20, "MQTT");
    image.point(ImageBuilder::state + 16, session);
    image.point(session + 4, topic);
    const Report report = report_of(image);
    CHECK(finding_in(report, "mqtt_connect").severity == Severity::note);
    CHECK(finding_in(report, "mqtt_connect").held_by == "held by g_state + 16");
    CHECK(finding_in(report, "mqtt_subscribe").held_by ==
          "held by another block of MQTT (malloc in mqtt_connect, mqtt.c:20), in the end by g_state + 16");
    CHECK_THAT(text_of(report), Contains("never freed, still held"));
}

TEST_CASE("memory that is held and grows over cycles is a leak all the same")
{
    Client image;
    for (int cycle = 0; cycle < 6; cycle++) {
        const uint64_t block = image.block(image.in_subscribe, 20, "MQTT");
        image.point(ImageBuilder::state + 4 * static_cast<uint64_t>(cycle), block);
        image.mark();
    }
    const Report report = report_of(image);
    const Finding &finding = finding_in(report, "mqtt_subscribe");
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.reachability == "reachable");
    CHECK(finding.per_cycle == Approx(1.0));
}

TEST_CASE("what only lost blocks hold is a note: the leak is the one that held it")
{
    Client image;
    const uint64_t session = image.block(image.in_connect, 40, "MQTT");
    image.point(session, image.block(image.in_subscribe, 20, "MQTT"));
    const Report report = report_of(image);
    CHECK(finding_in(report, "mqtt_connect").severity == Severity::leak);
    const Finding &finding = finding_in(report, "mqtt_subscribe");
    CHECK(finding.severity == Severity::note);
    CHECK(finding.reachability == "lost");
    CHECK(finding.reached.indirectly_lost.count == 1);
    CHECK_THAT(text_of(report), Contains("lost with what held it"));
}

TEST_CASE("possibly lost memory is suspect from two blocks of one stack on")
{
    for (uint64_t count : {1, 2}) {
        Client image;
        for (uint64_t i = 0; i < count; i++)
            image.point(ImageBuilder::state + 4 * i, image.block(image.in_subscribe, 64, "MQTT") + 40);
        const Report report = report_of(image);
        const Finding &finding = finding_in(report, "mqtt_subscribe");
        CHECK(finding.severity == (count == 1 ? Severity::note : Severity::suspect));
        CHECK(finding.held_by == "pointed into by g_state");
    }
}

TEST_CASE("blocks of one finding that are held in different ways are counted apart, the worst decides")
{
    Client image;
    for (int i = 0; i < 5; i++)
        image.block(image.in_subscribe, 20, "MQTT");
    for (uint64_t i = 0; i < 2; i++)
        image.point(ImageBuilder::state + 4 * i, image.block(image.in_subscribe, 30, "MQTT"));
    const Report report = report_of(image);
    const Finding &finding = finding_in(report, "mqtt_subscribe");
    CHECK(finding.severity == Severity::leak);
    CHECK(finding.reachability == "lost");
    CHECK(finding.reached.lost.count == 5);
    CHECK(finding.reached.reachable.count == 2);
    CHECK(finding.held_by == "held by g_state");
    const std::string text = text_of(report);
    CHECK_THAT(text, Contains("5 of 7 heap blocks (100 B) lost, nothing points to them"));
    CHECK_THAT(text, Contains("5 (100 B) lost: nothing points there; 2 (60 B) still held"));
}

TEST_CASE("the first bytes of up to three blocks are shown, those of the worst first")
{
    Client image;
    const uint64_t held = image.block(image.in_subscribe, 40, "MQTT");
    image.point(ImageBuilder::state, held);
    image.write(held, "held");
    for (const char *text : {"home/kitchen", "home/bath", "home/\x01\xff"}) {
        const uint64_t lost = image.block(image.in_subscribe, 40, "MQTT");
        image.write(lost, text);
    }
    const Report report = report_of(image);
    const Finding &finding = finding_in(report, "mqtt_subscribe");
    REQUIRE(finding.preview.size() == 3);
    CHECK(finding.preview[0].bytes.size() == 32);
    CHECK(finding.preview[0].bytes[5] == 'k');
    CHECK_THAT(text_of(report),
               Contains("68 6f 6d 65 2f 6b 69 74 63 68 65 6e 00 00 00 00  home/kitchen...."));

    std::ostringstream out;
    write_json(out, report);
    const auto json = nlohmann::json::parse(out.str())["images"][0]["findings"][0];
    CHECK(json["preview"][2]["text"].get<std::string>().starts_with("home/.."));
    CHECK(json["preview"][1]["bytes"].get<std::string>().starts_with("686f6d652f6261746800"));
    CHECK(json["reached"]["lost"]["count"] == 3);
}

TEST_CASE("a device's image is told as such, with its cycles")
{
    Client image;
    image.block(image.in_subscribe, 20, "MQTT");
    image.mark();
    const Report report = report_of(image);
    CHECK(report.images.at(0).trace.source == "ram");
    CHECK(report.images.at(0).trace.cycles == 1);
    CHECK_THAT(text_of(report), Contains("fw.elf: 1 leak (RAM image, 1 cycle)"));
}
