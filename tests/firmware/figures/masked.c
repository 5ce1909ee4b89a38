/* Once through everything that masks interrupts, with tables that are nearly full. */
#include "board.h"
#include "unpaired/port.h"
#include "unpaired/unpaired.h"

#include <malloc.h>
#include <stdlib.h>

int lwip_socket(int domain, int type, int protocol);
int lwip_accept(int socket, void *address, void *length);
int lwip_shutdown(int socket, int how);
int lwip_close(int socket);

static void *(*volatile take)(size_t) = malloc;
static void *(*volatile take_cleared)(size_t, size_t) = calloc;
static void *(*volatile resize)(void *, size_t) = realloc;
static void *(*volatile take_aligned)(size_t, size_t) = memalign;
static void (*volatile give_back)(void *) = free;

#define SITE(n) \
    FRAME static void *site_##n(void) { return take(16); }
#define TEN(X, d) X(d##0) X(d##1) X(d##2) X(d##3) X(d##4) X(d##5) X(d##6) X(d##7) X(d##8) X(d##9)
#define HUNDRED(X) \
    TEN(X, 1) TEN(X, 2) TEN(X, 3) TEN(X, 4) TEN(X, 5) TEN(X, 6) TEN(X, 7) TEN(X, 8) TEN(X, 9) TEN(X, 10)
HUNDRED(SITE)
#define ENTRY(n) site_##n,
static void *(*const sites[])(void) = {HUNDRED(ENTRY)};

int main(void)
{
    unsigned i, round;
    void *p;
    for (round = 0; round < 2; round++) {
        UNPAIRED_OWNER_SCOPE("MASK");
        unpaired_mark("round");
        for (i = 0; i < 100; i++) /* more sites than there is room for, some reused */
            if (i % 2)
                sites[i]();
            else
                give_back(sites[i]());
        p = resize(take(10), 2000);
        give_back(resize(p, 5));
        give_back(take_cleared(3, 5));
        give_back(take_aligned(128, 5));
        MUST(take((size_t)-1) == NULL);
        for (i = 0; i < 40; i++) { /* more handles than there is room for */
            int fd = lwip_socket(2, 1, 0);
            lwip_shutdown(fd, 2);
            if (i % 3 == 0)
                lwip_close(fd);
            lwip_close(fd);
        }
        lwip_accept(-1, NULL, NULL);
        unpaired_poll();
    }
    for (i = 0; i < 20; i++)
        unpaired_mark("end");
    unpaired_poll();
    return 0;
}
