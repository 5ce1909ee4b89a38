// Compiles owner rules into the recorder's tables: which addresses belong to which rule.
#include "symbols/debug_file_internal.h"
#include "symbols/dwarf_walk_internal.h"
#include "symbols/function_name.h"
#include "symbols/owner_rules.h"
#include "unpaired/owner_rules.h"
#include "unpaired/owner_tag.h"

#include <dwarf.h>
#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <unordered_map>

namespace unpaired {

namespace {

using RuleNumber = uint32_t; // position in the list of rules; the recorder's priority
constexpr RuleNumber no_rule = ~RuleNumber(0);

/// Code that a rule covers; of two that overlap the deeper one (the inner inlined call) wins, then the lower
/// rule number.
struct Claim {
    uint64_t start, end;
    int depth;
    RuleNumber rule;
};

class ModuleCompiler {
public:
    /// `used` has an element for each rule, set when it matches something.
    ModuleCompiler(const std::vector<OwnerRule> &rules, const std::string &path, DebugFile &file,
                   std::vector<bool> &used)
        : rules_(rules), path_(path), file_(file), used_(used)
    {
        for (const auto &rule : rules) {
            by_function_ |= rule.kind == OwnerRuleKind::function;
            by_source_ |= rule.kind == OwnerRuleKind::source;
        }
    }

    std::vector<Claim> claims()
    {
        claim_module();
        if (by_function_)
            claim_symbols();
        if ((by_function_ || by_source_) && file_.dwarf())
            for (auto unit : code_units(file_.dwarf()))
                claim_unit(unit);
        return std::move(claims_);
    }

private:
    void claim(uint64_t start, uint64_t end, int depth, RuleNumber rule)
    {
        if (rule != no_rule && start < end)
            claims_.push_back({start, end, depth, rule});
    }

    void claim_die(Dwarf_Die *die, int depth, RuleNumber rule)
    {
        if (rule == no_rule)
            return;
        for (auto range : code_ranges(die))
            claim(range.start + file_.dwarf_bias(), range.end + file_.dwarf_bias(), depth, rule);
    }

    /// A module pattern with a directory: the recorder compares file names only, so it gets the whole module.
    void claim_module()
    {
        Dwarf_Addr start = 0, end = 0;
        dwfl_module_info(file_.module(), nullptr, &start, &end, nullptr, nullptr, nullptr, nullptr);
        claim(start, end, 0, first_rule([&](const OwnerRule &rule) {
                  return rule.pattern.find('/') != std::string::npos && matches_module(rule, path_);
              }));
    }

    void claim_symbols()
    {
        int count = dwfl_module_getsymtab(file_.module());
        for (int i = 1; i < count; i++) {
            GElf_Sym symbol;
            GElf_Addr address = 0;
            GElf_Word section = 0;
            const char *name =
                dwfl_module_getsym_info(file_.module(), i, &symbol, &address, &section, nullptr, nullptr);
            int type = GELF_ST_TYPE(symbol.st_info);
            if (!name || !*name || section == SHN_UNDEF || (type != STT_FUNC && type != STT_GNU_IFUNC))
                continue;
            if (file_.machine() == EM_ARM)
                address &= ~GElf_Addr(1); // says Thumb
            claim(address, address + symbol.st_size, 0, rule_for_function(demangle(name), name));
        }
    }

    void claim_unit(CodeUnit unit)
    {
        unit_ = unit;
        bool any = false;
        for_each_function(&unit.tree, [&](Dwarf_Die *function) {
            any = true;
            claim_die(function, 0, rule_for_die(function));
            for_each_inlined_call(function, [&](Dwarf_Die *call, int around) {
                claim_die(call, 1 + around, rule_for_die(call));
            });
        });
        if (any || !by_source_)
            return;
        const char *name = source_name_of(&unit.unit); // assembly: a unit with code but without functions
        if (name)
            claim_die(&unit.unit, 0, rule_for_source(absolute_source_path(name, &unit.unit)));
    }

    /// The lowest rule that matches a function's name or the file it is written in.
    RuleNumber rule_for_die(Dwarf_Die *die)
    {
        Dwarf_Attribute attribute;
        Dwarf_Die origin = *die; // shared by all calls of one function, so asked about once
        if (dwarf_attr(die, DW_AT_abstract_origin, &attribute))
            dwarf_formref_die(&attribute, &origin);
        auto [place, is_new] = known_.try_emplace(origin.addr, no_rule);
        if (!is_new)
            return place->second;
        RuleNumber rule = no_rule;
        if (by_function_) {
            const char *linkage = linkage_name_of(&origin), *name = source_name_of(&origin);
            std::string spelled = linkage ? demangle(linkage) : name ? name : "";
            rule = rule_for_function(spelled, linkage ? linkage : "");
        }
        if (by_source_)
            rule = std::min(rule, rule_for_source(declaring_file(&origin, unit_)));
        return known_[origin.addr] = rule;
    }

    /// The first rule that `matches`; all of them count as used, or the last would be said to match nothing.
    template <class Matches> RuleNumber first_rule(Matches matches)
    {
        RuleNumber first = no_rule;
        for (RuleNumber i = 0; i < rules_.size(); i++)
            if (matches(rules_[i])) {
                used_[i] = true;
                first = std::min(first, i);
            }
        return first;
    }

    RuleNumber rule_for_function(const std::string &name, const std::string &linkage_name)
    {
        return first_rule([&](const OwnerRule &rule) { return matches_function(rule, name, linkage_name); });
    }

