// The walk by cached rules against LLVM's libunwind, on frames of every kind this processor has.
#include "walk.h"

#include <alloca.h>
#include <catch2/catch.hpp>
#include <csetjmp>
#include <csignal>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <stdexcept>
#include <thread>
#include <ucontext.h>
#include <vector>

using namespace unpaired;

namespace {

struct Both {
    Stack rules, general;
    uint64_t hash =
        0;       // by what the thread remembers of its last stack, whichever test that was, or all of any
    Stack again; // from what the thread remembers of its last stack, whichever test that was
};
thread_local LastStack last;

// Stands where a hook stands: its caller is where both walks begin.
__attribute__((noinline)) void walk_both(Both &both)
{
    const Caller caller = UNPAIRED_CALLER();
    walk_stack(caller, both.rules);
    walk_with_libunwind(caller, both.general);
    both.hash = hash_stack(caller, last);
    stack_of(caller, last, both.again);
}

std::vector<uint64_t> frames(const Stack &stack) { return {stack.pc, stack.pc + stack.depth}; }

void require_equal(const Both &both, unsigned at_least)
{
    REQUIRE(both.rules.depth >= at_least);
    REQUIRE(frames(both.rules) == frames(both.general));
    REQUIRE(frames(both.again) == frames(both.rules));
    REQUIRE(both.hash == hash_of(both.rules));
}

thread_local volatile int sink;

__attribute__((noinline)) void recurse(int depth, const std::function<void()> &leaf)
{
    if (depth == 0)
        leaf();
    else
        recurse(depth - 1, leaf);
    sink = depth;
}

__attribute__((noinline)) void with_alloca(size_t bytes, const std::function<void()> &leaf)
{
    auto *room = static_cast<volatile char *>(alloca(bytes));
    room[bytes - 1] = 1;
    leaf();
    sink = static_cast<unsigned char>(room[0]);
}

// A local of 64-byte alignment makes the compiler realign the stack.
__attribute__((noinline)) void realigned(const std::function<void()> &leaf)
{
    alignas(64) volatile char room[128];
    room[0] = 1;
    leaf();
    sink = room[0] + static_cast<int>(reinterpret_cast<uintptr_t>(room) % 64);
}

// ... and with alloca on top it keeps the old stack pointer in a register of its own.
__attribute__((noinline)) void realigned_with_alloca(size_t bytes, const std::function<void()> &leaf)
{
    alignas(64) volatile char room[64];
    auto *more = static_cast<volatile char *>(alloca(bytes));
    room[0] = 1;
    more[0] = 1;
    leaf();
    sink = room[0] + more[0];
}

struct Thrower {
    std::function<void()> leaf;
    ~Thrower() { leaf(); } // runs while the exception unwinds
};
__attribute__((noinline)) void throws(const std::function<void()> &leaf)
{
    Thrower thrower{leaf};
    throw std::runtime_error("for the walk");
}

int compare(const void *, const void *);
const std::function<void()> *at_compare;
int compare(const void *a, const void *b)
{
    (*at_compare)();
    return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}

Both in_handler;
void on_signal(int) { walk_both(in_handler); }

ucontext_t main_context, other_context;
Both in_context;
void context_entry()
{
    recurse(5, [] { walk_both(in_context); });
    swapcontext(&other_context, &main_context);
}

} // namespace

TEST_CASE("the rules give the same stack as the general unwinder at any depth")
{
    for (const int depth : {0, 1, 7, 40, 100}) {
        Both both;
        recurse(depth, [&] { walk_both(both); });
        require_equal(both, static_cast<unsigned>(depth < 50 ? depth : UNPAIRED_MAX_DEPTH - 2));
    }
}

TEST_CASE("a stack deeper than what is kept keeps its innermost frames")
{
    Both both;
    recurse(200, [&] { walk_both(both); });
    CHECK(both.rules.depth == UNPAIRED_MAX_DEPTH);
    CHECK(frames(both.again) == frames(both.rules));
}

