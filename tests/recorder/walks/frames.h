// Frames of every kind a compiler makes, one in the other, in an order that chance decides; and what is done at the end of
// such a stack.
#pragma once

#include <alloca.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <unistd.h>

#define NOT_INLINED __attribute__((noinline))

namespace {

volatile int sink;

struct Random {
    uint32_t state;
    uint32_t operator()(uint32_t below)
    {
        state = state * 1664525 + 1013904223;
        return (state >> 8) % below;
    }
};
thread_local Random chance{1};

void *volatile kept;
NOT_INLINED void acquire_and_release()
{
    kept = malloc(1 + chance(100));
    free(kept);
}
/// As much as a signal handler may do.
NOT_INLINED void acquire_and_release_safely()
{
    const int fd = dup(0);
    close(fd);
}

void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "every_way_program: %s\n", what);
    abort();
}

using Leaf = void (*)();
NOT_INLINED void descend(int depth, Leaf leaf);

NOT_INLINED void plainly(int depth, Leaf leaf)
{
    descend(depth - 1, leaf);
    sink = depth;
}
NOT_INLINED void with_saved_registers(int depth, Leaf leaf)
{
    const int a = sink, b = a * 3, c = b + depth, d = c ^ a, e = d * b;
    descend(depth - 1, leaf);
    sink = a + b + c + d + e;
}
NOT_INLINED void with_alloca(int depth, Leaf leaf)
{
    auto *room = static_cast<volatile char *>(alloca(16 + chance(2000)));
    room[0] = 1;
    descend(depth - 1, leaf);
    sink = static_cast<unsigned char>(room[0]);
}
NOT_INLINED void with_array_of_variable_length(int depth, Leaf leaf)
{
    const size_t bytes = 8 + chance(300);
    __extension__ volatile char room[bytes];
    room[0] = 1;
    descend(depth - 1, leaf);
    sink = static_cast<unsigned char>(room[0]);
}
NOT_INLINED void realigned(int depth, Leaf leaf)
{
    alignas(64) volatile char room[128];
    room[0] = 1;
    descend(depth - 1, leaf);
    sink = room[0] + static_cast<int>(reinterpret_cast<uintptr_t>(room) % 64);
}
#if defined(__x86_64__)
using Avx __attribute__((vector_size(32))) = double;
__attribute__((noinline, target("avx"))) void with_avx(int depth, Leaf leaf)
{
    volatile Avx spilled = {1.0, 2.0, 3.0, static_cast<double>(depth)};
    auto *room = static_cast<volatile char *>(alloca(16 + chance(100)));
    room[0] = 1;
    descend(depth - 1, leaf);
    sink = static_cast<int>(spilled[3]) + room[0];
}
NOT_INLINED void with_vectors(int depth, Leaf leaf)
{
    if (__builtin_cpu_supports("avx"))
        with_avx(depth, leaf);
    else
        plainly(depth, leaf);
    sink = 1;
}
#else
void with_vectors(int depth, Leaf leaf) { plainly(depth, leaf); }
#endif
__attribute__((noinline, optimize("no-omit-frame-pointer"))) void with_frame_pointer(int depth, Leaf leaf)
{
    descend(depth - 1, leaf);
    sink = depth + 1;
}
struct Sorted {
    int depth;
    Leaf leaf;
};
thread_local Sorted sorted;
int compare_numbers(const void *a, const void *b)
{
    const Sorted now = sorted;
    if (now.depth > 0) {
        sorted.depth = 0; // once
        descend(now.depth, now.leaf);
    }
    return *static_cast<const int *>(a) - *static_cast<const int *>(b);
}
NOT_INLINED void through_the_c_library(int depth, Leaf leaf)
{
    int numbers[] = {2, 1};
    if (depth < 2)
        return descend(0, leaf);
    sorted = {depth - 1, leaf};
    qsort(numbers, 2, sizeof numbers[0], compare_numbers);
    sink = numbers[0];
}
bool some_ways; ///< the path memo keeps no path with a realigned frame
NOT_INLINED void descend(int depth, Leaf leaf)
{
    if (depth <= 0) {
        leaf();
        sink = 2;
        return;
    }
    static constexpr void (*ways[])(int, Leaf) = {
        plainly,
        with_saved_registers,
        with_alloca,
        with_array_of_variable_length,
        with_frame_pointer,
        realigned,
        with_vectors,
        through_the_c_library,
    };
    ways[chance(some_ways ? 5 : std::size(ways))](depth, leaf);
    sink = 3;
}

} // namespace
