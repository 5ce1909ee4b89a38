#include "commands/terminal.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>

namespace unpaired {
namespace {

// Without the line: what opens files for a desktop (GLib's g_filename_from_uri) refuses a URI with a fragment.
constexpr std::string_view default_link = "file://{host}{path}";

std::string environment(const char *name)
{
    const char *value = std::getenv(name);
    return value ? value : "";
}

bool is_plain_terminal() { return environment("TERM").empty() || environment("TERM") == "dumb"; }

/// A terminal ignores an OSC sequence it does not know (ECMA-48). These do not: the console of Linux, VTE before
/// 0.50, GNU screen (tmux is called screen, too, and does), the terminals inside Emacs.
bool prints_links_as_garbage()
{
    const std::string term = environment("TERM"), vte = environment("VTE_VERSION");
    if (is_plain_terminal() || term == "linux" || !environment("INSIDE_EMACS").empty())
        return true;
    if (term.starts_with("screen") && environment("TMUX").empty())
        return true;
    return !vte.empty() && std::atoi(vte.c_str()) < 5000;
}

/// RFC 3986: what is not unreserved is written as %XX; the slashes stay.
std::string percent_encoded(std::string_view path)
{
    std::string encoded;
    for (const char c : path) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80 &&
            (std::isalnum(byte) || std::string_view("/-._~").find(c) != std::string_view::npos))
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", byte);
    }
    return encoded;
}

void replace_all(std::string &text, std::string_view what, const std::string &with)
{
    for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
}

std::string host_name()
{
    std::array<char, HOST_NAME_MAX + 1> name = {};
    return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

} // namespace

bool colour_wanted(int fd)
{
    return isatty(fd) && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
}

unsigned report_width(int fd)
{
    struct winsize size = {};
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return std::clamp<unsigned>(size.ws_col, 40, 160);
    return 100;
}

std::string links_problem(const std::string &wish)
{
    if (wish == "auto" || wish == "on" || wish == "off" || wish.find("{path}") != std::string::npos)
        return {};
    return fmt::format("'{}' is none of auto, on and off, and no link: that has {{path}} in it, such as "
                       "vscode://file{{path}}:{{line}}",
                       wish);
}

std::function<std::string(const std::string &, int)> source_links(const std::string &wish, int fd)
{
    const bool switched = wish == "on" || wish == "off";
    if (wish == "off" || (!switched && (!isatty(fd) || prints_links_as_garbage())))
        return {};
    const std::string link(wish == "auto" || wish == "on" ? default_link : wish);
    return [link, host = host_name()](const std::string &file, int line) {
        std::error_code ignored;
        if (!file.starts_with('/') || !std::filesystem::exists(file, ignored))
            return std::string();
        std::string target;
        for (const char c :
             link) // a template is the user's, and still must not end the sequence it stands in
            if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
                target += c;
        replace_all(target, "{host}", percent_encoded(host));
        replace_all(target, "{line}", std::to_string(line));
        replace_all(target, "{path}", percent_encoded(file));
        return target;
    };
}

} // namespace unpaired
