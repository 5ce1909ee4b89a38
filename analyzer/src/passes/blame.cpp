#include "passes/blame.h"

#include "families.h"
#include "symbols/function_name.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <optional>

namespace unpaired {
namespace {

// Wrappers around wrappers: this many levels above the acquirer are looked at.
constexpr size_t max_chain = 4;

std::string_view last_part(std::string_view path)
{
    size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// A place in a function that stays the same in each inlined copy of it.
std::string place_of(const Frame &frame)
{
    if (!frame.file.empty() && frame.line > 0)
        return fmt::format("{}:{}", frame.file, frame.line);
    return fmt::format("{}@{:x}", frame.module, frame.address);
}

bool is_entry(const Frame &frame)
{
    static constexpr std::array<std::string_view, 9> names = {"main",
                                                              "_start",
                                                              "__libc_start_main",
                                                              "__libc_start_main_impl",
                                                              "__libc_start_call_main",
                                                              "start_thread",
                                                              "clone",
                                                              "clone3",
                                                              "__clone3"};
    return std::find(names.begin(), names.end(), frame.function) != names.end();
}

} // namespace

bool is_system_module(std::string_view path, std::string_view program)
{
    static constexpr std::array<std::string_view, 6> roots = {"/lib/",     "/lib64/",     "/lib32/",
                                                              "/usr/lib/", "/usr/lib64/", "/usr/lib32/"};
    if (path == program)
        return false;
    return path == "[vdso]" || std::any_of(roots.begin(), roots.end(),
                                           [&](std::string_view root) { return path.starts_with(root); });
}

bool is_runtime_frame(const Frame &frame)
{
    static constexpr std::array<std::string_view, 9> libraries = {"libc.so",   "libc-",      "ld-linux",
                                                                  "ld-2.",     "libpthread", "libdl.so",
                                                                  "libstdc++", "libgcc_s",   "ld-musl"};
    std::string_view name = last_part(frame.module);
    return name == "[vdso]" || frame.function == "_start" ||
           std::any_of(libraries.begin(), libraries.end(),
                       [&](std::string_view library) { return name.starts_with(library); });
}

bool is_firmware_library(const Frame &frame, bool program_has_files)
{
    // As the projects and the distributions that build them have their source trees.
    static constexpr std::array<std::string_view, 19> trees = {"/newlib/libc/",
                                                               "/newlib/libm/",
                                                               "/picolibc/",
                                                               "/picocrt/",
                                                               "/libgloss/",
                                                               "/libstdc++-v3/",
                                                               "/libgcc/",
                                                               "/musl/",
                                                               "/glibc",
                                                               "/FreeRTOS/Source/",
                                                               "/FreeRTOS-Kernel/",
                                                               "/components/freertos/",
                                                               "/components/heap/",
                                                               "/rt-thread/src/",
                                                               "/rt-thread/components/",
                                                               "/zephyr/kernel/",
                                                               "/zephyr/lib/",
                                                               "/lwip/src/",
                                                               "/wamr/core/"};
    if (frame.file.empty())
        return program_has_files;
    const std::string &file = frame.file;
    // lwIP's folder is called as its release is: lwip-2.1.3
    if (const size_t lwip = file.find("/lwip"); lwip != std::string::npos)
        for (std::string_view part : {"/src/core/", "/src/api/", "/src/netif/"})
            if (file.find(part, lwip) != std::string::npos)
                return true;
    return std::any_of(trees.begin(), trees.end(),
                       [&](std::string_view tree) { return file.find(tree) != std::string::npos; });
}

bool is_wrapper_name(std::string_view function)
{
    // what the table does not have, for it is made of what the table has
    static constexpr std::array<std::string_view, 15> names = {
        "xmalloc", "xcalloc", "xrealloc", "xstrdup",  "xstrndup",  "xmemdup",   "xzalloc",   "strdup",
        "strndup", "zmalloc", "zalloc",   "asprintf", "vasprintf", "_strdup_r", "_strndup_r"};
    static constexpr std::array<std::string_view, 10> endings = {
        "_malloc", "_alloc",   "_calloc", "_realloc", "_strdup",
        "_zalloc", "_malloc0", "_alloc0", "_strndup", "_memdup"};
    static constexpr std::array<std::string_view, 4> spaces = {"std::", "__gnu_cxx::", "operator new",
                                                               "__cxxabiv1::"};
    function = qualified_name(function);
    auto starts = [&](std::string_view start) { return function.starts_with(start); };
    if (std::any_of(spaces.begin(), spaces.end(), starts))
        return true;
    if (acquires_memory(function) || std::find(names.begin(), names.end(), function) != names.end())
        return true;
    return std::any_of(endings.begin(), endings.end(),
                       [&](std::string_view ending) { return function.ends_with(ending); });
}

void Wrappers::learn(const std::string &acquirer, bool memory, const Stack &stack)
{
    paths_.push_back({acquirer, memory,
                      Stack(stack.begin(),
                            stack.begin() + static_cast<ptrdiff_t>(std::min(stack.size(), max_chain + 1)))});
}

void Wrappers::conclude()
{
    // Level by level: a function can only be a wrapper if all between it and the acquirer are.
    for (size_t level = 0; level < max_chain; level++) {
        seen_.clear();
        for (const Path &path : paths_) {
            if (path.frames.size() <= level)
                continue;
            bool chained =
                std::all_of(path.frames.begin(), path.frames.begin() + static_cast<ptrdiff_t>(level),
                            [&](const Frame &frame) { return is_wrapper(path.acquirer, frame.function); });
            const Frame &frame = path.frames[level];
            if (!chained || frame.function.empty() || is_entry(frame) ||
                is_wrapper(path.acquirer, frame.function))
                continue;
            Seen &seen = seen_[{path.acquirer, frame.function}];
            seen.memory = path.memory;
            seen.call_sites.insert(place_of(frame));
            if (path.frames.size() > level + 1) {
                const Frame &caller = path.frames[level + 1];
                seen.callers.insert(caller.function.empty() ? place_of(caller) : caller.function.text());
            }
        }
        for (const auto &[key, seen] : seen_) {
            size_t needed = seen.memory ? 2 : 3;
            if (seen.call_sites.size() == 1 && seen.callers.size() >= needed)
                wrappers_.insert(key);
        }
    }
    paths_ = std::vector<Path>(); // gives its room back, too
    seen_.clear();
}

bool Wrappers::is_wrapper(const std::string &acquirer, const std::string &function) const
{
    return is_wrapper_name(function) || wrappers_.contains({acquirer, function});
}

Blame choose_blame(const std::string &acquirer, const Stack &stack, const Wrappers &wrappers,
                   std::string_view program, bool firmware)
{
    const bool has_files =
        std::any_of(stack.begin(), stack.end(), [](const Frame &frame) { return !frame.file.empty(); });
    auto blame = [&](size_t index, bool in_program) { return Blame{stack[index], index, in_program}; };
    if (stack.empty())
        return {{}, 0, false};
    std::optional<size_t> outermost_wrapper;
    for (size_t i = 0; i < stack.size(); i++) {
        const Frame &frame = stack[i];
        if (is_system_module(frame.module, program) || is_runtime_frame(frame))
            continue;
        if (frame.module.empty() && frame.function.empty())
            continue; // code that no module explains
        if (firmware && is_firmware_library(frame, has_files))
            continue;
        if (frame.function != "main" && wrappers.is_wrapper(acquirer, frame.function)) {
            outermost_wrapper = i;
            continue;
        }
        return blame(i, true);
    }
    if (outermost_wrapper)
        return blame(*outermost_wrapper, true);
    for (size_t i = 0; i < stack.size(); i++)
        if (!is_runtime_frame(stack[i]))
            return blame(i, false);
    return blame(0, false);
}

} // namespace unpaired
