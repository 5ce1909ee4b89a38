// scenario: a descriptor that was closed without our seeing it is no leak
// expect: {"rule": "never-released", "family": "eventfd", "function": "eventfd", "count": 1, "blame": "keep:keep"}
// totals: {"eventfd": {"acquired": 4, "unpaired": 1, "released_unseen": 2, "released": 1}}
#include "must.h"

#include <sys/eventfd.h>
#include <unistd.h>

/* The system call itself, as a static library's or another language's runtime does it. */
static long unseen_close(int fd)
{
    long result;
#if defined(__x86_64__)
    __asm__ volatile("syscall" : "=a"(result) : "0"(3L), "D"((long)fd) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = 57, x0 __asm__("x0") = fd;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8) : "memory");
    result = x0;
#else
#error "write the close system call of this machine here"
#endif
    return result;
}

FRAME static int keep(void) { return eventfd(0, 0) + 0; /* blame:keep */ }

int main(void)
{
    int first = keep();
    MUST(unseen_close(first) == 0);
    int again = keep(); /* the number is handed out again */
    MUST(again == first);
    MUST(close(again) == 0);
    int last = keep();
    int kept = keep();
    MUST(unseen_close(last) == 0 && kept >= 0); /* seen by the comparison at exit */
    return 0;
}
