// scenario: a program whose signal handler leaves the recorder by an exception is recorded to its end
// build: -fnon-call-exceptions -fasynchronous-unwind-tables
// link: -pthread
// image: {"events_lost": 0}
// expect: {"rule": "never-released", "family": "heap", "blame": "leak_one:lost", "count": 5, "acquired": 5}
// totals: {"sem": {"unpaired": 0}}
#include "storm.h"

#include <semaphore.h>

static const int exceptions_thrown = 300;

static volatile sig_atomic_t may_throw, thrown;
static sem_t semaphore;

struct Interrupted {};

// Their header declares them noexcept: an exception through a direct call would end the program.
static int (*volatile init)(sem_t *, int, unsigned) = sem_init;
static int (*volatile destroy)(sem_t *) = sem_destroy;

static void throw_out(int)
{
    if (!may_throw)
        return;
    may_throw = 0;
    thrown = thrown + 1;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, nullptr);
    throw Interrupted();
}

__attribute__((noinline)) static void pair()
{
    init(&semaphore, 0, 1);
    destroy(&semaphore);
}

__attribute__((noinline)) static void leak_one()
{
    volatile char *block = static_cast<char *>(malloc(24)); // blame:lost
    block[0] = 1;
}

int main()
{
    storm_begin(SIGRTMIN, throw_out, 0);
    while (thrown < exceptions_thrown) {
        try {
            may_throw = 1;
            pair();
            may_throw = 0;
        } catch (const Interrupted &) {
            sem_destroy(&semaphore); // release what the exception skipped
        }
    }
    for (int i = 0; i < 5; i++)
        leak_one();
    return 0;
}
