#include "cases.h"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <unistd.h>

namespace {

/// Locks in static storage that nobody has to init.
struct Mutex {
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
};
struct Rwlock {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
};
/// glibc's unlocked spin lock, without an init that would have to be paired with a destroy.
struct Spin {
#if defined(__x86_64__) || defined(__i386__)
    pthread_spinlock_t lock = 1;
#else
    pthread_spinlock_t lock = 0;
#endif
};

const timespec long_ago = {};

void *nothing(void *argument) { return argument; }

pthread_t started()
{
    pthread_t thread;
    MUST(pthread_create(&thread, nullptr, nothing, nullptr) == 0);
    return thread;
}

/// Waits until the kernel knows this process's main thread only, so that a try to join need not be repeated.
void all_others_ended()
{
    for (int tasks = 0; tasks != 1;) {
        DIR *directory = opendir("/proc/self/task");
        MUST(directory);
        tasks = 0;
        while (const dirent *entry = readdir(directory))
            tasks += entry->d_name[0] != '.';
        closedir(directory);
    }
}

sem_t *named()
{
    char name[64];
    std::snprintf(name, sizeof name, "/unpaired-table-%d", getpid());
    sem_t *semaphore = sem_open(name, O_CREAT, 0600, 0);
    sem_unlink(name);
    return semaphore;
}

timer_t new_timer()
{
    sigevent quiet = {};
    quiet.sigev_notify = SIGEV_NONE;
    timer_t timer = nullptr;
    MUST(timer_create(CLOCK_MONOTONIC, &quiet, &timer) == 0);
    return timer;
}

} // namespace

CASE(pthread_mutex_init, pthread_mutex_t, MUST(pthread_mutex_init(&it, nullptr) == 0),
     pthread_mutex_destroy(&it))
CASE(pthread_mutex_destroy, pthread_mutex_t, MUST(pthread_mutex_init(&it, nullptr) == 0),
     pthread_mutex_destroy(&it))
CASE(pthread_rwlock_init, pthread_rwlock_t, MUST(pthread_rwlock_init(&it, nullptr) == 0),
     pthread_rwlock_destroy(&it))
CASE(pthread_rwlock_destroy, pthread_rwlock_t, MUST(pthread_rwlock_init(&it, nullptr) == 0),
     pthread_rwlock_destroy(&it))
CASE(pthread_cond_init, pthread_cond_t, MUST(pthread_cond_init(&it, nullptr) == 0), pthread_cond_destroy(&it))
CASE(pthread_cond_destroy, pthread_cond_t, MUST(pthread_cond_init(&it, nullptr) == 0),
     pthread_cond_destroy(&it))
CASE(pthread_barrier_init, pthread_barrier_t, MUST(pthread_barrier_init(&it, nullptr, 1) == 0),
     pthread_barrier_destroy(&it))
CASE(pthread_barrier_destroy, pthread_barrier_t, MUST(pthread_barrier_init(&it, nullptr, 1) == 0),
     pthread_barrier_destroy(&it))
CASE(pthread_spin_init, pthread_spinlock_t, MUST(pthread_spin_init(&it, 0) == 0), pthread_spin_destroy(&it))
CASE(pthread_spin_destroy, pthread_spinlock_t, MUST(pthread_spin_init(&it, 0) == 0),
     pthread_spin_destroy(&it))
CASE(sem_init, sem_t, MUST(sem_init(&it, 0, 1) == 0), sem_destroy(&it))
CASE(sem_destroy, sem_t, MUST(sem_init(&it, 0, 1) == 0), sem_destroy(&it))
CASE(sem_open, sem_t *, MUST((it = named()) != SEM_FAILED), sem_close(it))
CASE(sem_close, sem_t *, MUST((it = named()) != SEM_FAILED), sem_close(it))

CASE(pthread_mutex_lock, Mutex, MUST(pthread_mutex_lock(&it.lock) == 0), pthread_mutex_unlock(&it.lock))
CASE(pthread_mutex_trylock, Mutex, MUST(pthread_mutex_trylock(&it.lock) == 0), pthread_mutex_unlock(&it.lock))
CASE(pthread_mutex_timedlock, Mutex, MUST(pthread_mutex_timedlock(&it.lock, &long_ago) == 0),
     pthread_mutex_unlock(&it.lock))
CASE(pthread_mutex_clocklock, Mutex, MUST(pthread_mutex_clocklock(&it.lock, CLOCK_MONOTONIC, &long_ago) == 0),
     pthread_mutex_unlock(&it.lock))
CASE(pthread_mutex_unlock, Mutex, MUST(pthread_mutex_lock(&it.lock) == 0), pthread_mutex_unlock(&it.lock))
CASE(pthread_rwlock_rdlock, Rwlock, MUST(pthread_rwlock_rdlock(&it.lock) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_wrlock, Rwlock, MUST(pthread_rwlock_wrlock(&it.lock) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_tryrdlock, Rwlock, MUST(pthread_rwlock_tryrdlock(&it.lock) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_trywrlock, Rwlock, MUST(pthread_rwlock_trywrlock(&it.lock) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_timedrdlock, Rwlock, MUST(pthread_rwlock_timedrdlock(&it.lock, &long_ago) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_timedwrlock, Rwlock, MUST(pthread_rwlock_timedwrlock(&it.lock, &long_ago) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_clockrdlock, Rwlock,
     MUST(pthread_rwlock_clockrdlock(&it.lock, CLOCK_MONOTONIC, &long_ago) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_clockwrlock, Rwlock,
     MUST(pthread_rwlock_clockwrlock(&it.lock, CLOCK_MONOTONIC, &long_ago) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_rwlock_unlock, Rwlock, MUST(pthread_rwlock_wrlock(&it.lock) == 0),
     pthread_rwlock_unlock(&it.lock))
CASE(pthread_spin_lock, Spin, MUST(pthread_spin_lock(&it.lock) == 0), pthread_spin_unlock(&it.lock))
CASE(pthread_spin_trylock, Spin, MUST(pthread_spin_trylock(&it.lock) == 0), pthread_spin_unlock(&it.lock))
CASE(pthread_spin_unlock, Spin, MUST(pthread_spin_trylock(&it.lock) == 0), pthread_spin_unlock(&it.lock))

CASE(pthread_create, pthread_t, MUST(pthread_create(&it, nullptr, nothing, nullptr) == 0),
     pthread_join(it, nullptr))
CASE(pthread_join, pthread_t, it = started(), pthread_join(it, nullptr))
CASE(pthread_tryjoin_np, pthread_t, it = started(),
     (all_others_ended(), MUST(pthread_tryjoin_np(it, nullptr) == 0)))
CASE(pthread_timedjoin_np, pthread_t, it = started(),
     (all_others_ended(), MUST(pthread_timedjoin_np(it, nullptr, &long_ago) == 0)))
CASE(pthread_clockjoin_np, pthread_t, it = started(),
     (all_others_ended(), MUST(pthread_clockjoin_np(it, nullptr, CLOCK_MONOTONIC, &long_ago) == 0)))
CASE(pthread_detach, pthread_t, it = started(), pthread_detach(it))
CASE(pthread_key_create, pthread_key_t, MUST(pthread_key_create(&it, nullptr) == 0), pthread_key_delete(it))
CASE(pthread_key_delete, pthread_key_t, MUST(pthread_key_create(&it, nullptr) == 0), pthread_key_delete(it))
CASE(timer_create, timer_t, it = new_timer(), timer_delete(it))
CASE(timer_delete, timer_t, it = new_timer(), timer_delete(it))
