// The lines of section .unpaired_dictionary (stream_format.h).
#include "input/firmware_elf.h"

#include <charconv>
#include <fmt/format.h>
#include <unordered_map>

namespace unpaired {
namespace {

constexpr unsigned dictionary_version = 1;
constexpr size_t most_ids = 255; // the device has a byte for each

class DictionaryReader {
public:
    explicit DictionaryReader(FirmwareElf &elf) : elf_(elf) {}

    void read(std::string_view lines)
    {
        while (!lines.empty()) {
            // an assembler may end a string with a zero, and align what follows
            const size_t end = lines.find_first_of(std::string_view("\n\0", 2));
            read_line(lines.substr(0, end));
            lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
        }
        if (!seen_version_)
            throw InputError(fmt::format("{}: its section .unpaired_dictionary has no version; link it with "
                                         "the wraplib of this version of unpaired",
                                         elf_.path));
    }

private:
    [[noreturn]] void fail(std::string_view line) const
    {
        throw InputError(fmt::format("{}: its section .unpaired_dictionary is damaged at '{}'; link it again",
                                     elf_.path, line.substr(0, 60)));
    }

    static std::string_view word(std::string_view &line)
    {
        while (line.starts_with(' '))
            line.remove_prefix(1);
        const std::string_view result = line.substr(0, line.find(' '));
        line.remove_prefix(result.size());
        while (line.starts_with(' '))
            line.remove_prefix(1);
        return result;
    }

    void read_line(std::string_view line)
    {
        const std::string_view whole = line;
        const std::string_view letter = word(line);
        if (letter.empty())
            return;
        if (letter == "unpaired") {
            read_version(word(line), whole);
            return;
        }
        if (!seen_version_ || letter.size() != 1)
            fail(whole);
        const std::string name(word(line));
        if (name.empty())
            fail(whole);
        switch (letter[0]) {
        case 'S':
            add_space(name, word(line), whole);
            return;
        case 'F':
            add_family(name, line, whole);
            return;
        case 'A':
            add_function(name, UNPAIRED_ROLE_ACQUIRE, family(word(line), whole), 0, whole);
            return;
        case 'M':
            add_function(name, UNPAIRED_ROLE_MOVE, family(word(line), whole), 0, whole);
            return;
        case 'R':
            add_function(name, UNPAIRED_ROLE_RELEASE, 0, space(word(line), whole), whole);
            return;
        case 'O':
            add_function(name, UNPAIRED_ROLE_OBSERVE, 0, space(word(line), whole), whole);
            return;
        case 'L':
            add_function(name, UNPAIRED_ROLE_LIFECYCLE, 0, 0, whole);
            return;
        case 'P':
            add_serves_only(name, word(line), whole);
            return;
        default:
            fail(whole);
        }
    }

    void read_version(std::string_view number, std::string_view line)
    {
        unsigned version = 0;
        auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), version);
        if (error != std::errc() || end != number.data() + number.size())
            fail(line);
        if (version != dictionary_version)
            throw InputError(fmt::format("{}: was linked with a wraplib of dictionary version {}, this "
                                         "unpaired reads {}; use the unpaired that belongs to it",
                                         elf_.path, version, dictionary_version));
        seen_version_ = true;
    }

    void add_space(const std::string &name, std::string_view kind, std::string_view line)
    {
        static const std::unordered_map<std::string_view, uint8_t> kinds = {
            {"NUMBERED", UNPAIRED_KIND_NUMBERED},
            {"IN_PLACE", UNPAIRED_KIND_IN_PLACE},
            {"COUNTED", UNPAIRED_KIND_COUNTED},
            {"RANGE", UNPAIRED_KIND_RANGE},
            {"HELD", UNPAIRED_KIND_HELD}};
        auto at = kinds.find(kind);
        if (at == kinds.end() || elf_.dictionary.spaces.size() >= most_ids)
            fail(line);
        const auto id = static_cast<uint16_t>(elf_.dictionary.spaces.size() + 1);
        elf_.dictionary.spaces[id] = {name, at->second};
        spaces_[name] = id;
    }

    void add_family(const std::string &name, std::string_view rest, std::string_view line)
    {
        if (elf_.dictionary.families.size() >= most_ids)
            fail(line);
        const auto id = static_cast<uint16_t>(elf_.dictionary.families.size() + 1);
        Family &family = elf_.dictionary.families[id];
        family.name = name;
        family.space = space(word(rest), line);
        family.display = rest.empty() ? name : std::string(rest);
        families_[name] = id;
    }

    void add_function(const std::string &name, uint8_t role, uint16_t family, uint16_t space,
                      std::string_view line)
    {
        if (elf_.dictionary.functions.size() >= most_ids)
            fail(line);
        const auto id = static_cast<uint16_t>(elf_.dictionary.functions.size() + 1);
        if (family != 0)
            space = elf_.dictionary.families[family].space;
        elf_.dictionary.functions[id] = {name, role, family, space};
        functions_[name] = id;
    }

    void add_serves_only(const std::string &function, std::string_view name, std::string_view line)
    {
        auto at = functions_.find(function);
        if (at == functions_.end())
            fail(line);
        elf_.serves_only[at->second].insert(family(name, line));
    }

    uint16_t space(std::string_view name, std::string_view line) const
    {
        auto at = spaces_.find(std::string(name));
        if (at == spaces_.end())
            fail(line);
        return at->second;
    }

    uint16_t family(std::string_view name, std::string_view line) const
    {
        auto at = families_.find(std::string(name));
        if (at == families_.end())
            fail(line);
        return at->second;
    }

    FirmwareElf &elf_;
    bool seen_version_ = false;
    std::unordered_map<std::string, uint16_t> spaces_, families_, functions_;
};

} // namespace

void read_dictionary_lines(std::string_view lines, FirmwareElf &elf)
{
    elf.dictionary = {};
    elf.serves_only.clear();
    DictionaryReader(elf).read(lines);
}

} // namespace unpaired
