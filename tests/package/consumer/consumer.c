#include "unpaired/trace_format.h"
#include "unpaired/unpaired.h"

/* Owner scopes and marks where no recorder is loaded: they do nothing, and the program runs. */
int main(void)
{
    uint32_t before = unpaired_owner_push(unpaired_owner_from_magic("MQTT"));
    unpaired_mark("reconnect");
    unpaired_owner_pop(before);
    return before == 0 && sizeof(struct unpaired_file_header) == UNPAIRED_TRACE_PAGE ? 0 : 1;
}
