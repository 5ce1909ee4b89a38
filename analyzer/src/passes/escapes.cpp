#include "passes/escapes.h"

#include "symbols/wildcard.h"

#include <algorithm>
#include <elf.h>
#include <map>
#include <optional>
#include <set>
#include <string_view>

namespace unpaired {
namespace {

constexpr std::string_view wrap = "__wrap_";

bool is_ours(std::string_view name) { return name.starts_with(wrap) || name.starts_with("unpaired_"); }

/// The function of which compiler or linker made the symbol: a clone ("take.constprop.0"), or a veneer that takes
/// a branch further than its instruction can. The name itself otherwise.
std::string_view origin_of(std::string_view name)
{
    if (name.starts_with("__"))
        for (const std::string_view end : {"_veneer", "_from_thumb", "_from_arm"})
            if (name.ends_with(end))
                return name.substr(2, name.size() - 2 - end.size());
    return name.substr(0, name.find('.', 1));
}

bool is_veneer(std::string_view name) { return origin_of(name).data() != name.data(); }

class EscapeFinder {
public:
    EscapeFinder(const FirmwareElf &elf, const CodeReferences &references, const EscapeContext &context)
        : elf_(elf), references_(references), context_(context)
    {
        for (const auto &[id, function] : elf.dictionary.functions) {
            std::set<uint16_t> &spaces = spaces_[function.name];
            if (function.space != 0)
                spaces.insert(function.space);
            const auto family = elf.dictionary.families.find(function.family);
            if (family != elf.dictionary.families.end())
                spaces.insert(family->second.space);
        }
        for (const std::string &name : followed_functions(elf))
            followed_.insert(name);
        for (const FirmwareSymbol &symbol : elf.functions)
            names_[symbol.address].push_back(&symbol);
        for (const FirmwareSymbol &symbol : elf.labels) // functions written in assembly without .type
            if (elf.is_code(place_of(symbol)) && !names_.contains(place_of(symbol)))
                names_[place_of(symbol)].push_back(&symbol);
        for (const CodeReference &reference : references.references)
            to_[reference.target].push_back(&reference);
        find_targets();
        find_wrappers();
        any_hook_is_used_ =
            std::any_of(hooks_.begin(), hooks_.end(), [this](uint64_t hook) { return to_.contains(hook); });
    }

    EscapeReport find()
    {
        out_.functions = followed_.size();
        out_.exact = references_.exact;
        for (const CodeReference &reference : references_.references) {
            if (hooks_.contains(reference.target) && !is_ours(holder_of(reference)))
                out_.hooked++;
            const auto target = targets_.find(reference.target);
            if (target != targets_.end())
                look_at(reference, target->second);
        }
        for (const EscapeContext::Copy &copy : context_.inlined)
            if (followed_.contains(copy.function))
                look_at(copy);
        std::stable_sort(out_.escapes.begin(), out_.escapes.end(),
                         [](const Escape &a, const Escape &b) { return a.address < b.address; });
        return std::move(out_);
    }

private:
    uint64_t place_of(const FirmwareSymbol &symbol) const
    {
        return elf_.machine == EM_ARM ? symbol.address & ~uint64_t{1} : symbol.address;
    }

    /// Where each followed function, its clones and its veneers begin.
    void find_targets()
    {
        std::map<std::string, uint64_t, std::less<>>
            moved; // `__real_F`, where F itself was made the hook's name
        for (const auto &[address, symbols] : names_)
            for (const FirmwareSymbol *symbol : symbols) {
                if (symbol->name.starts_with(wrap)) {
                    hooks_.insert(address);
                    hook_of_.emplace(symbol->name.substr(wrap.size()), address);
                }
                if (symbol->name.starts_with("__real_"))
                    moved.emplace(symbol->name.substr(7), address);
            }
        for (const auto &[address, symbols] : names_)
            for (const FirmwareSymbol *symbol : symbols) {
                const std::string name(origin_of(symbol->name));
                if (!followed_.contains(name) || symbol->name.find(".cold") != std::string::npos ||
                    hooks_.contains(address))
                    continue;
                const bool itself = symbol->name == name;
                // a static function of the same name is another one; but LTO makes static what it can
                if (itself && !symbol->global && !context_.unit_at(address).lto)
                    continue;
                targets_.emplace(address, name);
                if (itself)
                    real_.emplace(name, address);
            }
        for (const auto &[name, address] : moved)
            if (followed_.contains(name) && !hooks_.contains(address)) {
                targets_.emplace(address, name);
                real_.emplace(name, address);
            }
        out_.linked = real_.size();
    }

    /// The function the place is in; null if none is known.
    const FirmwareSymbol *function_around(uint64_t address) const
    {
        if (!elf_.is_code(address))
            return nullptr; // a function without a size would seem to reach into the data behind it
        if (const FirmwareSymbol *symbol = elf_.function_at(address))
            return symbol;
        const auto above = names_.upper_bound(address);
        return above == names_.begin() ? nullptr : std::prev(above)->second.front();
    }

