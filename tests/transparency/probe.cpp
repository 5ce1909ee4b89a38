// Tells everything a program can see of itself that a recorder might change. run_transparency.py compares what it
// tells without us and with us: every line must be equal.
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <malloc.h>
#include <netdb.h>
#include <new>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <string>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

extern char **environ;

namespace {

/// What a call gave and what it left in errno, which was 77 before.
#define TELL(call)                                                  \
    do {                                                            \
        errno = 77;                                                 \
        const long long result = static_cast<long long>(call);      \
        const int error = errno;                                    \
        std::printf("%s = %lld, errno %d\n", #call, result, error); \
    } while (0)
/// The same for calls that return a pointer.
#define TELL_POINTER(call)                                                             \
    do {                                                                               \
        errno = 77;                                                                    \
        const void *result = (call);                                                   \
        const int error = errno;                                                       \
        std::printf("%s = %s, errno %d\n", #call, result ? "pointer" : "null", error); \
    } while (0)

volatile size_t too_much = static_cast<size_t>(-1);

int entries(const char *path)
{
    int n = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory))
        n++;
    if (directory)
        closedir(directory);
    return n;
}

void tell_descriptors(const char *when)
{
    std::printf("descriptors %s:", when);
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            std::printf(" %d(%d)", fd, fcntl(fd, F_GETFD));
    std::printf("; /proc/self/fd has %d, tasks %d\n", entries("/proc/self/fd"), entries("/proc/self/task"));
}

void tell_signals()
{
    sigset_t blocked;
    sigprocmask(SIG_BLOCK, nullptr, &blocked);
    for (int signal = 1; signal < 65; signal++) {
        struct sigaction action = {};
        if (sigaction(signal, nullptr, &action) == 0 &&
            (action.sa_handler != SIG_DFL || sigismember(&blocked, signal) == 1))
            std::printf("signal %d: handler %s, flags %x, blocked %d\n", signal,
                        action.sa_handler == SIG_IGN   ? "ignored"
                        : action.sa_handler == SIG_DFL ? "default"
                                                       : "set",
                        action.sa_flags, sigismember(&blocked, signal));
    }
    stack_t alternate = {};
    sigaltstack(nullptr, &alternate);
    std::printf("alternate stack: flags %d\n", alternate.ss_flags);
    for (int timer : {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF}) {
        itimerval value = {};
        getitimer(timer, &value);
        std::printf("timer %d: %ld\n", timer, value.it_value.tv_sec + value.it_value.tv_usec);
    }
}

void tell_environment()
{
    for (char **one = environ; *one; one++)
        if (std::strncmp(*one, "LD_PRELOAD=", 11) != 0 && std::strncmp(*one, "UNPAIRED_", 9) != 0)
            std::printf("environment %s\n", *one);
    char name[16];
    prctl(PR_GET_NAME, name);
    std::printf(
        "name %s, parent's death %d, new privileges %d, dumpable %d, umask %o\n", name,
        [] {
            int s = 0;
            prctl(PR_GET_PDEATHSIG, &s);
            return s;
        }(),
        prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), umask(022));
    umask(022);
    for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
        rlimit limit = {};
        getrlimit(static_cast<__rlimit_resource>(resource), &limit);
        std::printf("limit %d: %lld %lld\n", resource, static_cast<long long>(limit.rlim_cur),
                    static_cast<long long>(limit.rlim_max));
    }
}

void tell_where_functions_are()
{
    // What libgcc and libc give their users must still be theirs.
    for (const char *name :
         {"backtrace", "dlsym", "getenv", "memcpy", "fork", "exit", "_Unwind_Backtrace", "read"}) {
        Dl_info info = {};
        void *symbol = dlsym(RTLD_DEFAULT, name);
        std::string file = symbol && dladdr(symbol, &info) ? info.dli_fname : "nowhere";
        std::printf("%s is in %s\n", name, file.substr(file.rfind('/') + 1).c_str());
    }
}

