#include "writers/json_stream.h"

#include "writers/utf8.h"

#include <algorithm>

namespace unpaired {
namespace {

/// Returns a dumped value in which characters that control a terminal are escaped.
std::string printable(std::string dumped)
{
    const bool plain = std::none_of(dumped.begin(), dumped.end(),
                                    [](char c) { return static_cast<unsigned char>(c) >= 0x7f; });
    return plain ? dumped : printable_json(dumped);
}

} // namespace

void JsonStream::new_line()
{
    if (indent_ < 0)
        return;
    out_ << '\n';
    for (int i = 0; i < depth_ * indent_; i++)
        out_ << ' ';
}

/// Writes the separator before a member of an object, an element of an array, or the value of a member.
void JsonStream::separate()
{
    if (after_key_) {
        after_key_ = false;
        return;
    }
    if (!first_)
        out_ << ',';
    if (depth_ > 0)
        new_line();
    first_ = false;
}

void JsonStream::begin(char bracket)
{
    separate();
    out_ << bracket;
    depth_++;
    first_ = true;
}

void JsonStream::end(char bracket)
{
    depth_--;
    if (!first_)
        new_line();
    first_ = false;
    out_ << bracket;
}

void JsonStream::key(std::string_view name)
{
    separate();
    out_ << printable(Json(name).dump(-1, ' ', false, Json::error_handler_t::replace))
         << (indent_ < 0 ? ":" : ": ");
    after_key_ = true;
}

std::string JsonStream::dumped(const Json &json) const
{
    std::string flat = printable(json.dump(indent_, ' ', false, Json::error_handler_t::replace));
    if (indent_ < 0 || depth_ == 0 || flat.find('\n') == std::string::npos)
        return flat;
    // line breaks occur between values only: inside a string they are escaped
    const std::string indent(static_cast<size_t>(depth_ * indent_), ' ');
    std::string deep;
    for (size_t from = 0;;) {
        const size_t to = flat.find('\n', from);
        deep.append(flat, from, to - from);
        if (to == std::string::npos)
            return deep;
        deep += '\n';
        deep += indent;
        from = to + 1;
    }
}

void JsonStream::text(std::string_view dumped)
{
    separate();
    out_ << dumped;
}

} // namespace unpaired
