// scenario: a program whose signal handler leaves the recorder by siglongjmp is recorded to its end
// link: -pthread
// image: {"events_lost": 0}
// expect: {"rule": "never-released", "family": "heap", "blame": "leak_one:lost", "count": 7, "acquired": 7}
// totals: {"sem": {"unpaired": 0}, "rwlock": {"acquired": 500, "released": 500}}
//
// The handler interrupts hooks and jumps to a frame that calls the same hook again at the same depth of the stack, later to
// one that calls it deeper, and to one that is more than 1 MiB farther out. The program releases each semaphore whatever
// the jump skipped.
#include "storm.h"

#include <alloca.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>

enum { jumps_of_each_kind = 400 };

static sigjmp_buf back;
static volatile sig_atomic_t may_jump, jumps;
static sem_t semaphore;

static void jump(int signal)
{
    (void)signal;
    if (!may_jump)
        return;
    may_jump = 0;
    jumps++;
    siglongjmp(back, 1);
}

__attribute__((noinline)) static void pair(void)
{
    sem_init(&semaphore, 0, 1);
    sem_destroy(&semaphore);
}

__attribute__((noinline)) static void pair_deeper(size_t room)
{
    volatile char *frame = alloca(room);
    frame[0] = 1;
    pair();
    frame[room - 1] = 1;
}

__attribute__((noinline)) static void leak_one(void)
{
    volatile char *block = malloc(24); // blame:lost
    block[0] = 1;
}

static void storm(volatile size_t room)
{
    const volatile int last = jumps + jumps_of_each_kind;
    if (sigsetjmp(back, 1) != 0)
        sem_destroy(&semaphore); // release what the jump skipped
    while (jumps < last) {
        may_jump = 1;
        if (room == 0)
            pair();
        else
            pair_deeper(room);
    }
    may_jump = 0;
}

int main(void)
{
    storm_begin(SIGRTMIN, jump, 0);

    storm(0);
    storm(4096);
    storm(3 << 20);
    storm(0);

    pthread_rwlock_t lock;
    for (int i = 0; i < 500; i++) {
        pthread_rwlock_init(&lock, NULL);
        pthread_rwlock_destroy(&lock);
    }
    for (int i = 0; i < 7; i++)
        leak_one();
    return 0;
}
