// What to say of a name that nobody knows: those that may have been meant, else those there are.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

/// Up to four of `names` that may have been meant: mistyped, or forms of it (accept4 for accept), nearest first.
std::vector<std::string> near_names(std::string_view name, const std::set<std::string> &names);

/// "there is no family 'sokcet'; did you mean socket?" If none is near: all of `names` where they are few, else
/// `otherwise`, which says where they are listed ("unpaired resources lists them"). Never a list that fills a screen.
std::string no_such(std::string_view what, std::string_view name, const std::set<std::string> &names,
                    std::string_view otherwise = {});

/// "a, b or c".
std::string joined_or(const std::vector<std::string> &parts);

} // namespace unpaired
