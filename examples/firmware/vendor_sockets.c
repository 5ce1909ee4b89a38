/* Stands for a vendor's lwIP: eight sockets, and a function that opens one in the file that defines them, where
 * the linker's --wrap does not reach (docs/firmware.md, "verify"). */
#include "vendor_sockets.h"

static unsigned char in_use[8];
static unsigned char reachable_for = 4;

__attribute__((noinline)) int lwip_socket(int domain, int type, int protocol)
{
    unsigned i;
    (void)domain, (void)type, (void)protocol;
    for (i = 0; i < sizeof in_use; i++)
        if (!in_use[i]) {
            in_use[i] = 1;
            return (int)i;
        }
    return -1;
}

__attribute__((noinline)) int lwip_close(int socket)
{
    if (socket < 0 || socket >= (int)sizeof in_use || !in_use[socket])
        return -1;
    in_use[socket] = 0;
    return 0;
}

int vendor_is_reachable(void)
{
    const int probe = lwip_socket(2, 2, 0);
    const int sent = probe >= 0 && reachable_for > 0;
    if (sent)
        reachable_for--;
    lwip_close(probe);
    return sent;
}
