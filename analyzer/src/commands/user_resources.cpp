#include "commands/user_resources.h"

#include "commands/resource_table.h"
#include "commands/trouble.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace unpaired {
namespace {

using Json = nlohmann::json;

constexpr std::array kinds = {"NUMBERED", "IN_PLACE", "COUNTED", "RANGE"};

bool is_identifier(const std::string &text)
{
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    return !text.empty() && letter(text[0]) &&
           std::all_of(text.begin(), text.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

/// Text that stands in a macro's argument: it balances, and has no comma outside of parentheses.
bool is_macro_argument(const std::string &text)
{
    std::string open;
    for (const char c : text) {
        if (c == '(' || c == '[') {
            open += c == '(' ? ')' : ']';
        } else if (c == ')' || c == ']') {
            if (open.empty() || open.back() != c)
                return false;
            open.pop_back();
        } else if ((c == ',' && open.find(')') == std::string::npos) ||
                   std::string_view("\n\r;#{}\\\"").find(c) != std::string_view::npos) {
            return false;
        }
    }
    return open.empty() && text.find_first_not_of(' ') != std::string::npos;
}

class Translator {
public:
    Translator(const Json &document, const std::string &name) : document_(document), name_(name) {}

    UserResources translate()
    {
        if (!document_.is_object())
            fail("it should be an object with spaces, families, acquire and release");
        for (const auto &[key, value] : document_.items())
            if (key != "spaces" && key != "families" && key != "acquire" && key != "release" &&
                key != "observe")
                fail(fmt::format("there is no '{}' (there are spaces, families, acquire, release, observe)",
                                 key));
        know_the_table();
        each("spaces", [this](const Json &row) { space(row); });
        each("families", [this](const Json &row) { family(row); });
        each("acquire", [this](const Json &row) { acquire(row); });
        each("release", [this](const Json &row) { release(row); });
        each("observe", [this](const Json &row) { observe(row); });
        if (out_.functions.empty())
            fail("it declares no function");
        require_both_roles();
        return std::move(out_);
    }

private:
    [[noreturn]] void fail(const std::string &what) const
    {
        throw Trouble(fmt::format("'{}': {}.", name_, what));
    }

    void know_the_table()
    {
        for (const TableSpace &s : resource_table().spaces)
            spaces_.emplace(s.name, "");
        for (const TableFamily &f : resource_table().families)
            families_.emplace(f.name, f.space);
        for (const TableFunction &f : resource_table().functions)
            functions_.emplace(f.name);
    }

    template <class Visit> void each(const char *key, Visit visit)
    {
        if (!document_.contains(key))
            return;
        const Json &rows = document_.at(key);
        if (!rows.is_array())
            fail(fmt::format("'{}' should be an array", key));
        for (size_t i = 0; i < rows.size(); i++) {
            where_ = fmt::format("{}[{}]", key, i);
            if (!rows[i].is_object())
                fail(fmt::format("{} should be an object", where_));
            visit(rows[i]);
        }
    }

    void only(const Json &row, std::initializer_list<std::string_view> known) const
    {
        for (const auto &[key, value] : row.items())
            if (std::find(known.begin(), known.end(), key) == known.end())
                fail(fmt::format("{} has an unknown key '{}' (known: {})", where_, key,
                                 fmt::join(known, ", ")));
    }

    std::string text(const Json &row, const char *key) const
    {
        if (!row.contains(key))
            fail(fmt::format("{} lacks '{}'", where_, key));
        if (!row.at(key).is_string())
            fail(fmt::format("{}: '{}' should be a string", where_, key));
        return row.at(key).get<std::string>();
    }
    std::string identifier(const Json &row, const char *key) const
    {
        const std::string value = text(row, key);
        if (!is_identifier(value))
            fail(fmt::format("{}: '{}' is not a name that C takes", where_, value));
        return value;
    }
    std::string expression(const Json &row, const char *key) const
    {
        const std::string value = text(row, key);
        if (!is_macro_argument(value))
            fail(fmt::format("{}: '{}' is not one C expression: {}", where_, key, value));
        return value;
    }

    void space(const Json &row)
    {
        only(row, {"name", "kind"});
        const std::string space = identifier(row, "name"), kind = text(row, "kind");
        if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end())
            fail(fmt::format("{}: there is no kind '{}' (there are {})", where_, kind,
                             fmt::join(kinds, ", ")));
        if (!spaces_.emplace(space, kind).second)
            fail(fmt::format("{}: there is a space '{}' already", where_, space));
        declared_spaces_.push_back(space);
        out_.rows += fmt::format("UNPAIRED_SPACE({}, {})\n", space, kind);
    }

    std::string known_space(const Json &row) const
    {
        const std::string space = identifier(row, "space");
        if (!spaces_.contains(space))
            fail(fmt::format("{}: there is no space '{}'; declare it under spaces", where_, space));
        return space;
    }

    void family(const Json &row)
    {
        only(row, {"name", "space", "display"});
        const std::string family = identifier(row, "name"), space = known_space(row),
                          display = text(row, "display");
        if (display.empty() || display.find_first_of("\"\\\n\r") != std::string::npos)
            fail(fmt::format("{}: '{}' is no name to show a person", where_, display));
        if (!families_.emplace(family, space).second)
            fail(fmt::format("{}: there is a family '{}' already", where_, family));
        out_.rows += fmt::format("UNPAIRED_FAMILY({}, {}, \"{}\")\n", family, space, display);
    }

    std::string function(const Json &row)
    {
        const std::string function = identifier(row, "function");
        if (!functions_.insert(function).second)
            fail(fmt::format("{}: the function '{}' is in the table already", where_, function));
        out_.functions.push_back(function);
        return function;
    }

    std::string type(const Json &row) const
    {
        const std::string value = text(row, "type");
        if (!is_macro_argument(value))
            fail(fmt::format("{}: '{}' is not a type", where_, value));
        return value;
    }

    /// "(int id, void *where), (id, where)" of [{"type": "int", "name": "id"}, ...]
    std::string parameters(const Json &row) const
    {
        if (!row.contains("parameters") || !row.at("parameters").is_array())
            fail(fmt::format("{} lacks the array 'parameters' of {{\"type\", \"name\"}}", where_));
        std::vector<std::string> declared, given;
        for (const Json &parameter : row.at("parameters")) {
            if (!parameter.is_object())
                fail(fmt::format("{}: a parameter should be {{\"type\", \"name\"}}", where_));
            only(parameter, {"type", "name"});
            const std::string type_text = type(parameter), name = identifier(parameter, "name");
            if (name == "ret" || name == "errno")
                fail(fmt::format("{}: a parameter cannot be called '{}', which means something in a row",
                                 where_, name));
            declared.push_back(fmt::format("{}{}{}", type_text, type_text.ends_with('*') ? "" : " ", name));
            given.push_back(name);
        }
        if (declared.empty())
            return "(void), ()";
        return fmt::format("({}), ({})", fmt::join(declared, ", "), fmt::join(given, ", "));
    }

    void acquire(const Json &row)
    {
        only(row, {"family", "type", "function", "parameters", "succeeded", "handle", "bytes"});
        const std::string family = identifier(row, "family");
        const auto known = families_.find(family);
        if (known == families_.end())
            fail(fmt::format("{}: there is no family '{}'; declare it under families", where_, family));
        acquired_.insert(known->second);
        const bool sized = row.contains("bytes");
        out_.rows +=
            fmt::format("UNPAIRED_ACQUIRE{}({}, {}, {}, {}, {}, {}{})\n", sized ? "_SIZED" : "", family,
                        type(row), function(row), parameters(row), expression(row, "succeeded"),
                        expression(row, "handle"), sized ? ", " + expression(row, "bytes") : "");
    }

    void release(const Json &row)
    {
        only(row, {"space", "type", "function", "parameters", "succeeded", "gone", "handle"});
        const std::string space = known_space(row), returns = type(row);
        released_.insert(space);
        if (returns == "void") {
            if (row.contains("succeeded") || row.contains("gone"))
                fail(fmt::format(
                    "{}: a function that returns void cannot fail; leave out 'succeeded' and 'gone'",
                    where_));
            out_.rows += fmt::format("UNPAIRED_RELEASE_VOID({}, {}, {}, {})\n", space, function(row),
                                     parameters(row), expression(row, "handle"));
            return;
        }
        out_.rows += fmt::format("UNPAIRED_RELEASE({}, {}, {}, {}, {}, {}, {})\n", space, returns,
                                 function(row), parameters(row), expression(row, "succeeded"),
                                 expression(row, "gone"), expression(row, "handle"));
    }

    void observe(const Json &row)
    {
        only(row, {"space", "type", "function", "parameters", "handle"});
        out_.rows += fmt::format("UNPAIRED_OBSERVE({}, {}, {}, {}, {})\n", known_space(row), type(row),
                                 function(row), parameters(row), expression(row, "handle"));
    }

    void require_both_roles() const
    {
        for (const std::string &space : declared_spaces_) {
            if (!acquired_.contains(space))
                fail(fmt::format(
                    "nothing acquires in the space '{}': give one of its families a function under acquire",
                    space));
            if (!released_.contains(space))
                fail(fmt::format("nothing releases in the space '{}': name its releaser under release",
                                 space));
        }
    }

    const Json &document_;
    const std::string &name_;
    std::string where_;
    std::map<std::string, std::string, std::less<>> spaces_, families_; ///< families: their space
    std::set<std::string, std::less<>> functions_;
    std::vector<std::string> declared_spaces_;
    std::set<std::string> acquired_, released_; ///< spaces
    UserResources out_;
};

} // namespace

UserResources user_resources(const std::string &json, const std::string &name)
{
    Json document;
    try {
        document = Json::parse(json);
    } catch (const Json::parse_error &error) {
        // its what() begins with "[json.exception.parse_error.101] ", which tells a user nothing
        const std::string what = error.what();
        const size_t bracket = what.find("] ");
        throw Trouble(fmt::format("'{}' is not JSON: {}.", name,
                                  bracket == std::string::npos ? what : what.substr(bracket + 2)));
    }
    return Translator(document, name).translate();
}

} // namespace unpaired
