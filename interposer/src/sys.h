// System calls without libc: no errno, no cancellation point, no hook of ours in between, usable before libc is
// initialised and in signal handlers. A negative result is −errno, as the kernel gives it (syscall(2)).
#pragma once

#include <cstddef>
#include <cstdint>
#include <sys/syscall.h>

namespace unpaired::sys {

/// Makes a system call that the program itself requested, or that ends the program. All others go through call().
#if defined(__x86_64__)
inline long of_program(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
inline long of_program(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#else
#error "unpaired's interposer knows the system calls of x86-64 and aarch64"
#endif

/// Above 0: the program filters its system calls (seccomp(2)), and a call that it does not make itself may kill it
/// (seal.h).
inline uint32_t seals;
/// Number of the recorder's system calls in progress, in all threads. seal() waits for them.
inline uint32_t calls_under_way;
constexpr long not_permitted = -1; // −EPERM

inline bool sealed() { return __builtin_expect(__atomic_load_n(&seals, __ATOMIC_SEQ_CST) != 0, 0); }

/// Makes a system call of the recorder. Returns −EPERM without a call while the program filters its system calls.
inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0, long f = 0)
{
    __atomic_fetch_add(&calls_under_way, 1u, __ATOMIC_SEQ_CST);
    const long result = sealed() ? not_permitted : of_program(number, a, b, c, d, e, f);
    __atomic_fetch_sub(&calls_under_way, 1u, __ATOMIC_SEQ_CST);
    return result;
}

/// Returns the address of the calling thread's data in the C library, if its thread-local storage is its own (x86-64
/// psABI, thread-local storage: the word at %fs:0 contains its own address).
inline uint64_t register_thread_pointer()
{
    uint64_t at;
#if defined(__x86_64__)
    __asm__("mov %%fs:0, %0" : "=r"(at));
#else
    __asm__("mrs %0, tpidr_el0" : "=r"(at));
#endif
    return at;
}

/// Above 0: some code may run with thread-local storage that is not its own (careful.h).
inline uint32_t storages_in_doubt;
uint64_t careful_thread_pointer();

/// Returns an address that differs for each thread. It lies at the outer end of the stacks that the C library makes.
inline uint64_t thread_pointer()
{
    if (__builtin_expect(__atomic_load_n(&storages_in_doubt, __ATOMIC_RELAXED) != 0, 0))
        return careful_thread_pointer();
    return register_thread_pointer();
}

inline long of(const void *pointer) { return reinterpret_cast<long>(pointer); }

/// Returns the process's number, or −1 while the program filters its system calls.
inline int getpid() { return static_cast<int>(call(SYS_getpid)); }
inline int gettid() { return static_cast<int>(call(SYS_gettid)); }

/// Returns anonymous private memory, zeroed, or nullptr. The kernel rounds `bytes` up. While the program filters its
/// system calls, the memory comes from the reserve of seal().
void *anonymous(size_t bytes);

} // namespace unpaired::sys
