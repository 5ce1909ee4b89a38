/* A vendor's change to lwIP, around Debian's: shutdown marks the socket as closing, and close refuses such a
 * one, so its slot stays taken. lwip_vendor.cpp. Like any lwIP it has lwip_init, by which the recorder knows it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

static unsigned char closing[1024];

int lwip_shutdown(int socket, int how);
int lwip_shutdown(int socket, int how)
{
    int (*real)(int, int);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_shutdown");
    closing[socket] = 1;
    return real(socket, how);
}

int lwip_close(int socket);
int lwip_close(int socket)
{
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_close");
    if (closing[socket]) {
        errno = EALREADY;
        return -1;
    }
    return real(socket);
}

void lwip_init(void);
void lwip_init(void)
{
    void (*real)(void);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_init");
    real();
}
