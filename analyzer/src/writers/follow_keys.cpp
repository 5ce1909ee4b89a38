#include "writers/follow_keys.h"

#include <algorithm>

namespace unpaired {
namespace {

void type(const KeyPress &key, FollowChoice &choice)
{
    switch (key.key) {
    case Key::enter:
        choice.typing = false;
        break;
    case Key::escape:
        choice.typing = false;
        choice.filter.clear();
        break;
    case Key::backspace:
        // a character of UTF-8: its first byte and those that continue it
        while (!choice.filter.empty()) {
            const bool continues = (static_cast<unsigned char>(choice.filter.back()) & 0xc0) == 0x80;
            choice.filter.pop_back();
            if (!continues)
                break;
        }
        break;
    case Key::text:
        choice.filter += key.text;
        break;
    default:
        break;
    }
}

/// Up is negative. False for a key that does not move.
bool distance(const KeyPress &key, int64_t page, int64_t &lines)
{
    constexpr int64_t far = INT32_MAX;
    switch (key.key) {
    case Key::up:
        lines = -1;
        return true;
    case Key::down:
        lines = 1;
        return true;
    case Key::page_up:
        lines = -page;
        return true;
    case Key::page_down:
        lines = page;
        return true;
    case Key::home:
        lines = -far;
        return true;
    case Key::end:
        lines = far;
        return true;
    default:
        lines = key.text == "j" ? 1 : -1;
        return key.text == "j" || key.text == "k";
    }
}

void move(const std::vector<LiveRow> &rows, int64_t lines, FollowChoice &choice)
{
    const LiveRow *at = selected_row(rows, choice);
    if (!at)
        return;
    const int64_t to =
        std::clamp<int64_t>((at - rows.data()) + lines, 0, static_cast<int64_t>(rows.size()) - 1);
    choice.selected = rows[static_cast<size_t>(to)].place->key;
}

FollowAct command(const std::string &text, FollowChoice &choice)
{
    const auto sort_by = [&choice](RowOrder order) {
        choice.order = order;
        choice.selected.clear(); // the cursor goes to the top: that is what was asked for
    };
    if (text == "q")
        return FollowAct::quit;
    if (text == "m")
        return FollowAct::mark;
    if (text == "s")
        return FollowAct::snapshot;
    if (text == "r")
        sort_by(RowOrder::rate);
    else if (text == "b")
        sort_by(RowOrder::bytes);
    else if (text == "c")
        sort_by(RowOrder::count);
    else if (text == "o")
        sort_by(RowOrder::owner);
    else if (text == "p" || text == " ")
        choice.paused = !choice.paused;
    else if (text == "/")
        choice.typing = true;
    else if (text == "?" || text == "h")
        choice.page = FollowPage::help;
    else if (!text.empty())
        choice.message = "? tells the keys";
    return FollowAct::none;
}

} // namespace

FollowAct press(const KeyPress &key, const std::vector<LiveRow> &rows, size_t page, FollowChoice &choice)
{
    if (key.key == Key::none || key.key == Key::resize)
        return FollowAct::none;
    choice.message.clear();
    if (choice.typing) {
        type(key, choice);
        return FollowAct::none;
    }
    int64_t lines = 0;
    const bool moves = distance(key, static_cast<int64_t>(page), lines);
    if (choice.page != FollowPage::table) {
        if (key.text == "q")
            return FollowAct::quit;
        if (moves) {
            choice.scrolled = static_cast<size_t>(
                std::clamp<int64_t>(static_cast<int64_t>(choice.scrolled) + lines, 0, 1000));
        } else {
            choice.page = FollowPage::table;
            choice.scrolled = 0;
        }
        return FollowAct::none;
    }
    if (moves) {
        move(rows, lines, choice);
    } else if (key.key == Key::enter) {
        if (const LiveRow *row = selected_row(rows, choice)) {
            choice.selected = row->place->key;
            choice.page = FollowPage::stack;
        }
    } else if (key.key == Key::escape) {
        choice.filter.clear();
    } else {
        return command(key.text, choice);
    }
    return FollowAct::none;
}

} // namespace unpaired
