// What is live at one moment, by owner and call site, and how that changes from look to look: the data behind
// `unpaired report --follow`. Looks at no ages and judges no finding.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/own.h"
#include "passes/pair.h"
#include "passes/symbolise.h"
#include "report.h"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace unpaired {

/// Where something is acquired, and on whose behalf.
struct TallyPlace {
    std::string key; ///< equal for what is one acquisition to a reader, whatever process does it
    std::string owner, family, function;
    Frame blame;
    Stack stack; ///< innermost first
};

struct TallyCount {
    std::shared_ptr<const TallyPlace> place;
    uint64_t live = 0, bytes = 0, acquired = 0; ///< parts of other resources (a FILE's buffer) left out
};

/// One look at all that is followed.
struct Tally {
    double time_s = 0;                        ///< of the look, since following began
    uint32_t cycle = 0;                       ///< marks so far
    std::map<std::string, TallyCount> counts; ///< by TallyPlace::key
};

/// Names the sites of one trace, each once: a trace is read again and again, and its sites stay what they are.
class TallyNames {
public:
    /// Names the sites that something live comes from. One that is new since the last look may show that a
    /// function is a wrapper: then all are named anew.
    void learn(const Trace &trace, const std::vector<PairedImage> &images,
               const std::vector<OwnerRule> &rules, Symbolize &symbolize);

    /// The place of a site that learn() has named; nullptr for another one.
    std::shared_ptr<const TallyPlace> of(uint32_t site) const;

private:
    std::unordered_map<uint32_t, std::shared_ptr<const TallyPlace>> places_;
};

/// Adds what the images of `trace` hold whose processes are among `pids`; with `pids` empty, what all hold.
void add_to(Tally &tally, const Trace &trace, const std::vector<PairedImage> &images, const TallyNames &names,
            const std::vector<uint32_t> &pids);

/// A row of the table that is followed.
struct LiveRow {
    std::shared_ptr<const TallyPlace> place;
    uint64_t live = 0, bytes = 0, acquired = 0;
    int64_t since_start = 0, bytes_since_start = 0; ///< growth since the first look
    int64_t last_minute = 0;                        ///< growth since the look a minute ago, or the first one
    double per_minute = 0;           ///< mean growth since the first look; 0 before a second one
    std::optional<double> per_cycle; ///< the same by cycles; nothing before one has begun
    std::vector<uint64_t> trend;     ///< live over the whole time, oldest first
};

/// What the looks so far tell. Memory grows with the places, not with the number of looks.
class TallyHistory {
public:
    static constexpr size_t trend_points = 32; ///< at most so many are kept of LiveRow::trend

    /// Adds a look, which is later than those before.
    void add(const Tally &tally);

    /// Everything that was live at some look, unless a minute ago was the last time, in no useful order.
    std::vector<LiveRow> rows() const;

    double followed_s() const { return last_s_ - first_s_; }
    uint32_t cycles() const { return last_cycle_ - first_cycle_; } ///< begun since the first look

private:
    struct Sample {
        double time_s;
        uint64_t live;
    };
    struct Kept {
        TallyCount now;
        uint64_t live_at_start = 0, bytes_at_start = 0;
        std::deque<Sample>
            minute; ///< the last minute's, the first of them a minute old or the oldest there is
    };

    static void note(Kept &kept, const TallyCount &count, double time_s);
    static bool gone(const Kept &kept); ///< nothing of it was live for a minute

    std::map<std::string, Kept> kept_;
    std::map<std::string, std::vector<uint64_t>> trends_;
    size_t looks_ = 0, stride_ = 1; ///< every stride-th look is a point of the trends
    size_t points_ = 0;
    double first_s_ = 0, last_s_ = 0;
    uint32_t first_cycle_ = 0, last_cycle_ = 0;
};

enum class RowOrder { rate, bytes, count, owner };

/// Sorts as asked, the greatest first (owners by name); what is equal by rate, bytes, count and place.
void sort_rows(std::vector<LiveRow> &rows, RowOrder order);

} // namespace unpaired
