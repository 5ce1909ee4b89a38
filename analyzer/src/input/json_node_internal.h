// The members of a JSON document that somebody else may have written: read with types checked, and a message that
// names the place where one is wrong. For source files that read JSON.
#pragma once

#include "input/input_error.h"
#include "name.h"
#include "stack.h"

#include <cstdint>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace unpaired {

/// A value of the document with the path that leads to it, for messages.
class JsonNode {
public:
    JsonNode(const nlohmann::json &json, std::string where, const std::string &name, FramePool &frames)
        : json_(json), where_(std::move(where)), name_(name), frames_(frames)
    {}

    /// Returns the pool of the document's frames.
    FramePool &frames() const { return frames_; }

    /// The member, or nothing if it is missing or null.
    std::optional<JsonNode> member(const char *key) const
    {
        if (!json_.is_object())
            fail("an object");
        const auto found = json_.find(key);
        if (found == json_.end() || found->is_null())
            return std::nullopt;
        return JsonNode(*found, where_.empty() ? key : where_ + "." + key, name_, frames_);
    }

    template <class Number> void read(const char *key, Number &to) const
    {
        const auto node = member(key);
        if (!node)
            return;
        if constexpr (std::is_floating_point_v<Number>) {
            if (!node->json_.is_number())
                node->fail("a number");
            to = node->json_.get<Number>();
        } else {
            to = node->integer<Number>();
        }
    }

    template <class Integer> Integer integer() const
    {
        if (json_.is_number_unsigned()) {
            const auto value = json_.get<uint64_t>();
            if (std::in_range<Integer>(value))
                return static_cast<Integer>(value);
        } else if (json_.is_number_integer()) {
            const auto value = json_.get<int64_t>();
            if (std::in_range<Integer>(value))
                return static_cast<Integer>(value);
        }
        fail(std::is_signed_v<Integer> ? "a whole number of its range" : "a whole number from 0 on");
    }

    double number() const
    {
        if (!json_.is_number())
            fail("a number");
        return json_.get<double>();
    }

    void read(const char *key, std::string &to) const
    {
        if (const auto node = member(key))
            to = node->text();
    }

    void read(const char *key, Name &to) const
    {
        if (const auto node = member(key))
            to = node->text();
    }

    void read(const char *key, bool &to) const
    {
        const auto node = member(key);
        if (!node)
            return;
        if (!node->json_.is_boolean())
            node->fail("true or false");
        to = node->json_.get<bool>();
    }

    /// Each element of an array.
    template <class Function> void each(const char *key, Function function) const
    {
        const auto node = member(key);
        if (!node)
            return;
        if (!node->json_.is_array())
            node->fail("an array");
        for (size_t i = 0; i < node->json_.size(); i++)
            function(JsonNode(node->json_[i], fmt::format("{}[{}]", node->where_, i), name_, frames_));
    }

    /// Each member of an object, with its name.
    template <class Function> void each_member(const char *key, Function function) const
    {
        const auto node = member(key);
        if (!node)
            return;
        if (!node->json_.is_object())
            node->fail("an object");
        for (const auto &[name, value] : node->json_.items())
            function(name, JsonNode(value, fmt::format("{}.{}", node->where_, name), name_, frames_));
    }

    void read(const char *key, std::vector<std::string> &to) const
    {
        each(key, [&to](const JsonNode &element) { to.push_back(element.text()); });
    }

    std::string text() const
    {
        if (!json_.is_string())
            fail("a string");
        return json_.get<std::string>();
    }

    size_t size() const { return json_.size(); }
    bool is_array() const { return json_.is_array(); }
    JsonNode at(size_t i) const { return {json_.at(i), fmt::format("{}[{}]", where_, i), name_, frames_}; }

    [[noreturn]] void fail(std::string_view wanted) const
    {
        throw InputError(fmt::format("{}: is a damaged report: {} is not {}", name_,
                                     where_.empty() ? "the document" : where_, wanted));
    }

private:
    const nlohmann::json &json_;
    std::string where_;
    const std::string &name_;
    FramePool &frames_;
};

} // namespace unpaired
