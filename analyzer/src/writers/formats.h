// The formats a report can be written in: the one table that options, help and checks are made from.
#pragma once

#include "report.h"
#include "writers/text.h"

#include <functional>
#include <ostream>
#include <span>
#include <string>
#include <string_view>

namespace unpaired {

/// What the writers take from the command line.
struct WriteOptions {
    bool all = false;     ///< notes and suppressed findings too, where a format leaves them out otherwise
    bool colour = false;  ///< text: ANSI colours
    unsigned width = 100; ///< text: columns
    std::function<std::string(const std::string &file, int line)> link; ///< text: see TextStyle
    Severity fail_on = Severity::suspect; ///< junit: from here on a finding is a failure
    std::string source_root; ///< sarif: absolute; paths below it are written relative to it, none if it is ""
};

TextStyle text_style(const WriteOptions &options);

struct Format {
    std::string_view name; ///< as in --format=NAME
    std::string_view help; ///< what it is for, for --help
    bool binary;           ///< not to be written to a terminal
    void (*write)(std::ostream &out, const Report &report, const WriteOptions &options);
};

/// All formats, the default one first.
std::span<const Format> formats();

/// nullptr if there is none of that name.
const Format *find_format(std::string_view name);

} // namespace unpaired