void tell_calls()
{
    pthread_key_t key = 0;
    TELL(pthread_key_create(&key, nullptr));
    std::printf("first key %u\n", key);
    TELL(pthread_key_delete(key));

    TELL_POINTER(malloc(100));
    TELL_POINTER(malloc(0));
    TELL_POINTER(malloc(too_much));
    TELL_POINTER(calloc(too_much, 2));
    TELL_POINTER(realloc(nullptr, 10));
    void *block = malloc(10);
    TELL_POINTER(realloc(block, too_much));
    TELL_POINTER(realloc(block, 0));
    errno = 77;
    free(malloc(10));
    free(nullptr);
    std::printf("after free errno %d\n", errno);
    TELL(posix_memalign(&block, 3, 10));
    TELL_POINTER(aligned_alloc(64, 100));
    TELL_POINTER(::operator new(20, std::nothrow));
    try {
        TELL_POINTER(::operator new(too_much));
    } catch (const std::bad_alloc &) {
        std::printf("bad_alloc, errno %d\n", errno);
    }

    TELL(open("/dev/null", O_RDONLY));
    TELL(open("/nonexistent", O_RDONLY));
    TELL(open("/dev/null", O_RDONLY | O_DIRECTORY));
    TELL(openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC));
    TELL(close(99));
    TELL(close(-1));
    TELL(close(3));
    TELL(dup(1));
    TELL(dup(99));
    TELL(dup2(1, 40));
    TELL(dup2(40, 40));
    TELL(dup2(99, 40));
    TELL(dup3(1, 41, O_CLOEXEC));
    TELL(dup3(1, 1, O_CLOEXEC));
    TELL(fcntl(1, F_DUPFD, 50));
    TELL(fcntl(1, F_DUPFD_CLOEXEC, 50));
    TELL(fcntl(1, F_GETFL));
    TELL(fcntl(99, F_GETFL));
    TELL(syscall(SYS_dup, 1));
    TELL(syscall(SYS_close, 99));
    TELL(syscall(100000));
    TELL(socket(AF_INET, SOCK_STREAM, 0));
    TELL(socket(AF_INET, SOCK_STREAM, 9999));
    TELL(shutdown(5, SHUT_RDWR));
    TELL(shutdown(99, SHUT_RDWR));
    TELL(accept(0, nullptr, nullptr));
    TELL(accept4(5, nullptr, nullptr, SOCK_NONBLOCK));
    int pair[2] = {-1, -1};
    TELL(pipe(pair));
    std::printf("pipe %d %d\n", pair[0], pair[1]);
    TELL(pipe2(pair, -1));
    TELL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    TELL(socketpair(AF_INET, SOCK_STREAM, 0, pair));
    msghdr message = {};
    TELL(recvmsg(pair[0], &message, MSG_DONTWAIT));
    TELL(epoll_create1(0));
    TELL(epoll_create(-1));
    TELL(eventfd(0, 0));
    TELL(close_range(40, 60, 0));
    TELL(close_range(60, 40, 0));
    tell_descriptors("after the calls");
    closefrom(5);
    tell_descriptors("after closefrom");

    TELL_POINTER(fopen("/nonexistent", "r"));
    TELL_POINTER(fopen("/dev/null", "no such mode"));
    FILE *stream = fopen("/dev/zero", "r");
    TELL(fgetc(stream));
    TELL(fileno(stream));
    TELL(fclose(stream));
    stream = fdopen(dup(1), "w");
    TELL(fileno(stream));
    TELL(fclose(stream));
    TELL_POINTER(fdopen(99, "r"));
    stream = popen("exit 3", "r");
    TELL(pclose(stream));
    TELL_POINTER(opendir("/nonexistent"));
    TELL_POINTER(opendir("/dev/null"));
    TELL(system("exit 4"));
    addrinfo *list = nullptr, hints = {};
    hints.ai_flags = AI_NUMERICHOST;
    TELL(getaddrinfo("127.0.0.1", "80", &hints, &list));
    freeaddrinfo(list);
    TELL(getaddrinfo("no number", "80", &hints, &list));

    void *pages = mmap(nullptr, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TELL(munmap(pages, 8192));
    TELL(munmap(reinterpret_cast<void *>(1), 8192));
    TELL(mmap(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    TELL_POINTER(dlopen("libnonexistent.so", RTLD_NOW));
    std::printf("dlerror %s\n", dlerror());
    void *library = dlopen("libm.so.6", RTLD_NOW);
    TELL(dlclose(library));

    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    TELL(pthread_mutex_lock(&mutex));
    TELL(pthread_mutex_lock(&mutex));
    TELL(pthread_mutex_trylock(&mutex));
    TELL(pthread_mutex_destroy(&mutex));
    TELL(pthread_mutex_unlock(&mutex));
    TELL(pthread_mutex_unlock(&mutex));
    TELL(pthread_mutex_destroy(&mutex));
    pthread_rwlock_t rwlock;
    TELL(pthread_rwlock_init(&rwlock, nullptr));
    TELL(pthread_rwlock_rdlock(&rwlock));
    TELL(pthread_rwlock_trywrlock(&rwlock));
    TELL(pthread_rwlock_unlock(&rwlock));
    TELL(pthread_rwlock_destroy(&rwlock));
    sem_t semaphore;
    TELL(sem_init(&semaphore, 0, 0));
    TELL(sem_trywait(&semaphore));
    TELL(sem_destroy(&semaphore));
    TELL(sem_open("/unpaired-nonexistent", 0) == SEM_FAILED);
    TELL(pthread_join(pthread_self(), nullptr));
    TELL(execl("/nonexistent", "x", static_cast<char *>(nullptr)));
    TELL(waitpid(-1, nullptr, WNOHANG));
}

std::atomic<int> stack_left;

/// The smallest stack there is must do for every hook.
void *on_a_small_stack(void *)
{
    void *block = malloc(10);
    int fd = open("/dev/null", O_RDONLY);
    FILE *stream = fopen("/dev/null", "r");
    if (stream)
        fclose(stream);
    close(fd);
    free(block);
    stack_left = 1;
    return nullptr;
}

void tell_threads()
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, static_cast<size_t>(PTHREAD_STACK_MIN));
    pthread_t thread;
    TELL(pthread_create(&thread, &attributes, on_a_small_stack, nullptr));
    TELL(pthread_join(thread, nullptr));
    pthread_attr_destroy(&attributes);
    std::printf("a small stack did: %d\n", stack_left.load());
}

