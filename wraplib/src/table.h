/* The resource table as this firmware has chosen it: ids, and the kind of each space. C99. */
#ifndef UNPAIRED_TABLE_H
#define UNPAIRED_TABLE_H

#include "unpaired/config.h"
#include "unpaired/resource_ids.h"

enum unpaired_kind_of_space {
    UNPAIRED_KIND_OF_NONE = 0,
#define UNPAIRED_SPACE(space, kind) UNPAIRED_KIND_OF_##space = UNPAIRED_KIND_##kind,
#include "unpaired/resources/table.def"
    UNPAIRED_KIND_OF_END
};
enum unpaired_kind_of_family {
    UNPAIRED_KIND_OF_FAMILY_NONE = 0,
#define UNPAIRED_FAMILY(family, space, display) UNPAIRED_KIND_OF_FAMILY_##family = UNPAIRED_KIND_OF_##space,
#include "unpaired/resources/table.def"
    UNPAIRED_KIND_OF_FAMILY_END
};

#endif
