// build: -foptimize-sibling-calls
// What a vendor's SDK made of lwIP, around Debian's:
// - shutdown marks a socket as closing, and close refuses one that is: its slot stays taken;
// - there are NUM_SOCKETS slots (Debian's lwIP has no limit);
// - the POSIX names are lwIP's functions. An SDK's headers do that with macros (LWIP_COMPAT_SOCKETS); libmbedtls is
//   compiled already, so the linker does it (--wrap), by way of the __wrap_ functions here. They jump, which is what
//   the option above is for, and so leave no frame between libmbedtls and lwIP, as the macros leave none.
// Like any lwIP it has lwip_init, by which the recorder knows it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>

enum { NUM_SOCKETS = 38, HIGHEST = 1024 };

struct sockaddr;

void lwip_init(void);
int lwip_socket(int domain, int type, int protocol);
int lwip_connect(int socket, const struct sockaddr *name, unsigned length);
int lwip_shutdown(int socket, int how);
int lwip_close(int socket);
int __wrap_socket(int domain, int type, int protocol);
int __wrap_connect(int socket, const struct sockaddr *name, unsigned length);
int __wrap_shutdown(int socket, int how);
int __wrap_close(int socket);

static unsigned char closing[HIGHEST];
static int taken;

int __wrap_socket(int domain, int type, int protocol) { return lwip_socket(domain, type, protocol); }

int __wrap_connect(int socket, const struct sockaddr *name, unsigned length)
{
    return lwip_connect(socket, name, length);
}

int __wrap_shutdown(int socket, int how) { return lwip_shutdown(socket, how); }

int __wrap_close(int socket) { return lwip_close(socket); }

int lwip_socket(int domain, int type, int protocol)
{
    int socket, (*real)(int, int, int);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_socket");
    if (__atomic_load_n(&taken, __ATOMIC_RELAXED) >= NUM_SOCKETS) {
        errno = ENFILE; /* as lwIP says it */
        return -1;
    }
    socket = real(domain, type, protocol);
    if (socket >= 0)
        __atomic_add_fetch(&taken, 1, __ATOMIC_RELAXED);
    return socket;
}

int lwip_shutdown(int socket, int how)
{
    int (*real)(int, int);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_shutdown");
    if (socket >= 0 && socket < HIGHEST)
        closing[socket] = 1;
    return real(socket, how);
}

int lwip_close(int socket)
{
    int result, (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_close");
    if (socket >= 0 && socket < HIGHEST && closing[socket]) {
        errno = EALREADY;
        return -1;
    }
    result = real(socket);
    if (result == 0)
        __atomic_sub_fetch(&taken, 1, __ATOMIC_RELAXED);
    return result;
}

void lwip_init(void)
{
    void (*real)(void);
    *(void **)&real = dlsym(RTLD_NEXT, "lwip_init");
    real();
}