    RuleNumber rule_for_source(const std::string &path)
    {
        auto [place, is_new] = sources_.try_emplace(path, no_rule);
        if (is_new)
            place->second = first_rule([&](const OwnerRule &rule) { return matches_source(rule, path); });
        return place->second;
    }

    const std::vector<OwnerRule> &rules_;
    const std::string &path_;
    DebugFile &file_;
    std::vector<bool> &used_;
    bool by_function_ = false, by_source_ = false;
    CodeUnit unit_ = {};
    std::vector<Claim> claims_;
    std::unordered_map<void *, RuleNumber> known_;
    std::unordered_map<std::string, RuleNumber> sources_;
};

/// Settles overlaps: what comes out is sorted and disjoint.
std::vector<Claim> settled(const std::vector<Claim> &claims)
{
    struct Edge {
        uint64_t at;
        bool begins;
        const Claim *claim;
    };
    std::vector<Edge> edges;
    for (const auto &claim : claims) {
        edges.push_back({claim.start, true, &claim});
        edges.push_back({claim.end, false, &claim});
    }
    std::sort(edges.begin(), edges.end(), [](const Edge &a, const Edge &b) { return a.at < b.at; });
    std::multiset<std::pair<int, RuleNumber>> open; // by falling depth, then by rule: the first one holds
    std::vector<Claim> result;
    uint64_t since = 0;
    for (const auto &edge : edges) {
        if (!open.empty() && edge.at > since) {
            RuleNumber rule = open.begin()->second;
            if (!result.empty() && result.back().end == since && result.back().rule == rule)
                result.back().end = edge.at;
            else
                result.push_back({since, edge.at, 0, rule});
        }
        since = edge.at;
        std::pair<int, RuleNumber> key(-edge.claim->depth, edge.claim->rule);
        if (edge.begins)
            open.insert(key);
        else
            open.erase(open.find(key));
    }
    return result;
}

template <class T> void append(std::vector<std::byte> &blob, const std::vector<T> &records)
{
    const auto *bytes = reinterpret_cast<const std::byte *>(records.data());
    blob.insert(blob.end(), bytes, bytes + records.size() * sizeof(T));
}

unpaired_rules_module module_record(const std::string &build_id)
{
    unpaired_rules_module module = {};
    size_t length = std::min(build_id.size() / 2, sizeof module.build_id);
    for (size_t i = 0; i < length; i++)
        std::from_chars(build_id.data() + 2 * i, build_id.data() + 2 * i + 2, module.build_id[i], 16);
    module.build_id_len = uint8_t(length);
    return module;
}

} // namespace

std::vector<std::byte> compile_rules(const std::vector<OwnerRule> &rules, const std::string &executable,
                                     const std::vector<std::string> &libraries, const SymbolOptions &options,
                                     std::vector<std::string> *problems)
{
    auto tell = [&](std::string problem) {
        if (problems)
            problems->push_back(std::move(problem));
    };
    std::vector<unpaired_rules_module> modules;
    std::vector<unpaired_rules_range> ranges;
    std::vector<unpaired_rules_pattern> patterns;
    std::vector<bool> used(rules.size(), false);
    bool needs_ranges = false;

    for (size_t i = 0; i < rules.size(); i++) {
        if (rules[i].kind != OwnerRuleKind::module || rules[i].pattern.find('/') != std::string::npos) {
            needs_ranges = true;
            continue;
        }
        unpaired_rules_pattern pattern = {};
        pattern.owner = unpaired_owner_from_magic(rules[i].owner.c_str());
        pattern.priority = uint32_t(i);
        std::strncpy(pattern.pattern, rules[i].pattern.c_str(), sizeof pattern.pattern - 1);
        patterns.push_back(pattern);
        used[i] = true; // a library loaded later may match
    }

    std::vector<std::string> paths = {executable};
    paths.insert(paths.end(), libraries.begin(), libraries.end());
    for (const auto &path : paths) {
        if (!needs_ranges)
            break;
        std::string problem;
        DebuginfodShield shield(options.debuginfod);
        auto file = DebugFile::open(path, "", options, problem);
        if (!file) {
            tell(problem);
            continue;
        }
        auto claims = settled(ModuleCompiler(rules, path, *file, used).claims());
        if (claims.empty())
            continue;
        if (file->build_id().empty()) {
            tell(fmt::format(
                "{} has no build-id, so the recorder cannot apply owner rules to its functions; the "
                "report still does. Link it with -Wl,--build-id.",
                path));
            continue;
        }
        auto module = module_record(file->build_id());
        module.first_range = uint32_t(ranges.size());
        module.n_ranges = uint32_t(claims.size());
        modules.push_back(module);
        for (const auto &claim : claims)
            ranges.push_back({claim.start, claim.end,
                              unpaired_owner_from_magic(rules[claim.rule].owner.c_str()), claim.rule});
    }
    for (size_t i = 0; i < rules.size(); i++)
        if (!used[i])
            tell(fmt::format("owner rule '{}' matches no {} of {} and its libraries.", rules[i].text,
                             rules[i].kind == OwnerRuleKind::source     ? "source file"
                             : rules[i].kind == OwnerRuleKind::function ? "function"
                                                                        : "module",
                             executable));

    unpaired_rules_header header = {};
    std::memcpy(header.magic, UNPAIRED_RULES_MAGIC, sizeof header.magic);
    header.n_modules = uint32_t(modules.size());
    header.n_ranges = uint32_t(ranges.size());
    header.n_patterns = uint32_t(patterns.size());
    std::vector<std::byte> blob;
    append(blob, std::vector{header});
    append(blob, modules);
    append(blob, ranges);
    append(blob, patterns);
    return blob;
}

} // namespace unpaired
