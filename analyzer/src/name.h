// The texts that stack frames are made of. A program has some thousand functions, and its stacks name each of them ten
// thousand times.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace unpaired {

/// A text that is kept once however often it is used: as large as a pointer, copied and compared like one. The texts
/// stay until the process ends; there are as many as programs have functions, files and modules. Thread-safe.
class Name {
public:
    Name() = default; ///< ""
    Name(const std::string &text);
    Name(const char *text);

    const std::string &text() const { return text_ == nullptr ? nothing : *text_; }
    operator const std::string &() const { return text(); }
    operator std::string_view() const { return text(); }
    bool empty() const { return text_ == nullptr; }

    bool operator==(const Name &) const = default;
    template <std::convertible_to<std::string_view> Text>
    requires(!std::same_as<Text, Name>) friend bool operator==(const Name &name, const Text &text)
    {
        return name.text() == std::string_view(text);
    }

private:
    static const std::string nothing;
    const std::string *text_ = nullptr; // in the table of all texts; null for ""
};

} // namespace unpaired
