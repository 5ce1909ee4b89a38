// What a finding says of who holds its blocks, from what reachability found.
#pragma once

#include "input/model.h"
#include "passes/blame.h"
#include "passes/own.h"
#include "passes/symbolise.h"
#include "report.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace unpaired {

/// Finds the holders of the blocks in the findings of one trace. Refers to the constructor's arguments.
class Holders {
public:
    Holders(const Trace &trace, Stacks &stacks, const Wrappers &wrappers, const std::vector<OwnerRule> &rules,
            const std::string &program);

    /// Fills `reachability`, `reached`, `held_by`, `last_holder` and `preview` from Trace::held of the slots. Leaves
    /// them unchanged if no memory was searched.
    void tell(Finding &finding, const std::vector<uint32_t> &slots);

private:
    std::string block_text(uint32_t slot);
    std::string thread_text(uint16_t image, uint32_t tid) const;
    std::string root_text(const Held &held, uint16_t image) const;
    std::string end_of_chain(const Held &first, uint16_t image) const;
    Rare<LastHolder> last_holder_of(const std::vector<uint32_t> &slots);
    const Wrappers &releasing_wrappers(const Site &release, const std::string &function, const Stack &stack);

    const Trace &trace_;
    Stacks &stacks_;
    const Wrappers &wrappers_;
    const std::vector<OwnerRule> &rules_;
    const std::string &program_;
    std::map<std::pair<uint16_t, uint32_t>, std::string> thread_names_; // by image and tid
    /// The sites of a releasing function by the function that calls it, and the wrappers found from them.
    std::map<uint16_t, std::map<std::string, std::vector<const Site *>>> releases_;
    std::map<std::pair<uint16_t, std::string>, Wrappers> releasing_wrappers_;
};

/// Adds up the fields that Holders::tell() filled in. The worse of the two findings decides the words.
void merge_held(Finding &into, Finding &&other);

} // namespace unpaired