TEST_CASE("frames with alloca and realigned frames are walked")
{
    Both both;
    with_alloca(1000, [&] { realigned([&] { realigned_with_alloca(333, [&] { walk_both(both); }); }); });
    require_equal(both, 6);
}

TEST_CASE("a destructor that runs during unwinding sees the frames below it")
{
    Both both;
    try {
        recurse(3, [&] { throws([&] { walk_both(both); }); });
        FAIL("nothing was thrown");
    } catch (const std::runtime_error &) {
    }
    require_equal(both, 5);
}

TEST_CASE("a callback of the C library's qsort is walked through the library")
{
    Both both;
    const std::function<void()> leaf = [&] { walk_both(both); };
    at_compare = &leaf;
    int numbers[] = {3, 1, 2};
    qsort(numbers, 3, sizeof numbers[0], compare);
    require_equal(both, 4);
}

TEST_CASE("a signal handler's stack goes on in the code that was interrupted")
{
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = on_signal;
    REQUIRE(sigaction(SIGUSR1, &action, &before) == 0);
    raise(SIGUSR1);
    require_equal(in_handler, 6);
    sigaction(SIGUSR1, &before, nullptr);
}

TEST_CASE("a handler on an alternate stack is walked back to the ordinary one")
{
    static char room[64 * 1024];
    stack_t alternate{};
    alternate.ss_sp = room;
    alternate.ss_size = sizeof room;
    stack_t before{};
    REQUIRE(sigaltstack(&alternate, &before) == 0);
    struct sigaction action {};
    struct sigaction old {};
    action.sa_handler = on_signal;
    action.sa_flags = SA_ONSTACK;
    REQUIRE(sigaction(SIGUSR1, &action, &old) == 0);
    raise(SIGUSR1);
    require_equal(in_handler, 6);
    sigaction(SIGUSR1, &old, nullptr);
    sigaltstack(&before, nullptr);
}

TEST_CASE("a walk after longjmp is of the stack that is left")
{
    static jmp_buf out;
    Both before, after;
    if (setjmp(out) == 0)
        recurse(20, [&] {
            walk_both(before);
            longjmp(out, 1);
        });
    walk_both(after);
    require_equal(before, 20);
    require_equal(after, 3);
    CHECK(after.rules.depth < before.rules.depth);
}

TEST_CASE("a stack made by makecontext ends where it began")
{
    static char room[256 * 1024];
    REQUIRE(getcontext(&other_context) == 0);
    other_context.uc_stack.ss_sp = room;
    other_context.uc_stack.ss_size = sizeof room;
    other_context.uc_link = nullptr;
    makecontext(&other_context, context_entry, 0);
    REQUIRE(swapcontext(&main_context, &other_context) == 0);
    // The outermost return address is the C library's __start_context, at which no unwind table applies.
    require_equal(in_context, 7);
}

TEST_CASE("each thread walks its own stack while others do")
{
    std::vector<Both> results(8);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < results.size(); i++)
        threads.emplace_back([&results, i] {
            for (int round = 0; round < 200; round++)
                recurse(static_cast<int>(i) * 5, [&] { walk_both(results[i]); });
        });
    for (std::thread &thread : threads)
        thread.join();
    for (size_t i = 0; i < results.size(); i++)
        require_equal(results[i], static_cast<unsigned>(i) * 5);
}

TEST_CASE("forgetting the rules changes nothing but the time of the next walk")
{
    Both before, after;
    for (Both *both : {&before, &after}) {
        recurse(10, [&] { walk_both(*both); });
        forget_unwind_rules();
    }
    require_equal(before, 10);
    CHECK(frames(before.rules) == frames(after.rules));
}

namespace {
Both in_plugin;

/// Where its code is.
void *walk_through_plugin(const char *path)
{
    void *plugin = dlopen(path, RTLD_NOW);
    REQUIRE(plugin != nullptr);
    auto *const through = reinterpret_cast<void (*)(int, void (*)())>(dlsym(plugin, "through_library"));
    REQUIRE(through != nullptr);
    through(3, [] { walk_both(in_plugin); });
    dlclose(plugin);
    return reinterpret_cast<void *>(through);
}
} // namespace

