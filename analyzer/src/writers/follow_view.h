// The table of `unpaired report --follow` as lines, for a screen and for a pipe. Plain data in, styled text out:
// what paints them is follow_screen.
#pragma once

#include "passes/tally.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

enum class Ink : uint8_t { plain, bold, dim, growing, selected };

struct Span {
    std::string text;
    Ink ink = Ink::plain;
};
using StyledLine = std::vector<Span>;

/// What is followed, and how it stands.
struct FollowedProgram {
    std::string name; ///< "server (process 4711)"
    bool running = true;
    double time_s = 0;         ///< since following began
    double interval_s = 1;     ///< between looks
    double reading_s = 0;      ///< what the last look took
    uint32_t cycle = 0;        ///< marks so far, those before following included
    uint64_t not_recorded = 0; ///< events that found no room, or were lost on the way
};

enum class FollowPage : uint8_t { table, stack, help };

/// What the reader has chosen.
struct FollowChoice {
    RowOrder order = RowOrder::rate;
    FollowPage page = FollowPage::table;
    std::string filter;   ///< only rows with this in their text; case does not matter
    bool typing = false;  ///< the filter is being typed
    std::string selected; ///< TallyPlace::key of the row under the cursor, "" for the first one
    size_t scrolled = 0;  ///< lines of the stack or the help above the screen
    bool paused = false;
    std::string message; ///< said once on the last line: what a key did
};

/// How it may be drawn.
struct FollowPaper {
    size_t width = 80, height = 24;
    bool unicode = true; ///< block characters for trends, else ASCII
};

/// The rows that match the filter, sorted.
std::vector<LiveRow> chosen_rows(const std::vector<LiveRow> &rows, const FollowChoice &choice);

/// The row under the cursor: the one selected, or the first if that is not among `rows`; nullptr if there is none.
const LiveRow *selected_row(const std::vector<LiveRow> &rows, const FollowChoice &choice);

/// The whole screen: at most `height` lines of at most `width` columns. `rows` are chosen_rows().
std::vector<StyledLine> draw_follow(const FollowedProgram &program, const std::vector<LiveRow> &rows,
                                    const FollowChoice &choice, const FollowPaper &paper);

/// One look for a pipe: a headline, the twenty first rows of `rows`, an empty line.
std::string follow_text(const FollowedProgram &program, const std::vector<LiveRow> &rows);

/// `values` as a line of at most `width` characters, each as high as its value between 0 and the greatest.
std::string sparkline(const std::vector<uint64_t> &values, size_t width, bool unicode);

} // namespace unpaired
