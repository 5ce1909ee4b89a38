// lwIP's hooks: its rows of the table, and packet buffers, which count references and are freed in chains as far as
// the counts allow. All behind gates: names like mem_free may belong to other libraries.
#include "gate.h"
#include "rows.h"

using namespace unpaired;
using namespace unpaired::rows;

#define UNPAIRED_DEFINE_HOOK(type, function, parameters) \
    UNPAIRED_GATED_HOOK("lwip_init", type, function, parameters)
#undef UNPAIRED_TABLE_LINUX // expanded in hooks_table.cpp
#undef UNPAIRED_USER_RESOURCES_FILE
#include "unpaired/resources/table.def"

namespace {

/// The first field of struct pbuf (lwip/pbuf.h) is the next one of the chain.
void *next_of(void *pbuf) { return pbuf != nullptr ? *static_cast<void **>(pbuf) : nullptr; }

} // namespace

UNPAIRED_DEFINE_HOOK(void, pbuf_ref, (void *pbuf))
{
    const Caller caller = UNPAIRED_CALLER();
    Acquiring acquiring = begin_acquire(caller);
    UNPAIRED_REAL(pbuf_ref)(pbuf);
    if (pbuf != nullptr)
        finish_acquire(
            acquiring, caller,
            {UNPAIRED_FUNCTION_pbuf_ref, UNPAIRED_FAMILY_pbuf, UNPAIRED_SPACE_pbuf, handle_of(pbuf)});
    else
        finish_nothing(acquiring);
}

// It returns how many pbufs of the chain it deallocated: each of those lost a reference, and the one behind them,
// if there is one, lost the reference its predecessor held.
UNPAIRED_DEFINE_HOOK(unsigned char, pbuf_free, (void *pbuf))
{
    constexpr unsigned longest = 64;
    const Caller caller = UNPAIRED_CALLER();
    void *chain[longest] = {pbuf};
    for (unsigned i = 1; i < longest && chain[i - 1] != nullptr; i++)
        chain[i] = next_of(chain[i - 1]);
    Releasing releasing =
        begin_release(caller, UNPAIRED_FUNCTION_pbuf_free, UNPAIRED_SPACE_pbuf, handle_of(pbuf));
    const unsigned char ret = UNPAIRED_REAL(pbuf_free)(pbuf);
    finish_release(releasing, caller, true, true, ret, 0);
    for (unsigned i = 1; i <= ret && i < longest && chain[i] != nullptr; i++)
        released_by(enter(caller.sp), caller, UNPAIRED_FUNCTION_pbuf_free, UNPAIRED_SPACE_pbuf,
                    handle_of(chain[i]));
    return ret;
}
