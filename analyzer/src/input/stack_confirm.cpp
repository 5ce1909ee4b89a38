#include "input/stack_confirm.h"

#include "input/frame_rules_internal.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace unpaired {
namespace {

/// A scan word with its place: words above the stack pointer before the hooked call.
struct Candidate {
    uint64_t return_address = 0;
    int64_t position = 0;
};

// A recorder keeps 31 words at most, and few frames leave a choice: only a hostile file needs more steps.
constexpr int most_steps = 20'000;

/// The frames from one word on, and how sure they are.
struct Chain {
    std::vector<uint64_t> frames;
    int exact = 0;   // return addresses where the rules say, or behind a call of the very function
    int guessed = 0; // behind a call through a pointer
    bool complete = false;

    bool better_than(const Chain &other) const
    {
        return std::tuple(exact, complete, frames.size(), -guessed) >
               std::tuple(other.exact, other.complete, other.frames.size(), -other.guessed);
    }
};

/// The rules of an ELF file, each looked up once.
class RuleCache {
public:
    explicit RuleCache(const FirmwareElf &elf) : elf_(elf), rules_(elf) {}
    const FirmwareElf &elf() const { return elf_; }

    const std::optional<FrameRule> &in_call(uint64_t return_address)
    {
        auto [at, added] = known_.try_emplace(return_address);
        if (added)
            at->second = rules_.at(return_address - 1);
        return at->second;
    }

private:
    const FirmwareElf &elf_;
    FrameRules rules_;
    std::map<uint64_t, std::optional<FrameRule>> known_;
};

class Search {
public:
    Search(RuleCache &rules, std::vector<Candidate> candidates, bool full)
        : rules_(rules), candidates_(std::move(candidates)), full_(full)
    {}

    /// The frames behind the one that returns to `return_address`, whose function had its stack pointer at
    /// `sp` when it made the call; `next` is the first word not used yet.
    Chain follow(uint64_t return_address, int64_t sp, size_t next)
    {
        Chain chain;
        if (++steps_ > most_steps)
            return chain;
        const std::optional<FrameRule> &rule = rules_.in_call(return_address);
        if (rule && !rule->ra_above_cfa) { // the return address is nowhere: who calls this never comes back
            chain.complete = true;
            return chain;
        }
        if (rule && rule->cfa_above_sp) {
            const int64_t cfa = sp + *rule->cfa_above_sp;
            return exactly_at(return_address, cfa + *rule->ra_above_cfa, cfa, next);
        }
        return by_call(return_address, sp, rule ? *rule->ra_above_cfa : assumed_place(), next);
    }

private:
    /// Where a function without frame rules keeps its return address, above the CFA: pushed first. On machines
    /// with a link register a variadic function has arguments above it: then the next rule fails to fit.
    static int64_t assumed_place() { return -1; }

    Chain exactly_at(uint64_t return_address, int64_t slot, int64_t cfa, size_t next)
    {
        Chain chain;
        for (size_t i = next; i < candidates_.size() && candidates_[i].position <= slot; i++) {
            if (candidates_[i].position != slot)
                continue;
            chain = follow(candidates_[i].return_address, cfa, i + 1);
            chain.frames.insert(chain.frames.begin(), candidates_[i].return_address);
            chain.exact++;
            return chain;
        }
        // What stands there follows no call: the first function of a task, an interrupt. Behind the last word
        // that is only known if the list had room for more.
        chain.complete = !full_ || (!candidates_.empty() && slot < candidates_.back().position) ||
                         is_outermost(rules_.elf().function_at(return_address - 1));
        return chain;
    }

    Chain by_call(uint64_t return_address, int64_t sp, int64_t ra_above_cfa, size_t next)
    {
        const FirmwareSymbol *function = rules_.elf().function_at(return_address - 1);
        Chain best;
        for (size_t i = next; i < candidates_.size(); i++) {
            const Candidate &candidate = candidates_[i];
            if (candidate.position < sp)
                continue;
            const auto call = call_before(rules_.elf(), candidate.return_address);
            if (!call)
                continue;
            const bool calls_it = call->target && function != nullptr && *call->target == function->address;
            if (call->target && !calls_it)
                continue;
            Chain chain = follow(candidate.return_address, candidate.position - ra_above_cfa, i + 1);
            chain.frames.insert(chain.frames.begin(), candidate.return_address);
            (calls_it ? chain.exact : chain.guessed)++;
            if (chain.better_than(best))
                best = std::move(chain);
        }
        if (best.frames.empty())
            best.complete = is_outermost(function);
        return best;
    }

    /// Whether nothing that a reader wants to see calls it.
    bool is_outermost(const FirmwareSymbol *function) const
    {
        if (function == nullptr)
            return false;
        const std::string_view name = function->name;
        return function->address == rules_.elf().entry || name == "main" || name == "_start" ||
               name == "Reset_Handler" || name == "reset_handler" || name == "_mainCRTStartup";
    }

    RuleCache &rules_;
    const std::vector<Candidate> candidates_;
    const bool full_;
    int steps_ = 0;
};

} // namespace

struct StackConfirmer::Rules : RuleCache {
    using RuleCache::RuleCache;
};

std::vector<ScanWord> unpack_frames(std::span<const uint64_t> frames, unsigned offset_bits, unsigned unit,
                                    uint64_t text_low)
{
    std::vector<ScanWord> words;
    if (offset_bits == 0 || offset_bits > 63)
        return words;
    const uint64_t mask = (uint64_t{1} << offset_bits) - 1;
    for (uint64_t packed : frames)
        words.push_back({text_low + (packed & mask) * unit, packed >> offset_bits});
    return words;
}

StackConfirmer::StackConfirmer(const FirmwareElf &elf) : rules_(std::make_unique<Rules>(elf)) {}

StackConfirmer::~StackConfirmer() = default;

ConfirmedStack StackConfirmer::confirm(std::span<const ScanWord> words, bool full) const
{
    ConfirmedStack result;
    if (words.empty())
        return result;
    std::vector<Candidate> candidates;
    int64_t position = 0;
    for (const ScanWord &word : words.subspan(1)) {
        // no stack is as large: the sum of damaged distances must not overflow
        position += static_cast<int64_t>(std::min<uint64_t>(word.distance, uint64_t{1} << 40));
        candidates.push_back({word.return_address, position});
    }
    Search search(*rules_, std::move(candidates), full);
    Chain chain = search.follow(words.front().return_address, 0, 0);
    result.frames = std::move(chain.frames);
    result.frames.insert(result.frames.begin(), words.front().return_address);
    result.complete = chain.complete;
    result.uncertain = chain.guessed > 0;
    return result;
}

} // namespace unpaired
