/* Numbers for the spaces, families and functions of the resource table, made by expanding it.
 *
 * Before including this, a target chooses its part of the table by defining some of
 *   UNPAIRED_TABLE_LINUX, UNPAIRED_TABLE_LWIP, ...   (the .def files; see resources/table.def)
 *   UNPAIRED_USER_RESOURCES_FILE                     ("my_resources.def")
 * Ids are private to a build: a trace carries its own dictionary. */
#ifndef UNPAIRED_RESOURCE_IDS_H
#define UNPAIRED_RESOURCE_IDS_H

#include "unpaired/trace_format.h"

/* Spaces: UNPAIRED_SPACE_fd, ... from 1. */
enum unpaired_space_id {
    UNPAIRED_SPACE_NONE = 0,
#define UNPAIRED_SPACE(space, kind) UNPAIRED_SPACE_##space,
#include "unpaired/resources/table.def"
    UNPAIRED_SPACE_END
};

/* Families: UNPAIRED_FAMILY_socket, ... from 1; and the space of each. */
enum unpaired_family_id {
    UNPAIRED_FAMILY_NONE = 0,
#define UNPAIRED_FAMILY(family, space, display) UNPAIRED_FAMILY_##family,
#include "unpaired/resources/table.def"
    UNPAIRED_FAMILY_END
};
enum {
#define UNPAIRED_FAMILY(family, space, display) UNPAIRED_SPACE_OF_##family = UNPAIRED_SPACE_##space,
#include "unpaired/resources/table.def"
    UNPAIRED_SPACE_OF_NONE = 0
};

/* Functions: UNPAIRED_FUNCTION_accept4, ... from 1. UNPAIRED_EACH_FUNCTION sees every row that names one. */
enum unpaired_function_id {
    UNPAIRED_FUNCTION_NONE = 0,
#define UNPAIRED_EACH_FUNCTION(function) UNPAIRED_FUNCTION_##function,
#include "unpaired/resources/table.def"
    UNPAIRED_FUNCTION_END
};

/* A space that can be acquired but not released, or the other way round, is a mistake in the table: the array
 * below then has a negative size, and its name says what is missing where. */
#define UNPAIRED_SPACE_BIT(id) (UINT64_C(1) << (id))
#define UNPAIRED_ACQUIRED_SPACES_ROW(family) | UNPAIRED_SPACE_BIT(UNPAIRED_SPACE_OF_##family)
#define UNPAIRED_RELEASED_SPACES_ROW(space) | UNPAIRED_SPACE_BIT(UNPAIRED_SPACE_##space)
__extension__ enum {
    UNPAIRED_ACQUIRED_SPACES = UINT64_C(0)
#define UNPAIRED_EACH_ACQUIRER(family, function) UNPAIRED_ACQUIRED_SPACES_ROW(family)
#include "unpaired/resources/table.def"
};
__extension__ enum {
    UNPAIRED_RELEASED_SPACES = UINT64_C(0)
#define UNPAIRED_EACH_RELEASER(space, function) UNPAIRED_RELEASED_SPACES_ROW(space)
#include "unpaired/resources/table.def"
};
#define UNPAIRED_SPACE(space, kind)                                                                      \
    UNPAIRED_STATIC_ASSERT((UNPAIRED_ACQUIRED_SPACES & UNPAIRED_SPACE_BIT(UNPAIRED_SPACE_##space)) != 0, \
                           space_##space##_has_no_acquirer);                                             \
    UNPAIRED_STATIC_ASSERT((UNPAIRED_RELEASED_SPACES & UNPAIRED_SPACE_BIT(UNPAIRED_SPACE_##space)) != 0, \
                           space_##space##_has_no_releaser);
#include "unpaired/resources/table.def"
UNPAIRED_STATIC_ASSERT((int)UNPAIRED_SPACE_END <= 63, at_most_62_spaces);

#endif
