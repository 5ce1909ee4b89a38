{
  global:
#define UNPAIRED_TABLE_LINUX
#define UNPAIRED_TABLE_LWIP
#define UNPAIRED_TABLE_LWIP_MEMORY
#define UNPAIRED_EACH_FUNCTION(function) function;
#include "unpaired/resources/table.def"
    unpaired_owner_push_impl;
    unpaired_owner_pop_impl;
    unpaired_mark_impl;
  local:
    *;
};