    std::string holder_of(const CodeReference &reference) const
    {
        if (const FirmwareSymbol *function = function_around(reference.at))
            return function->name;
        const FirmwareSymbol *object = elf_.object_at(reference.at);
        return object ? object->name : "";
    }

    /// Whether the function at `address` is a followed one that shares a space with `name`.
    bool is_of_the_same_space(uint64_t address, const std::string &name) const
    {
        const auto symbols = names_.find(address);
        if (symbols == names_.end())
            return false;
        const auto spaces = spaces_.find(name);
        for (const FirmwareSymbol *symbol : symbols->second) {
            const std::string origin(origin_of(symbol->name));
            if (origin == name)
                return true;
            if (spaces_.empty() && followed_.contains(origin))
                return true; // without a dictionary nothing tells spaces apart
            const auto others = spaces_.find(origin);
            if (spaces == spaces_.end() || others == spaces_.end() || !followed_.contains(origin))
                continue;
            for (const uint16_t space : others->second)
                if (spaces->second.contains(space))
                    return true;
        }
        return false;
    }

    bool is_a_hook_or_the_recorder(uint64_t address) const
    {
        const auto symbols = names_.find(address);
        return symbols != names_.end() &&
               std::any_of(symbols->second.begin(), symbols->second.end(),
                           [](const FirmwareSymbol *symbol) { return is_ours(symbol->name); });
    }

    /// Whether the function at `address` runs only inside hooked calls of the space of `name`, or in the hooks.
    bool is_inside(uint64_t address, const std::string &name, std::set<uint64_t> &seen) const
    {
        if (is_of_the_same_space(address, name) || is_a_hook_or_the_recorder(address))
            return true;
        if (!seen.insert(address).second)
            return true; // helpers that call each other: the others decide
        const auto callers = to_.find(address);
        if (callers == to_.end())
            return false; // nobody knows who calls it
        for (const CodeReference *reference : callers->second) {
            if (reference->kind != ReferenceKind::call && reference->kind != ReferenceKind::jump)
                return false;
            const FirmwareSymbol *caller = function_around(reference->at);
            if (!caller || (place_of(*caller) != address && !is_inside(place_of(*caller), name, seen)))
                return false;
        }
        return true;
    }

    /// Acquirers that get what they yield from another hooked acquirer of their space, as strdup does from malloc:
    /// however they are called, nothing is missed.
    void find_wrappers()
    {
        std::map<uint64_t, bool> acquires; // hooks, and whether they are of acquirers
        for (const auto &[id, function] : elf_.dictionary.functions)
            if (const auto hook = hook_of_.find(function.name); hook != hook_of_.end())
                acquires[hook->second] = function.role == UNPAIRED_ROLE_ACQUIRE;
        std::map<std::string, bool> calls_acquirers_only;
        for (const CodeReference &reference : references_.references) {
            const auto hook = acquires.find(reference.target);
            if (hook == acquires.end() || reference.kind == ReferenceKind::word)
                continue;
            const FirmwareSymbol *caller = function_around(reference.at);
            const auto wrapper = caller ? targets_.find(place_of(*caller)) : targets_.end();
            if (wrapper == targets_.end() || !is_hook_of_the_same_space(reference.target, wrapper->second))
                continue;
            const auto known = calls_acquirers_only.emplace(wrapper->second, true).first;
            known->second = known->second && hook->second;
        }
        for (const auto &[id, function] : elf_.dictionary.functions) {
            const auto known = calls_acquirers_only.find(function.name);
            if (function.role == UNPAIRED_ROLE_ACQUIRE && known != calls_acquirers_only.end() &&
                known->second)
                wrappers_.insert(function.name);
        }
    }

    bool is_hook_of_the_same_space(uint64_t hook, const std::string &name) const
    {
        for (const FirmwareSymbol *symbol : names_.at(hook)) {
            const auto hooked =
                symbol->name.starts_with(wrap) ? real_.find(symbol->name.substr(wrap.size())) : real_.end();
            if (hooked != real_.end() && is_of_the_same_space(hooked->second, name))
                return true;
        }
        return false;
    }

    bool is_allowed(const std::string &caller, uint64_t address)
    {
        const std::string object = context_.object_at(address);
        const bool allowed = std::any_of(context_.allowed_callers.begin(), context_.allowed_callers.end(),
                                         [&](const std::string &pattern) {
                                             return wildcard_match(pattern, caller) ||
                                                    (!object.empty() && wildcard_match(pattern, object));
                                         });
        out_.allowed += allowed;
        return allowed;
    }

