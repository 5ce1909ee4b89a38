/* An application that says what it uses; with nothing wrapped it is what the recorder's size is compared with. */
#include "board.h"
#ifdef UNPAIRED_LINKED
#include "unpaired/port.h"
#endif

#include <malloc.h>
#include <stdlib.h>

#ifdef USE_HANDLES
int lwip_socket(int domain, int type, int protocol);
int lwip_accept(int socket, void *address, void *length);
int lwip_shutdown(int socket, int how);
int lwip_close(int socket);
#endif

static void *(*volatile take)(size_t) = malloc;
#ifndef MALLOC_ALONE
static void *(*volatile take_cleared)(size_t, size_t) = calloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void *(*volatile take_aligned)(size_t, size_t) = memalign;
static size_t (*volatile usable)(void *) = malloc_usable_size;
#endif

int main(void)
{
    void *block = take(10);
#ifndef MALLOC_ALONE
    block = resize(block, usable(block));
    free(take_cleared(1, 2));
    free(take_aligned(32, 2));
#endif
    free(block);
#ifdef USE_HANDLES
    {
        int fd = lwip_accept(lwip_socket(2, 1, 0), NULL, NULL);
        lwip_shutdown(fd, 2);
        lwip_close(fd);
    }
#endif
    return 0;
}
