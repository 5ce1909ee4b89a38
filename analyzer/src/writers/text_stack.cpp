#include "writers/text_stack.h"

#include "writers/text_words.h"

#include <algorithm>
#include <fmt/format.h>

namespace unpaired {
namespace {

constexpr size_t frames_shown = 12;   ///< of a stack, unless everything is asked for
constexpr size_t before_a_place = 10; ///< the indent, the arrow, the blanks between

std::string place(const Frame &frame)
{
    if (!frame.file.empty())
        return fmt::format("{}:{}", frame.file, frame.line);
    if (!frame.module.empty())
        return fmt::format("{} {:#x}", base_name(frame.module), frame.address);
    return fmt::format("{:#x}", frame.address);
}

/// The end of a path that does not fit, from a folder on.
std::string shortened(const std::string &where, size_t room)
{
    if (columns(where) <= room)
        return where;
    size_t slash = where.rfind('/');
    if (slash == std::string::npos)
        return where;
    for (size_t earlier = slash; earlier > 0 && earlier != std::string::npos;
         earlier = where.rfind('/', earlier - 1)) {
        if (columns(where) - earlier + 3 > room)
            break;
        slash = earlier;
    }
    return "..." + where.substr(slash);
}

/// What calls main and what starts a thread is the same in every program.
size_t length_without_start(const Stack &stack)
{
    const auto start = std::find_if(stack.begin(), stack.end(), [](const Frame &frame) {
        return frame.function.text().starts_with("__libc_start_") || frame.function == "_start" ||
               frame.function == "start_thread" || frame.function.text().starts_with("__clone");
    });
    return start == stack.begin() ? stack.size() : static_cast<size_t>(start - stack.begin());
}

/// Everything that was asked for includes the whole of a name.
std::string frame_name(const Frame &frame, bool all)
{
    const std::string name = all ? frame.function.text() : shortened_name(frame.function, widest_name);
    return (name.empty() ? std::string("??") : name) + (frame.inlined ? " (inlined)" : "");
}

void write_frame(TextCanvas &canvas, const Frame &frame, bool blamed, size_t column)
{
    const std::string name = padded(frame_name(frame, canvas.style().all), column);
    std::string where = place(frame);
    if (!canvas.style().all)
        where = shortened(where, canvas.width() - std::min(canvas.width(), columns(name) + before_a_place));
    where = canvas.linked(where, frame.file, frame.line);
    canvas.line(fmt::format("     {} {}  {}", blamed ? canvas.bold("->") : "  ",
                            blamed ? canvas.bold(name) : name,
                            blamed ? canvas.bold(where) : canvas.dim(where)));
}

} // namespace

void write_stack(TextCanvas &canvas, const Stack &stack, const Frame *blame)
{
    const bool all = canvas.style().all;
    const size_t whole = all ? stack.size() : length_without_start(stack);
    size_t end = whole;
    if (!all && end > frames_shown + 1) {
        const auto blamed = blame ? std::find(stack.begin(), stack.end(), *blame) : stack.end();
        const size_t needed = blamed == stack.end() ? 0 : static_cast<size_t>(blamed - stack.begin()) + 2;
        end = std::min(end, std::max(frames_shown, needed));
    }
    size_t column = 0;
    for (size_t i = 0; i < end; i++)
        // longer ones do not push the places of the others aside
        column = std::max(column, std::min(columns(frame_name(stack[i], all)), widest_name));
    bool pointed = false;
    for (size_t i = 0; i < end; i++) {
        const bool here = blame && !pointed && stack[i] == *blame;
        pointed = pointed || here;
        write_frame(canvas, stack[i], here, column);
    }
    if (end < whole)
        canvas.line(canvas.dim(fmt::format("        ... and {} more (--all)", plural(whole - end, "frame"))));
}

} // namespace unpaired
