#include "symbols/function_name.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace unpaired {

namespace {

constexpr std::string_view anonymous = "(anonymous namespace)";
constexpr std::string_view call_operator = "operator()";

std::string_view without_compiler_suffixes(std::string_view symbol)
{
    // No source language has a dot in a symbol, but assembly has; so only what compilers are known to append.
    for (auto suffix : {".isra.", ".part.", ".constprop.", ".lto_priv.", ".cold", ".localalias", ".llvm."}) {
        auto at = symbol.find(suffix);
        if (at != std::string_view::npos && at > 0)
            symbol = symbol.substr(0, at);
    }
    // glibc's name for its own calls of what it exports; both stand at one address
    constexpr std::string_view hidden_alias = "__GI_";
    if (symbol.starts_with(hidden_alias))
        symbol.remove_prefix(hidden_alias.size());
    return symbol;
}

bool opens(char c) { return c == '(' || c == '<' || c == '{' || c == '['; }
bool closes(char c) { return c == ')' || c == '>' || c == '}' || c == ']'; }

/// Where the word "operator" stands outside all brackets; npos if nowhere.
size_t operator_at(std::string_view name)
{
    int depth = 0;
    for (size_t i = 0; i < name.size(); i++) {
        if (depth == 0 && name.substr(i).starts_with("operator") &&
            (i == 0 || name[i - 1] == ':' || name[i - 1] == ' '))
            return i;
        depth += opens(name[i]) ? 1 : closes(name[i]) ? -1 : 0;
    }
    return std::string_view::npos;
}

} // namespace

std::string demangle(std::string_view symbol)
{
    // glibc's debug information knows its functions by hidden aliases; nobody else does.
    constexpr std::string_view glibc_internal = "__GI_";
    if (symbol.starts_with(glibc_internal) && symbol.size() > glibc_internal.size())
        symbol.remove_prefix(glibc_internal.size());
    std::string plain(without_compiler_suffixes(symbol));
    if (!plain.starts_with("_Z"))
        return plain;
    int status = 0;
    std::unique_ptr<char, void (*)(void *)> name(
        abi::__cxa_demangle(plain.c_str(), nullptr, nullptr, &status), std::free);
    return name && status == 0 ? name.get() : plain;
}

std::string_view qualified_name(std::string_view demangled)
{
    auto name = demangled;
    // The parameters are the last round brackets, unless those belong to the name.
    auto close = name.rfind(')');
    if (close != std::string_view::npos) {
        int depth = 0;
        size_t open = close;
        for (;; open--) {
            depth += name[open] == ')' ? 1 : name[open] == '(' ? -1 : 0;
            if (depth == 0 || open == 0)
                break;
        }
        auto brackets = name.substr(open, close - open + 1);
        bool is_name =
            brackets == anonymous || name.substr(0, close + 1).ends_with(call_operator) || open == 0;
        if (!is_name)
            name = name.substr(0, open);
    }
    // A template's return type stands before its name. The name itself may hold blanks: "operator new".
    auto end = operator_at(name);
    size_t begin = 0;
    int depth = 0;
    for (size_t i = 0; i < name.size() && i < end; i++) {
        if (name[i] == ' ' && depth == 0)
            begin = i + 1;
        depth += opens(name[i]) ? 1 : closes(name[i]) ? -1 : 0;
    }
    while (begin < name.size() && (name[begin] == '*' || name[begin] == '&'))
        begin++;
    return name.substr(begin);
}

} // namespace unpaired
