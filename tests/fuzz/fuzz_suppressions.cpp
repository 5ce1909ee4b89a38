// parse_suppressions() and the patterns of its lines; owner rules of the same text.
#include "passes/suppress.h"
#include "symbols/owner_rules.h"

using namespace unpaired;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const std::string text(reinterpret_cast<const char *>(data), size);
    Suppressions suppressions = parse_suppressions(text, "input");
    mark_unknown_types(suppressions, {"heap", "socket"});
    suppression_problems(suppressions);
    for (const Suppression &line : suppressions.lines)
        template_match(line.pattern, "std::vector<int, std::allocator<int> >::push_back(int const&)");
    try {
        const OwnerRule rule = parse_owner_rule(text);
        matches_function(rule, "net::Server::accept_all(int)", "_ZN3net6Server10accept_allEi");
        matches_source(rule, "/src/net/server.cpp");
        matches_module(rule, "/usr/lib/libnet.so.1");
    } catch (const OwnerRuleError &) {
        // no rule
    }
    return 0;
}
