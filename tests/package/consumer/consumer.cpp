#include "unpaired/owner_tag.h"
#include "unpaired/trace_format.h"

int main()
{
    return unpaired_owner_from_magic("MQTT") == UNPAIRED_OWNER('M', 'Q', 'T', 'T') &&
                   sizeof(struct unpaired_file_header) == UNPAIRED_TRACE_PAGE
               ? 0
               : 1;
}