sigjmp_buf back;
void on_alternate_stack(int)
{
    free(malloc(100));
    int fd = dup(1);
    close(fd);
    siglongjmp(back, 1);
}

void tell_small_signal_stack()
{
    static char memory[16384]; // many a program's SIGSTKSZ
    stack_t stack = {}, before = {};
    stack.ss_sp = memory;
    stack.ss_size = sizeof memory;
    sigaltstack(&stack, &before);
    struct sigaction action = {}, old = {};
    action.sa_handler = on_alternate_stack;
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR1, &action, &old);
    if (sigsetjmp(back, 1) == 0)
        raise(SIGUSR1);
    else
        std::printf("back from a handler on its own stack\n");
    sigaction(SIGUSR1, &old, nullptr);
    sigaltstack(&before, nullptr);
}

void tell_children()
{
    std::fflush(stdout);
    if (pid_t child = fork(); child == 0) {
        tell_descriptors("in a forked child");
        std::fflush(stdout);
        _exit(9);
    } else {
        int status = 0;
        TELL(waitpid(child, &status, 0) == child);
        std::printf("child's status %x\n", status);
    }
    if (pid_t child = vfork(); child == 0) {
        _exit(11);
    } else {
        int status = 0;
        TELL(waitpid(child, &status, 0) == child);
        std::printf("child's status %x\n", status);
    }
    TELL(wait(nullptr));
}

struct AtExit {
    ~AtExit() { tell_descriptors("in a destructor at exit"); }
} at_exit;

} // namespace

int main()
{
    tell_descriptors("at the start");
    tell_signals();
    tell_environment();
    tell_where_functions_are();
    tell_calls();
    tell_threads();
    tell_small_signal_stack();
    tell_children();
    tell_signals();
    std::atexit([] { std::printf("atexit\n"); });
    std::fprintf(stderr, "to stderr\n");
    return 5;
}
