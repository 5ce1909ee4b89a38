// What the keys of `unpaired report --follow` do to what is shown.
#pragma once

#include "writers/follow_view.h"

#include <cstdint>
#include <string>
#include <vector>

namespace unpaired {

enum class Key : uint8_t {
    none,
    text,
    up,
    down,
    page_up,
    page_down,
    home,
    end,
    enter,
    escape,
    backspace,
    resize
};

struct KeyPress {
    Key key = Key::none;
    std::string text; ///< of Key::text: one character, in UTF-8
};

/// What the caller has to do, since it is more than showing.
enum class FollowAct : uint8_t { none, quit, mark, snapshot };

/// Changes `choice` as the key says. `rows` are those on the screen (chosen_rows()), `page` how many of them a
/// page key goes by.
FollowAct press(const KeyPress &key, const std::vector<LiveRow> &rows, size_t page, FollowChoice &choice);

} // namespace unpaired
