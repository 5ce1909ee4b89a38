// Writes a JSON document piece by piece, laid out as nlohmann::json::dump() does it: a report of a hundred thousand
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

    /// `indent`: blanks of a level, or -1 for all in one line.
    JsonStream(std::ostream &out, int indent) : out_(out), indent_(indent) {}

    void begin_object() { begin('{'); }
    void end_object() { end('}'); }
    void begin_array() { begin('['); }
    void end_array() { end(']'); }

    /// Begins a member of the object at hand; its value follows.
    void key(std::string_view name);

    /// A whole value. Bytes that are no UTF-8 become U+FFFD.
    void value(const Json &json) { text(dumped(json)); }

    /// Writes a value as text() takes it, at the present depth.
    std::string dumped(const Json &json) const;
    /// A value that dumped() made, at the same depth.
    void text(std::string_view dumped);

    /// A member of the object at hand.
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
    bool first_ = true; // nothing stands in the array or object at hand
    bool after_key_ = false;
};

} // namespace unpaired
