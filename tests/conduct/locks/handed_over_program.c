// handed_over_program THREADS SECONDS FILE: threads acquire semaphores, rwlocks, mappings, streams and blocks, hand them
// over to each other through tables, and release what they get. FILE has the program's own counts, a struct ledger for
// each kind, so that they survive SIGKILL: what was begun and what was finished.
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { kinds = 5, places = 1024 };

struct ledger {
    _Atomic uint64_t acquiring, acquired, releasing, released;
};
static struct ledger *ledgers;

static void *_Atomic table[kinds][places];
static atomic_int stop;

struct lock {
    pthread_rwlock_t lock;
    char room[24];
};

static void *acquire(int kind)
{
    void *made = NULL;
    if (kind == 0 || kind == 1)
        made = malloc(sizeof(struct lock));
    atomic_fetch_add(&ledgers[kind].acquiring, 1);
    switch (kind) {
    case 0:
        pthread_rwlock_init(&((struct lock *)made)->lock, NULL);
        break;
    case 1:
        sem_init(made, 0, 1);
        break;
    case 2:
        made = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        break;
    case 3:
        made = fopen("/dev/null", "r");
        break;
    default:
        made = malloc(40);
        break;
    }
    atomic_fetch_add(&ledgers[kind].acquired, 1);
    return made;
}

static void release(int kind, void *made)
{
    if (made == NULL)
        return;
    atomic_fetch_add(&ledgers[kind].releasing, 1);
    switch (kind) {
    case 0:
        pthread_rwlock_destroy(&((struct lock *)made)->lock);
        break;
    case 1:
        sem_destroy(made);
        break;
    case 2:
        munmap(made, 8192);
        break;
    case 3:
        fclose(made);
        break;
    default:
        free(made);
        break;
    }
    atomic_fetch_add(&ledgers[kind].released, 1);
    if (kind == 0 || kind == 1)
        free(made);
}

static void *work(void *seed)
{
    unsigned random = (unsigned)(long)seed * 2654435761u + 1;
    while (!stop) {
        random = random * 1103515245 + 12345;
        // Mappings and streams are slow, so the other kinds are chosen more often.
        const unsigned share = random >> 24;
        const int kind = share < 2 ? 2 : share < 4 ? 3 : share < 16 ? 4 : share < 136 ? 0 : 1;
        release(kind, atomic_exchange(&table[kind][(random >> 10) % places], acquire(kind)));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const int fd = open(argv[3], O_RDWR);
    ledgers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || ledgers == MAP_FAILED)
        return 2;
    close(fd);
    const long n = atol(argv[1]);
    pthread_t threads[64];
    for (long i = 0; i < n; i++)
        pthread_create(&threads[i], NULL, work, (void *)i);
    const struct timespec while_working = {atol(argv[2]), 0};
    nanosleep(&while_working, NULL);
    stop = 1;
    for (long i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    for (int kind = 0; kind < kinds; kind++)
        for (int i = 0; i < places; i++)
            release(kind, atomic_exchange(&table[kind][i], NULL));
    munmap(ledgers, 4096);
    return 0;
}
