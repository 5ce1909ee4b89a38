// The regular hooks of the C library: every row of the Linux part of the resource table, and of the user's, that is
// not IRREGULAR, expanded.
#include "rows.h"

#include <arpa/inet.h>
#include <cstdio>
#include <ctime>
#include <ifaddrs.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>

using namespace unpaired;
using namespace unpaired::rows;

#define UNPAIRED_DEFINE_HOOK(type, function, parameters) UNPAIRED_HOOK(type, function, parameters)
#undef UNPAIRED_TABLE_LWIP // expanded in hooks_lwip.cpp
#undef UNPAIRED_TABLE_LWIP_MEMORY
#include "unpaired/resources/table.def"
