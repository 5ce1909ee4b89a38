#include "text_samples.h"
#include "writers/text_canvas.h"

#include <catch2/catch.hpp>
#include <sstream>

using namespace unpaired;
using namespace unpaired::text_samples;

TEST_CASE("text: lines keep to the width, but for paths that do not fit")
{
    ImageReport image = image_with({socket_leak(), socket_leak()});
    image.remarks.assign(
        1, "it started /usr/bin/helper without the recorder in its environment: not recorded at all");
    for (const unsigned width : {60u, 80u, 120u}) {
        std::istringstream lines(text_of({image}, false, width));
        for (std::string line; std::getline(lines, line);) {
            INFO(line);
            CHECK(line.size() <= width);
        }
    }
}

TEST_CASE("text: colours only where they are asked for")
{
    Report report;
    report.images.push_back(image_with({socket_leak()}));
    TextStyle style;
    CHECK(!contains(write_text(report, style), "\x1b"));
    style.colour = true;
    const std::string coloured = write_text(report, style);
    CHECK(contains(coloured, "\x1b[1;31m"));
    // every colour ends on its own line
    std::istringstream lines(coloured);
    for (std::string line; std::getline(lines, line);)
        if (const size_t on = line.rfind("\x1b["); on != std::string::npos)
            CHECK(line.substr(on, 4) == "\x1b[0m");
}

TEST_CASE("text: names from a trace cannot steer the terminal")
{
    Finding f = socket_leak();
    Frame evil = f.stack[1];
    f.blame.function = evil.function = "evil\x1b[2J\nname";
    f.stack.replace(1, evil);
    ImageReport image = image_with({f});
    image.trace.program = "/bin/\x1b]0;title\x07";
    const std::string text = text_of({image});
    CHECK(!contains(text, "\x1b"));
    CHECK(!contains(text, "\x07"));
    CHECK(!contains(text, "evil\n"));
}

TEST_CASE("text: a long C++ name fits into the line of its frame")
{
    Finding f = socket_leak();
    const std::string arguments(300, 'x');
    Frame take = f.stack.front();
    take.function = f.blame.function = "Pool<" + arguments + ">::take(int)";
    f.stack.replace(0, take);
    CHECK(contains(text_of({image_with({f})}), "Pool<...>::take(int)"));
    CHECK(!contains(text_of({image_with({f})}), arguments));
    CHECK(contains(text_of({image_with({f})}, true), arguments)); // --all
}

TEST_CASE("text: of a path that does not fit the end is shown, unless all is asked for")
{
    Finding f = socket_leak();
    Frame deep = f.stack[2];
    deep.file = "/a/very/long/path/of/folders/that/nobody/wants/to/read/in/a/narrow/terminal/src/server.c";
    f.stack.replace(2, deep);
    const std::string text = text_of({image_with({f})}, false, 80);
    CHECK(contains(text, "/src/server.c:40"));
    CHECK(contains(text, " ..."));
    CHECK(!contains(text, "/a/very/long"));
    CHECK(contains(text_of({image_with({f})}, true, 80), "/a/very/long"));
}

TEST_CASE("On a terminal with links the places of frames lead to their files, and take no columns for it")
{
    Report report;
    report.images = {image_with({socket_leak()})};
    TextStyle style;
    style.width = 60;
    const std::string plain = write_text(report, style);
    style.link = [](const std::string &file, int line) {
        return file == "/src/server.c" ? "file://host" + file + "#" + std::to_string(line) : std::string();
    };

    std::string linked = write_text(report, style);

    CHECK(contains(linked, "\x1b]8;;file://host/src/server.c#11\x1b\\/src/server.c:11\x1b]8;;\x1b\\"));
    // without the links it is the same text
    for (const std::string &escape :
         {std::string("\x1b]8;;file://host/src/server.c#11\x1b\\"),
          std::string("\x1b]8;;file://host/src/server.c#40\x1b\\"), std::string("\x1b]8;;\x1b\\")})
        for (size_t at; (at = linked.find(escape)) != std::string::npos;)
            linked.erase(at, escape.size());
    CHECK(linked == plain);
}

TEST_CASE("Columns are counted without escape sequences, and a character of UTF-8 is one")
{
    CHECK(columns("plain") == 5);
    CHECK(columns("\x1b[1;31mleak\x1b[0m") == 4);
    CHECK(columns("\x1b]8;;file:///x\x1b\\x.c:1\x1b]8;;\x1b\\") == 5);
    CHECK(columns("äöü▁") == 4);
    CHECK(wrapped("\x1b[1maa\x1b[0m bb \x1b[1mcc\x1b[0m", 5, 0, 0) ==
          "\x1b[1maa\x1b[0m bb\n\x1b[1mcc\x1b[0m");
}

TEST_CASE("Lines are broken neither within a parenthesis nor between a number and its unit, where they can")
{
    CHECK(wrapped("malloc in subscribe, mqtt.c:50 (owner MQTT)", 38, 0, 2) ==
          "malloc in subscribe, mqtt.c:50\n  (owner MQTT)");
    CHECK(wrapped("16 of 16 heap blocks of 40 B (640 B) lost", 26, 0, 0) ==
          "16 of 16 heap blocks of\n40 B (640 B) lost");
    CHECK(wrapped("will be reached, after about 9 min.", 32, 0, 0) == "will be reached, after about\n9 min.");
    CHECK(wrapped("nothing (a parenthesis longer than half a line is like words) at all", 30, 0, 0) ==
          "nothing (a parenthesis longer\nthan half a line is like\nwords) at all");
    CHECK(wrapped("37 of 37 closes failed (-1, EALREADY), each", 36, 0, 0) ==
          "37 of 37 closes failed\n(-1, EALREADY), each");
    CHECK(wrapped("never closed (of these", 12, 0, 0) == "never closed\n(of these");
}

TEST_CASE("On a narrow terminal no line is wider than it, and the table keeps what is unpaired")
{
    ImageReport image = image_with({socket_leak()});
    image.totals["socket"].unpaired_bytes = 1234567;
    image.totals["socket"].released_unseen = 1;
    image.totals["socket"].failed_releases = 5;
    const std::string text = text_of({image}, false, 60);
    for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
        INFO("'" << text.substr(at, end - at) << "'");
        CHECK(columns(text.substr(at, end - at)) <= 60);
    }
    CHECK(contains(text, "unpaired"));
    CHECK(contains(text, "1.2 MiB"));
}
