// The ledger of a dead process: from its trace, or from the tags of its heap blocks alone.
#pragma once

#include "input/core_file.h"
#include "input/heap_tags.h"
#include "input/remains.h"

#include <string>
#include <vector>

namespace unpaired {

/// Makes `remains.trace` and `remains.blocks` from tags: a site for each (call, owner), its stack that one frame.
void trace_from_tags(Remains &remains, const CoreFile &core, const std::vector<CoreModule> &modules,
                     const HeapTags &tags, const std::string &program);

/// Takes `trace`, in which image `image` is the process, for `remains.trace`, without what other processes left in
/// it and without heap blocks whose tag does not stand in memory any more; fills `remains.blocks`.
void trace_from_ledger(Remains &remains, Trace trace, uint16_t image, const CoreFile &core,
                       const HeapTags &tags);

} // namespace unpaired