TEST_CASE("code that comes to lie where other code was, without a call that a hook sees, is walked by its "
          "own rules")
{
    // given that nobody tells of dlopen and dlclose here, as when iconv() loads its modules
    forget_unwind_rules();
    const auto *const first = static_cast<const char *>(walk_through_plugin(PLUGIN_1));
    require_equal(in_plugin, 5);
    // when another library takes its place
    const uint32_t before = load(unwind_generation);
    const auto *const second = static_cast<const char *>(walk_through_plugin(PLUGIN_2));
    const ptrdiff_t apart = second - first;
    if (apart < -4096 || apart > 4096)
        FAIL("the loader put the second library " << apart << " bytes away: nothing was replaced");
    // then what was known of the first is forgotten, and both are walked rightly
    CHECK(load(unwind_generation) != before);
    require_equal(in_plugin, 5);
}

TEST_CASE("an address where there is no code ends the walk")
{
    const cfi::Rule rule = cfi::read_rule(reinterpret_cast<uint64_t>(&main_context));
    CHECK(rule.kind == cfi::Kind::no_code);
}

TEST_CASE("a program of any size keeps its rules: the table grows with the code that is walked")
{
    // given more return addresses than the first table has room for; clang's own have twice as many
    constexpr uint64_t many = 60000;
    const auto code = reinterpret_cast<uint64_t>(&recurse);
    forget_unwind_rules();
    // when each is asked for once
    for (uint64_t i = 0; i < many; i++)
        rule_at(code + i);
    // then none has to be read a second time
    CHECK(unwind_rules_kept() == many);
    const uint32_t before = unwind_rules_kept();
    for (uint64_t i = 0; i < many; i++)
        rule_at(code + i);
    CHECK(unwind_rules_kept() == before);
    forget_unwind_rules();
}

#if defined(__x86_64__)
// ---- where the general unwinder needs help ---------------------------------------------------------------------------

extern "C" void unpaired_test_traps_at_once();
extern "C" void unpaired_test_traps_after_push();
extern "C" void unpaired_test_beyond_libunwind(void (*)());
__asm__(R"(
    .text
    .type unpaired_test_before, @function
unpaired_test_before: # whose last byte is the one before: with none there LLVM's libunwind is past help
    .cfi_startproc
    ret
    .cfi_endproc
    .size unpaired_test_before, . - unpaired_test_before
    .type unpaired_test_traps_at_once, @function
unpaired_test_traps_at_once:
    .cfi_startproc
    ud2
    ret
    .cfi_endproc
    .size unpaired_test_traps_at_once, . - unpaired_test_traps_at_once
    .type unpaired_test_traps_after_push, @function
unpaired_test_traps_after_push:
    .cfi_startproc
    push %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset %rbx, -16
    ud2
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size unpaired_test_traps_after_push, . - unpaired_test_traps_after_push
    .type unpaired_test_beyond_libunwind, @function
unpaired_test_beyond_libunwind:
    .cfi_startproc
    sub $24, %rsp
    .cfi_escape 0x0f, 0x05, 0x77, 0x08, 0x23, 0x18, 0x96 # CFA = rsp + 8 + 24, and DW_OP_nop
    call *%rdi
    add $24, %rsp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_endproc
    .size unpaired_test_beyond_libunwind, . - unpaired_test_beyond_libunwind
)");

namespace {

/// Steps over the ud2 that was met.
void on_trap(int, siginfo_t *, void *context)
{
    walk_both(in_handler);
    static_cast<ucontext_t *>(context)->uc_mcontext.gregs[REG_RIP] += 2;
}

Both at_leaf;
void leaf_of_odd_frame() { walk_both(at_leaf); }

} // namespace

