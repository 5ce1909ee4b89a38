#include "words.h"

#include "report.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fmt/format.h>

namespace unpaired {
namespace {

// Every part that a recorder may have been built with. A family that stands in two parts means the same in both.
#define UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_FREERTOS
#define UNPAIRED_TABLE_RTTHREAD
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_TABLE_ESP
#define UNPAIRED_TABLE_WAMR
std::vector<FamilyOfTable> expand()
{
    std::vector<FamilyOfTable> families;
#define UNPAIRED_FAMILY(family, space, display) families.push_back({#family, #space, display});
#include "unpaired/resources/table.def"
    return families;
}

const FamilyOfTable *find_family(std::string_view name)
{
    const auto &families = families_of_table();
    const auto found = std::find_if(families.begin(), families.end(),
                                    [&](const FamilyOfTable &family) { return family.name == name; });
    return found == families.end() ? nullptr : &*found;
}

std::string plural_of(std::string_view display)
{
    // The noun itself comes first in "object from new" and "RT-Thread mutex in place", last everywhere else.
    const size_t from = std::min(display.find(" from "), display.find(" in place"));
    const std::string_view head = display.substr(0, from);
    const std::string_view tail = from == std::string_view::npos ? std::string_view() : display.substr(from);
    const char last = head.empty() ? ' ' : head.back();
    const bool consonant_y = last == 'y' && head.size() > 1 &&
                             std::string_view("aeiou").find(head[head.size() - 2]) == std::string_view::npos;
    if (consonant_y)
        return fmt::format("{}ies{}", head.substr(0, head.size() - 1), tail);
    return fmt::format("{}{}{}", head, last == 's' || last == 'x' || last == 'h' ? "es" : "s", tail);
}

/// What a person does with a space's resources to give them back.
struct SpaceVerb {
    std::string_view space, verb;
};
constexpr SpaceVerb space_verbs[] = {
    {"fd", "close"},
    {"stream", "close"},
    {"dir", "close"},
    {"lwip_socket", "close"},
    {"named_sem", "close"},
    {"dl", "close"},
    {"heap", "free"},
    {"lwip_mem", "free"},
    {"memp", "free"},
    {"pbuf", "free"},
    {"addrinfo", "free"},
    {"ifaddrs", "free"},
    {"sys_sem", "free"},
    {"sys_mutex", "free"},
    {"sys_mbox", "free"},
    {"mapping", "unmap"},
    {"mutex", "destroy"},
    {"rwlock", "destroy"},
    {"cond", "destroy"},
    {"barrier", "destroy"},
    {"spin", "destroy"},
    {"sem", "destroy"},
    {"held_mutex", "unlock"},
    {"held_rwlock", "unlock"},
    {"held_spin", "unlock"},
    {"thread", "join"},
    {"key", "delete"},
    {"timer", "delete"},
    {"netconn", "delete"},
    {"freertos_heap", "free"},
    {"rt_heap", "free"},
    {"esp_heap", "free"},
    {"wasm_heap", "free"},
    {"rt_pool_block", "free"},
    {"task", "delete"},
    {"queue", "delete"},
    {"software_timer", "delete"},
    {"event_group", "delete"},
    {"stream_buffer", "delete"},
    {"rt_thread", "delete"},
    {"rt_sem", "delete"},
    {"rt_mutex", "delete"},
    {"rt_event", "delete"},
    {"rt_mailbox", "delete"},
    {"rt_queue", "delete"},
    {"rt_timer", "delete"},
    {"rt_pool", "delete"},
    {"rt_ipc_object", "detach"},
    {"rt_timer_object", "detach"},
    {"sal_socket", "close"},
    {"wasm_lock", "destroy"},
    {"wasm_semaphore", "close"},
    {"wasm_mapping", "unmap"},
};

struct Verb {
    std::string_view verb, participle, calls; ///< "close", "closed", "closes"
};
constexpr Verb verbs[] = {
    {"release", "released", "releases"},  {"close", "closed", "closes"},
    {"free", "freed", "frees"},           {"unmap", "unmapped", "unmaps"},
    {"destroy", "destroyed", "destroys"}, {"unlock", "unlocked", "unlocks"},
    {"join", "joined", "joins"},          {"delete", "deleted", "deletes"},
    {"detach", "detached", "detaches"},
};

const Verb &verb_of(std::string_view family)
{
    const FamilyOfTable *known = find_family(family);
    const std::string_view space = known ? known->space : family;
    std::string_view name = family == "new" || family == "new_array" ? "delete" : verbs[0].verb;
    for (const SpaceVerb &one : space_verbs)
        if (one.space == space && name == verbs[0].verb)
            name = one.verb;
    for (const Verb &verb : verbs)
        if (verb.verb == name)
            return verb;
    return verbs[0];
}

} // namespace

const std::vector<FamilyOfTable> &families_of_table()
{
    static const std::vector<FamilyOfTable> families = expand();
    return families;
}

std::string family_noun(std::string_view family, uint64_t n)
{
    const FamilyOfTable *known = find_family(family);
    const std::string_view display = known ? known->display : family;
    return n == 1 ? std::string(display) : plural_of(display);
}

std::string_view family_released(std::string_view family) { return verb_of(family).participle; }

std::string_view family_release(std::string_view family, uint64_t n)
{
    const Verb &verb = verb_of(family);
    return n == 1 ? verb.verb : verb.calls;
}

std::string grouped(uint64_t n)
{
    const std::string digits = fmt::format("{}", n);
    std::string out;
    for (size_t i = 0; i < digits.size(); i++) {
        if (i > 0 && (digits.size() - i) % 3 == 0)
            out += ',';
        out += digits[i];
    }
    return out;
}

std::string bytes_text(uint64_t bytes)
{
    if (bytes < 10000)
        return grouped(bytes) + " B";
    static constexpr std::array units = {"KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes) / 1024;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < units.size()) {
        value /= 1024;
        unit++;
    }
    return fmt::format("{:.1f} {}", value, units[unit]);
}

std::string cycle_noun(const TraceInfo &trace, uint64_t n)
{
    const std::string &name = trace.cycle_name;
    if (name.empty())
        return n == 1 ? "cycle" : "cycles";
    // a mark's name says what a cycle is; a function begins one each time it is called
    if (trace.cycle_source != "marks")
        return fmt::format("{} of {}", n == 1 ? "call" : "calls", name);
    if (!std::isalpha(static_cast<unsigned char>(name.back())))
        return fmt::format("{} of {}", n == 1 ? "cycle" : "cycles", name);
    const bool plural = name.size() > 2 && name.back() == 's' &&
                        std::string_view("sui").find(name[name.size() - 2]) == std::string_view::npos;
    return n == 1 || plural ? name : plural_of(name);
}

std::string joined_and(const std::vector<std::string> &parts)
{
    if (parts.size() < 2)
        return parts.empty() ? std::string() : parts.front();
    return fmt::format("{} and {}", fmt::join(parts.begin(), parts.end() - 1, ", "), parts.back());
}

} // namespace unpaired
