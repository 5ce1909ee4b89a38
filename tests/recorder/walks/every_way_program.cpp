// Acquires and releases on every kind of stack a C++ program has, as run_walks.py wants it; prints what it did of each.
// Not a test by itself: the library it runs under compares the walks.
#include "frames.h"

#include <algorithm>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <ucontext.h>
#include <unistd.h>
#include <vector>

namespace {

int from_near_and_far()
{
    // now and then the same path again and again, as loops do; else wholly other ones, as interpreters do
    for (int i = 0; i < 1500; i++)
        descend(static_cast<int>(chance(20)), [] {
            for (uint32_t n = chance(6); n-- > 0;)
                acquire_and_release();
        });
    some_ways = true;
    for (int i = 0; i < 12000; i++) {
        chance.state = static_cast<uint32_t>(77 + i * 7919 % 40); // one of 40 paths
        descend(8, acquire_and_release);
    }
    some_ways = false;
    for (int i = 0; i < 30; i++)
        descend(150, acquire_and_release); // deeper than what is kept
    return 13530;
}

// ---- exceptions ------------------------------------------------------------------------------------------------------

struct AllocatesAtEnd {
    ~AllocatesAtEnd() { acquire_and_release(); }
};
NOT_INLINED void throws()
{
    AllocatesAtEnd inner;
    acquire_and_release();
    throw std::runtime_error(std::string(50, 'x')); // allocates, in the C++ library
}
NOT_INLINED void rethrows()
{
    AllocatesAtEnd outer;
    try {
        descend(3, throws);
    } catch (const std::exception &) {
        acquire_and_release();
        throw;
    }
}
int exceptions()
{
    int caught = 0;
    for (int i = 0; i < 600; i++) {
        try {
            descend(static_cast<int>(chance(15)), i % 2 == 0 ? throws : rethrows);
        } catch (const std::runtime_error &) {
            caught++;
            acquire_and_release();
        }
        try {
            std::exception_ptr kept_exception;
            try {
                rethrows();
            } catch (...) {
                kept_exception = std::current_exception();
            }
            std::rethrow_exception(kept_exception);
        } catch (const std::exception &) {
            acquire_and_release();
        }
    }
    return caught;
}

// ---- longjmp ---------------------------------------------------------------------------------------------------------

jmp_buf out;
sigjmp_buf out_of_handler;

NOT_INLINED void leap()
{
    if (setjmp(out) == 0)
        descend(static_cast<int>(chance(25)), [] {
            acquire_and_release();
            longjmp(out, 1);
        });
    acquire_and_release();
}
int leaps()
{
    for (int i = 0; i < 2000; i++)
        leap();
    return 2000;
}

// ---- signal handlers -------------------------------------------------------------------------------------------------

volatile sig_atomic_t handled, leave_by_longjmp, may_leave;

void on_raised(int)
{
    handled = handled + 1;
    acquire_and_release(); // it was raised, and interrupts no allocator
    if (leave_by_longjmp)
        siglongjmp(out_of_handler, 1);
}
void on_timer(int)
{
    handled = handled + 1;
    const Random before = chance;
    descend(static_cast<int>(chance(5)), acquire_and_release_safely);
    chance = before;
    if (may_leave && handled % 3 == 0)
        siglongjmp(out_of_handler, 1);
}
void handle(int signal, void (*handler)(int), int flags)
{
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    must(sigaction(signal, &action, nullptr) == 0, "sigaction");
}

NOT_INLINED void raise_within()
{
    if (sigsetjmp(out_of_handler, 1) == 0)
        descend(static_cast<int>(chance(12)), [] { raise(SIGUSR1); });
    acquire_and_release();
}
int handlers()
{
    static char room[256 * 1024];
    stack_t alternate{};
    alternate.ss_sp = room;
    alternate.ss_size = sizeof room;
    must(sigaltstack(&alternate, nullptr) == 0, "sigaltstack");
    handled = 0;
    for (int i = 0; i < 1500; i++) {
        handle(SIGUSR1, on_raised, (i & 1) != 0 ? SA_ONSTACK : 0);
        leave_by_longjmp = (i & 2) != 0;
        raise_within();
    }
    return handled;
}

/// The signals come at any time, into the recorder and the unwinder too, and some handlers are left by siglongjmp: what
/// they interrupt here may be interrupted so.
/// Once, soon: a timer that goes on by itself can be quicker than its handler, and then nothing else runs.
void set_timer()
{
    itimerval soon{};
    soon.it_value.tv_usec = static_cast<int>(100 + chance(600));
    setitimer(ITIMER_REAL, &soon, nullptr);
}
NOT_INLINED void be_interrupted()
{
    if (sigsetjmp(out_of_handler, 1) == 0) {
        may_leave = 1;
        descend(static_cast<int>(chance(12)), acquire_and_release_safely);
    }
    may_leave = 0;
}
int timers()
{
    handled = 0;
    for (int round = 1; round <= 2; round++) {
        handle(SIGALRM, on_timer, round == 1 ? SA_ONSTACK : 0);
        while (handled < 250 * round) {
            const int before = handled;
            set_timer();
            while (handled == before)
                be_interrupted();
        }
        const itimerval never{};
        setitimer(ITIMER_REAL, &never, nullptr);
        handle(SIGALRM, SIG_IGN, 0);
        for (int fd = 3; fd < 1024; fd++) // a handler that was left between dup and close
            close(fd);
    }
    return handled;
}

// ---- code that comes and goes ----------------------------------------------------------------------------------------

int libraries()
{
    int same_place = 0;
    void *before = nullptr;
    for (int i = 0; i < 120; i++) {
        void *library = dlopen(i % 2 == 0 ? PLUGIN_SMALL : PLUGIN_LARGE, RTLD_NOW);
        must(library != nullptr, "dlopen");
        const auto through = reinterpret_cast<void (*)(int, void (*)())>(dlsym(library, "through_library"));
        must(through != nullptr, "dlsym");
        same_place += reinterpret_cast<void *>(through) == before;
        before = reinterpret_cast<void *>(through);
        for (int n = 0; n < 6; n++)
            through(n, acquire_and_release);
        dlclose(library);
        acquire_and_release();
    }
    return same_place;
}

#if defined(__x86_64__)
// Frames that nothing can be known of, and frames whose tables are beyond the rules.
extern "C" void bare_frame(void (*)());
extern "C" void frame_by_rbx(void (*)());
extern "C" void frame_by_expression(void (*)());
__asm__(R"(
    .text
    .type bare_frame, @function
bare_frame:
    sub $40, %rsp
    call *%rdi
    add $40, %rsp
    ret
    .size bare_frame, . - bare_frame
    .type frame_by_rbx, @function
frame_by_rbx:
    .cfi_startproc
    push %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset %rbx, -16
    mov %rsp, %rbx
    .cfi_def_cfa %rbx, 16
    sub $48, %rsp
    call *%rdi
    mov %rbx, %rsp
    .cfi_def_cfa %rsp, 16
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size frame_by_rbx, . - frame_by_rbx
    .type frame_by_expression, @function
frame_by_expression:
    .cfi_startproc
    sub $24, %rsp
    .cfi_escape 0x0f, 0x04, 0x77, 0x08, 0x23, 0x18 # CFA = rsp + 8 + 24
    call *%rdi
    add $24, %rsp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size frame_by_expression, . - frame_by_expression
)");
std::vector<int> descriptors()
{
    std::vector<int> open;
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            open.push_back(fd);
    return open;
}
int odd_frames()
{
    const std::vector<int> before = descriptors();
    // sub $24,%rsp; call *%rdi; add $24,%rsp; ret: as a compiler at run time leaves it
    static const unsigned char code[] = {0x48, 0x83, 0xec, 0x18, 0xff, 0xd7, 0x48, 0x83, 0xc4, 0x18, 0xc3};
    void *generated = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    must(generated != MAP_FAILED, "mmap");
    memcpy(generated, code, sizeof code);
    must(mprotect(generated, 4096, PROT_READ | PROT_EXEC) == 0, "mprotect");
    for (int i = 0; i < 400; i++) {
        const auto inside = [] { descend(static_cast<int>(chance(4)), acquire_and_release); };
        bare_frame(inside);
        frame_by_rbx(inside);
        frame_by_expression(inside);
        reinterpret_cast<void (*)(void (*)())>(generated)(inside);
        acquire_and_release();
    }
    munmap(generated, 4096);
    must(descriptors() == before, "the general unwinder has left a descriptor open");
    return 1600;
}
#endif

// ---- stacks of one's own ---------------------------------------------------------------------------------------------

constexpr size_t stack_size = 256 * 1024;
struct Coroutine {
    ucontext_t context{};
    char *stack = nullptr;
    bool running = false, ended = false;
};
ucontext_t scheduler;
Coroutine *current;

void yield()
{
    acquire_and_release();
    swapcontext(&current->context, &scheduler);
    acquire_and_release();
}
void run_coroutine()
{
    for (int i = 0; i < 12; i++)
        descend(static_cast<int>(chance(10)), yield);
    current->ended = true;
    swapcontext(&current->context, &scheduler);
}
int coroutines()
{
    static int ended;
    std::vector<Coroutine> all(8);
    while (ended < 150) {
        Coroutine &next = all[chance(static_cast<uint32_t>(all.size()))];
        if (!next.running) {
            next.stack = static_cast<char *>(
                mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
            must(next.stack != MAP_FAILED && getcontext(&next.context) == 0, "a stack for a coroutine");
            next.context.uc_stack.ss_sp = next.stack;
            next.context.uc_stack.ss_size = stack_size;
            next.context.uc_link = nullptr;
            makecontext(&next.context, run_coroutine, 0);
            next.running = true;
        }
        current = &next;
        swapcontext(&scheduler, &next.context);
        if (next.ended) {
            munmap(next.stack, stack_size);
            next = {};
            ended++;
        }
        acquire_and_release();
    }
    for (Coroutine &one : all)
        if (one.running)
            munmap(one.stack, stack_size);
    return ended;
}

void *until_cancelled(void *)
{
    pthread_cleanup_push([](void *) { acquire_and_release(); }, nullptr);
    descend(6, [] {
        acquire_and_release();
        for (;;)
            pause();
    });
    pthread_cleanup_pop(0);
    return nullptr;
}
int threads()
{
    for (uint32_t round = 0; round < 6; round++) {
        std::vector<std::thread> all;
        for (uint32_t i = 0; i < 6; i++)
            all.emplace_back([i, round] {
                chance.state = i * 1000 + round;
                for (int n = 0; n < 150; n++)
                    descend(static_cast<int>(chance(16)), acquire_and_release);
            });
        for (std::thread &thread : all)
            thread.join();
        pthread_t cancelled;
        must(pthread_create(&cancelled, nullptr, until_cancelled, nullptr) == 0, "pthread_create");
        pthread_cancel(cancelled);
        pthread_join(cancelled, nullptr);
    }
    return 36;
}

int children()
{
    for (int i = 0; i < 5; i++) {
        const pid_t child = fork();
        if (child == 0) {
            for (int n = 0; n < 100; n++)
                descend(static_cast<int>(chance(12)), acquire_and_release);
            _exit(7);
        }
        int status = 0;
        must(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7, "a child");
    }
    return 5;
}

} // namespace

/// Arguments: the parts to do; none: all.
int main(int argc, char **argv)
{
    static constexpr struct {
        const char *name;
        int (*run)();
    } parts[] = {
        {"near and far", from_near_and_far},
        {"exceptions", exceptions},
        {"leaps", leaps},
        {"handlers", handlers},
        {"libraries", libraries},
#if defined(__x86_64__)
        {"odd frames", odd_frames},
#endif
        {"coroutines", coroutines},
        {"threads", threads},
        {"children", children},
        {"timers", timers},
    };
    for (const auto &part : parts) {
        if (argc > 1 &&
            std::none_of(argv + 1, argv + argc, [&](const char *a) { return strcmp(a, part.name) == 0; }))
            continue;
        chance.state = 1;
        printf("%s: %d\n", part.name, part.run());
        fflush(stdout);
    }
}
