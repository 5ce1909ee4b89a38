/* What a vendor made of lwIP's sockets: lwip_shutdown sets a closing flag, and lwip_close then refuses, so that the
 * slot stays taken (docs/field-cases.md, case 4). lwIP's own functions are compiled under the names stock_*. */
#include "board.h"

#include <errno.h>

int stock_lwip_shutdown(int socket, int how);
int stock_lwip_close(int socket);
int lwip_shutdown(int socket, int how);
int lwip_close(int socket);

static unsigned char closing[32];

int lwip_shutdown(int socket, int how)
{
    (void)stock_lwip_shutdown(socket, how);
    closing[socket] = 1;
    return 0;
}

int lwip_close(int socket)
{
    if (closing[socket]) {
        errno = EBADF;
        return -1;
    }
    return stock_lwip_close(socket);
}
