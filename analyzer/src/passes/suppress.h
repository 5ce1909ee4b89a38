// Suppressions: findings a user has decided to live with, and what the system's libraries keep for life.
#pragma once

#include "report.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// One line `TYPE:PATTERN` or `TYPE:PATTERN max=N`.
///
/// TYPE is `leak` (LSan's own: whatever was left behind, of any family), a family (`socket`; `heap` stands for
/// new and new_array too), or a rule (`double-release`).
/// PATTERN is LSan's: found anywhere in the text, `*` stands for anything, `^` at its beginning and `$` at its
/// end anchor it. It is tried on the acquiring function, and on function (with and without its parameters),
/// source file and module of every frame of the stack.
/// With `max=N` the line holds only while what it matches in one image is no more than N acquisitions.
/// A line with a `problem` matches nothing.
struct Suppression {
    std::string type, pattern;
    std::optional<uint64_t> max;
    std::string text;      ///< the line as written
    std::string origin;    ///< "file:line"
    std::string problem;   ///< what is wrong with it and what to write, "" if nothing
    uint64_t findings = 0; ///< it matched so far, exceeding `max` or not
};

struct Suppressions {
    std::vector<Suppression> lines; ///< in the order of the files; the first that matches a finding decides
};

/// Reads a suppression file's text; `name` is what problems call it. Blank lines, `#` comments, carriage returns
/// and a byte order mark are skipped. A broken line has its `problem`.
Suppressions parse_suppressions(std::string_view text, std::string name);

/// Appends `more` to `all` (several --suppressions files).
void append_suppressions(Suppressions &all, Suppressions more);

/// Gives a problem to the lines whose type is none: not `leak`, no rule, and neither in `families` nor in `others`.
/// Only `families` are offered instead: `others` exist, but not in what is reported on.
void mark_unknown_types(Suppressions &suppressions, const std::set<std::string> &families,
                        const std::set<std::string> &others = {});

/// A sentence for each line with a problem, in their order; it begins with the line's origin and quotes it.
std::vector<std::string> suppression_problems(const Suppressions &suppressions);

/// Sets `suppressed_by` of the findings that a line matches, which become notes, and counts each line's matches. A
/// line whose `max` is exceeded suppresses nothing in the image, and a remark of the image says so.
void apply_suppressions(Suppressions &suppressions, ImageReport &image);

/// The lines that matched nothing in all images applied so far; those with a problem left out.
std::vector<UnusedSuppression> unused_suppressions(const Suppressions &suppressions);

/// True if LSan's template `pattern` matches `text`; an empty text matches nothing.
bool template_match(std::string_view pattern, std::string_view text);

/// True if the finding is what the C or C++ runtime acquires once and keeps for life: the loader's and the
/// locale's data, stdio's buffers, libstdc++'s emergency pool. Only the innermost frames count, as far as they
/// lie in these libraries: what the program's code acquires on its way is never lifelong by this list.
bool is_lifelong(const Finding &finding);

} // namespace unpaired
