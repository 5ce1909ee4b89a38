// The rules by their lasting names; docs/report.md tells what each means.
#pragma once

#include <array>
#include <string_view>

namespace unpaired {

struct Rule {
    std::string_view name;
    bool left_behind; ///< something still exists that nobody gave back, or can give back any more
};

inline constexpr std::array rules = {
    Rule{"never-released", true},     Rule{"release-failed", true},   Rule{"storage-freed-live", true},
    Rule{"reinitialised-live", true}, Rule{"double-release", false},  Rule{"mismatched-release", false},
    Rule{"release-unknown", false},   Rule{"foreign-release", false}, Rule{"tag-overwritten", false},
    Rule{"held-at-exit", true},       Rule{"limit-reached", false},   Rule{"released-with-error", false},
    Rule{"exec-inherited", false},
};

} // namespace unpaired