TEST_CASE("a frame that a signal interrupts between two rows of its table is stepped from by the right one, "
          "both ways")
{
    struct sigaction action {};
    struct sigaction before {};
    action.sa_sigaction = on_trap;
    action.sa_flags = SA_SIGINFO;
    REQUIRE(sigaction(SIGILL, &action, &before) == 0);
    for (const auto function : {unpaired_test_traps_at_once, unpaired_test_traps_after_push}) {
        recurse(5, function);
        require_equal(in_handler, 10);
    }
    sigaction(SIGILL, &before, nullptr);
}

TEST_CASE("a table that the general unwinder would abort at ends the walk before it")
{
    // given a frame whose CFA is an expression with an operation that LLVM's libunwind does not know
    // when it is walked
    unpaired_test_beyond_libunwind(leaf_of_odd_frame);
    // then nothing is aborted, and the walk ends at that frame
    CHECK(at_leaf.rules.depth == 2);
    CHECK(frames(at_leaf.general) == frames(at_leaf.rules));
    CHECK(frames(at_leaf.again) == frames(at_leaf.rules));
}
#endif

// ---- stacks that jump about ------------------------------------------------------------------------------------------

namespace {

const std::vector<int> *path;
const std::function<void()> *at_end;

// One of several ways down, chosen by the path: with bp frames, with alloca of several sizes, and without either.
__attribute__((noinline)) void go_down(size_t at);
__attribute__((noinline)) void plainly(size_t at)
{
    go_down(at + 1);
    sink = static_cast<int>(at);
}
__attribute__((noinline)) void with_room(size_t at, size_t bytes)
{
    auto *room = static_cast<volatile char *>(alloca(bytes));
    room[0] = 1;
    go_down(at + 1);
    sink = static_cast<unsigned char>(room[0]);
}
__attribute__((noinline)) void with_frame_pointer(size_t at)
{
    sink = __builtin_frame_address(0) != nullptr; // to ask for it is to have one
    go_down(at + 1);
    sink = static_cast<int>(at) + 1;
}
__attribute__((noinline)) void go_down(size_t at)
{
    if (at == path->size()) {
        (*at_end)();
        return;
    }
    switch ((*path)[at]) {
    case 0:
        plainly(at);
        break;
    case 1:
        with_room(at, 24);
        break;
    case 2:
        with_room(at, 600);
        break;
    case 3:
        realigned([at] { go_down(at + 1); });
        break;
    default:
        with_frame_pointer(at);
        break;
    }
    sink = 1;
}

} // namespace

TEST_CASE("stacks that jump about at random are told as a whole walk tells them, each time")
{
    // given a thread whose own stack is known, and many paths that part at any depth, taken in no order, again and again
    process.stack_end =
        reinterpret_cast<uint64_t>(*static_cast<void **>(dlsym(RTLD_DEFAULT, "__libc_stack_end")));
    std::vector<std::vector<int>> paths;
    uint32_t state = 12345;
    const auto random = [&state](uint32_t below) {
        state = state * 1664525 + 1013904223;
        return (state >> 8) % below;
    };
    for (int i = 0; i < 150; i++) {
        std::vector<int> one(4 + random(12));
        for (int &step : one)
            step = static_cast<int>(random(i % 3 == 0 ? 5 : 3));
        if (i % 2 == 1) // shares its outer part with the one before
            std::copy_n(paths.back().begin(), std::min(paths.back().size(), one.size()) / 2, one.begin());
        paths.push_back(one);
    }
    unsigned wrong = 0, found = 0;
    for (int round = 0; round < 20000; round++) {
        path = &paths[random(static_cast<uint32_t>(paths.size()))];
        const std::function<void()> leaf = [&] {
            // when the hash is asked for alone, as an event does, and the frames only now and then
            Stack whole, again;
            const Caller caller = UNPAIRED_CALLER();
            walk_stack(caller, whole);
            wrong += hash_stack(caller, last) != hash_of(whole);
            found += last.skipped;
            if (round % 7 == 0) {
                stack_of(caller, last, again);
                wrong += frames(again) != frames(whole);
            }
        };
        at_end = &leaf;
        go_down(0);
    }
    // then none differs from the walk, and most were found by what was met before
    CHECK(wrong == 0);
    CHECK(found > 10000);
}
