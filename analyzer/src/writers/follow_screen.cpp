#include "writers/follow_screen.h"

#include <climits>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <langinfo.h>
#include <unistd.h>

#define NCURSES_NOMACROS // its macros are called erase, move, timeout
#define NCURSES_WIDECHAR 1
#include <curses.h>

namespace unpaired {

struct FollowScreen::Terminal {
    SCREEN *screen = nullptr;
    FILE *keys = nullptr; ///< /dev/tty if stdin is something else; nullptr: stdin
    bool unicode = false, colour = false;
};

namespace {

constexpr short growing_pair = 1;

int attribute(Ink ink, bool colour)
{
    switch (ink) {
    case Ink::plain:
        return A_NORMAL;
    case Ink::bold:
        return A_BOLD;
    case Ink::dim:
        return A_DIM;
    case Ink::growing:
        return colour ? COLOR_PAIR(growing_pair) : A_BOLD;
    case Ink::selected:
        return A_REVERSE;
    }
    return A_NORMAL;
}

} // namespace

std::unique_ptr<FollowScreen> FollowScreen::open(bool colour)
{
    const char *term = std::getenv("TERM");
    if (!isatty(STDOUT_FILENO) || !term || !*term || std::strcmp(term, "dumb") == 0)
        return nullptr;
    // How characters are shown, and nothing else of the user's locale: numbers in files stay as they are.
    std::setlocale(LC_CTYPE, "");
    auto terminal = std::make_unique<Terminal>();
    terminal->unicode = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    terminal->keys = isatty(STDIN_FILENO) ? nullptr : std::fopen("/dev/tty", "re");
    terminal->screen = newterm(nullptr, stdout, terminal->keys ? terminal->keys : stdin);
    if (!terminal->screen || !tigetstr("cup") || tigetstr("cup") == reinterpret_cast<char *>(-1)) {
        if (terminal->screen) {
            endwin();
            delscreen(terminal->screen);
        }
        if (terminal->keys)
            std::fclose(terminal->keys);
        return nullptr;
    }
    terminal->colour = colour && has_colors();
    if (terminal->colour) {
        start_color();
        use_default_colors();
        init_pair(growing_pair, COLOR_MAGENTA, -1);
    }
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    set_escdelay(50); // the key Esc stands alone after 50 ms
    keypad(stdscr, TRUE);
    return std::unique_ptr<FollowScreen>(new FollowScreen(std::move(terminal)));
}

FollowScreen::FollowScreen(std::unique_ptr<Terminal> terminal) : terminal_(std::move(terminal)) {}

FollowScreen::~FollowScreen()
{
    endwin();
    delscreen(terminal_->screen);
    if (terminal_->keys)
        std::fclose(terminal_->keys);
}

FollowPaper FollowScreen::paper() const
{
    FollowPaper paper;
    paper.width = static_cast<size_t>(getmaxx(stdscr));
    paper.height = static_cast<size_t>(getmaxy(stdscr));
    paper.unicode = terminal_->unicode;
    return paper;
}

void FollowScreen::show(const std::vector<StyledLine> &lines)
{
    werase(stdscr);
    for (size_t i = 0; i < lines.size(); i++) {
        wmove(stdscr, static_cast<int>(i), 0);
        for (const Span &span : lines[i]) {
            wattrset(stdscr, attribute(span.ink, terminal_->colour));
            waddstr(stdscr, span.text.c_str());
        }
    }
    wrefresh(stdscr);
}

KeyPress FollowScreen::wait_for_key(int milliseconds)
{
    wtimeout(stdscr, milliseconds);
    wint_t code = 0;
    const int kind = wget_wch(stdscr, &code);
    if (kind == ERR)
        return {};
    if (kind == KEY_CODE_YES) {
        switch (code) {
        case KEY_UP:
            return {Key::up, {}};
        case KEY_DOWN:
            return {Key::down, {}};
        case KEY_PPAGE:
            return {Key::page_up, {}};
        case KEY_NPAGE:
            return {Key::page_down, {}};
        case KEY_HOME:
            return {Key::home, {}};
        case KEY_END:
            return {Key::end, {}};
        case KEY_ENTER:
            return {Key::enter, {}};
        case KEY_BACKSPACE:
            return {Key::backspace, {}};
        case KEY_RESIZE:
            return {Key::resize, {}};
        default:
            return {};
        }
    }
    switch (code) {
    case '\r':
    case '\n':
        return {Key::enter, {}};
    case 0x1b:
        return {Key::escape, {}};
    case '\b':
    case 0x7f:
        return {Key::backspace, {}};
    case 'L' - '@': // Ctrl-L: somebody wrote over the screen
        clearok(curscr, TRUE);
        return {Key::resize, {}};
    default:
        break;
    }
    char text[MB_LEN_MAX];
    const int length = code < 0x20 ? 0 : wctomb(text, static_cast<wchar_t>(code));
    if (length <= 0)
        return {};
    return {Key::text, std::string(text, static_cast<size_t>(length))};
}

} // namespace unpaired
