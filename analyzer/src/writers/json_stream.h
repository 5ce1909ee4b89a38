// Writes a JSON document piece by piece, in the layout of nlohmann::json::dump(): a report of a hundred thousand
// findings does not fit into memory as one value.
#pragma once

#include <nlohmann/json.hpp>

#include <ostream>
#include <string>
#include <string_view>

namespace unpaired {

class JsonStream {
public:
    using Json = nlohmann::ordered_json;

    /// `indent` is the number of blanks for each level, or -1 for one line.
    JsonStream(std::ostream &out, int indent) : out_(out), indent_(indent) {}

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_array() { begin('['); }
    void end_array() { end(']'); }

    /// Begins a member of the current object; its value follows.
    void key(std::string_view name);

    /// Writes a whole value. Bytes that are not UTF-8 become U+FFFD.
    void value(const Json &json) { text(dumped(json)); }

    /// Returns the text of a value for text(), at the current depth.
    std::string dumped(const Json &json) const;
    /// Writes the text of a value that dumped() returned at the same depth.
    void text(std::string_view dumped);

    /// Writes a member of the current object.
    void member(std::string_view name, const Json &json)
    {
        key(name);
        value(json);
    }

private:
    void begin(char bracket);
    void end(char bracket);
    void separate();
    void new_line();

    std::ostream &out_;
    const int indent_;
    int depth_ = 0;
    bool first_ = true; // the current array or object is empty
    bool after_key_ = false;
};

} // namespace unpaired
