// A finding, an image and their text, for tests of the text report.
#pragma once

#include "writers/text.h"

#include <string>
#include <utility>
#include <vector>

namespace unpaired::text_samples {

inline Finding socket_leak()
{
    Finding f;
    f.id = "0123456789abcdef";
    f.rule = "never-released";
    f.severity = Severity::leak;
    f.family = "socket";
    f.function = "accept4";
    f.owner = "MBUS";
    f.count = 3;
    f.acquired = 10;
    f.released = 7;
    f.blame = {"serve_one", "/src/server.c", 11, "/bin/server", 0x1000, false};
    f.stack = {{"modbus_tcp_accept", "", 0, "/usr/lib/libmodbus.so.5", 0x2000, false},
               f.blame,
               {"main", "/src/server.c", 40, "/bin/server", 0x3000, false},
               {"__libc_start_call_main", "", 0, "/lib/libc.so.6", 0x4000, false}};
    return f;
}

inline ImageReport image_with(std::vector<Finding> findings)
{
    ImageReport image;
    image.trace.program = "/bin/server";
    image.trace.pid = 4711;
    image.trace.end = "exit";
    image.findings = std::move(findings);
    image.totals["socket"].acquired = 10;
    image.totals["socket"].released = 7;
    image.totals["socket"].unpaired = 3;
    return image;
}

inline std::string text_of(std::vector<ImageReport> images, bool all = false, unsigned width = 100)
{
    Report report;
    report.images = std::move(images);
    TextStyle style;
    style.all = all;
    style.width = width;
    return write_text(report, style);
}

inline bool contains(const std::string &text, const std::string &part)
{
    return text.find(part) != std::string::npos;
}

} // namespace unpaired::text_samples