    void look_at(const CodeReference &reference, const std::string &name)
    {
        const FirmwareSymbol *caller = function_around(reference.at);
        if (caller) {
            std::set<uint64_t> seen;
            const std::string origin(origin_of(caller->name));
            if (is_ours(caller->name) ||
                (is_veneer(caller->name) && (followed_.contains(origin) || is_ours(origin))) ||
                is_inside(place_of(*caller), name, seen))
                return;
        }
        Escape escape;
        escape.function = name;
        escape.address = reference.at;
        escape.caller = holder_of(reference);
        if ((!caller && is_ours(escape.caller)) || wrappers_.contains(name) ||
            is_allowed(escape.caller, reference.at))
            return;
        switch (reference.kind) {
        case ReferenceKind::call:
            escape.kind = EscapeKind::call;
            break;
        case ReferenceKind::jump:
            escape.kind = EscapeKind::tail_call;
            break;
        case ReferenceKind::address:
            escape.kind = EscapeKind::address;
            break;
        case ReferenceKind::word:
            escape.kind = EscapeKind::word;
            break;
        }
        for (const FirmwareSection &section : elf_.sections)
            if (reference.at >= section.address && reference.at - section.address < section.size)
                escape.section = section.name;
        escape.function_address = reference.target;
        const EscapeContext::Place place = context_.line_at(reference.at);
        escape.file = place.file;
        escape.line = place.line;
        escape.function_source = context_.unit_at(reference.target).source;
        escape.cause = cause_of(name, reference);
        out_.escapes.push_back(std::move(escape));
    }

    EscapeCause cause_of(const std::string &name, const CodeReference &reference) const
    {
        const EscapeContext::Unit caller = context_.unit_at(reference.at);
        const EscapeContext::Unit function = context_.unit_at(reference.target);
        const std::string here = context_.object_at(reference.at),
                          there = context_.object_at(reference.target);
        const auto from_lto = [](const std::string &object) {
            return object.find(".ltrans") != std::string::npos;
        };
        if (caller.lto || function.lto || from_lto(here) || from_lto(there))
            return EscapeCause::link_time;
        const auto hook = hook_of_.find(name);
        if (hook == hook_of_.end())
            return EscapeCause::not_wrapped;
        if (!here.empty() && !there.empty())
            return here == there ? EscapeCause::same_object : EscapeCause::not_wrapped;
        // with the flag the calls of every other object file lead to the hook
        if (to_.contains(hook->second))
            return EscapeCause::same_object;
        if (!caller.source.empty() && !function.source.empty())
            return caller.source == function.source ? EscapeCause::same_object : EscapeCause::not_wrapped;
        // where other functions were wrapped this one was too: the flags come from one list
        return any_hook_is_used_ ? EscapeCause::same_object : EscapeCause::not_wrapped;
    }

    void look_at(const EscapeContext::Copy &copy)
    {
        std::set<uint64_t> seen;
        const FirmwareSymbol *caller = function_around(copy.address);
        if (is_ours(copy.caller) || wrappers_.contains(copy.function) ||
            is_allowed(copy.caller, copy.address) ||
            (caller && (is_ours(caller->name) || is_inside(place_of(*caller), copy.function, seen))))
            return;
        Escape escape;
        escape.function = copy.function;
        escape.kind = EscapeKind::inlined;
        escape.cause = copy.lto ? EscapeCause::link_time : EscapeCause::inlined_early;
        escape.address = copy.address;
        escape.caller = copy.caller;
        escape.file = copy.call.file;
        escape.line = copy.call.line;
        if (const auto real = real_.find(copy.function); real != real_.end())
            escape.function_address = real->second;
        escape.function_source = context_.unit_at(copy.address).source;
        out_.escapes.push_back(std::move(escape));
    }

    const FirmwareElf &elf_;
    const CodeReferences &references_;
    const EscapeContext &context_;
    std::map<std::string, std::set<uint16_t>, std::less<>> spaces_; ///< of the dictionary's functions
    std::set<std::string, std::less<>> followed_;
    std::map<uint64_t, std::vector<const FirmwareSymbol *>> names_;
    std::map<uint64_t, std::vector<const CodeReference *>> to_;
    std::set<uint64_t> hooks_;
    bool any_hook_is_used_ = false;
    std::set<std::string, std::less<>> wrappers_;
    std::map<std::string, uint64_t, std::less<>> hook_of_, real_;
    std::map<uint64_t, std::string> targets_; ///< beginning of a function or a clone of it: the function
    EscapeReport out_;
};

} // namespace

std::vector<std::string> followed_functions(const FirmwareElf &elf)
{
    std::set<std::string> names;
    for (const auto &[id, function] : elf.dictionary.functions)
        names.insert(function.name);
    if (names.empty())
        for (const FirmwareSymbol &symbol : elf.functions)
            if (symbol.name.starts_with(wrap) && origin_of(symbol.name) == symbol.name)
                names.insert(symbol.name.substr(wrap.size()));
    return {names.begin(), names.end()};
}

EscapeReport find_escapes(const FirmwareElf &elf, const CodeReferences &references,
                          const EscapeContext &context)
{
    return EscapeFinder(elf, references, context).find();
}

} // namespace unpaired
