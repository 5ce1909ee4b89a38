// Passes an address that no allocator returned, or that was released before, to one of the functions of the heap. The
// C library decides the outcome: a message and SIGABRT, SIGSEGV, or success.
//   releases_program CALL ADDRESS [thread | handler]      releases_program --list
// thread: in a thread, whose blocks come from an arena of its own. handler: a handler of SIGSEGV prints where the fault was.
#include <alloca.h>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" void *reallocarray(void *, size_t, size_t) noexcept;

namespace {

constexpr size_t page = 4096;
alignas(16) char fixed_storage[4 * page];
alignas(16) char storage_of_zeros[page];
const char text[] = "a string literal that is long enough for a pointer to its middle";

/// A block filled with `word`, so that the word before an address in its middle is a wild size.
char *block_of(uint64_t word, size_t size = 4096)
{
    char *block = static_cast<char *>(malloc(size));
    for (size_t at = 0; at + 8 <= size; at += 8)
        memcpy(block + at, &word, 8);
    return block;
}

/// A page between two unreadable ones.
char *page_before_nothing()
{
    char *pages =
        static_cast<char *>(mmap(nullptr, 32 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(pages + page, page, PROT_READ | PROT_WRITE);
    return pages + page;
}

char *fake_chunk(char *at, uint64_t word)
{
    memcpy(at - 8, &word, 8);
    return at;
}

struct Address {
    const char *name;
    void *(*make)(char *stack);
};

char *released(size_t size)
{
    char *block = static_cast<char *>(malloc(size));
    free(block);
    return block;
}

const Address addresses[] = {
    {"stack", [](char *stack) -> void * { return stack + 64; }},
    {"stack_odd", [](char *stack) -> void * { return stack + 67; }},
    {"static", [](char *) -> void * { return fixed_storage + page; }},
    {"static_zeros", [](char *) -> void * { return storage_of_zeros + 64; }},
    {"static_start", [](char *) -> void * { return fixed_storage; }},
    {"literal", [](char *) -> void * { return const_cast<char *>(text + 16); }},
    {"code", [](char *) -> void * { return reinterpret_cast<void *>(&page_before_nothing); }},
    {"middle", [](char *) -> void * { return block_of(0x4141414141414141) + 64; }},
    {"middle_odd", [](char *) -> void * { return block_of(0x4141414141414141) + 67; }},
    {"middle_zero", [](char *) -> void * { return block_of(0) + 64; }},
    {"middle_ones", [](char *) -> void * { return block_of(UINT64_MAX) + 64; }},
    {"middle_negative", [](char *) -> void * { return block_of(uint64_t{0} - 4096) + 2048; }},
    {"middle_mapped", [](char *) -> void * { return block_of(0x100000 | 2) + 64; }},
    {"middle_small", [](char *) -> void * { return block_of(0x21) + 64; }},
    {"middle_far", [](char *) -> void * { return block_of(0x40000001) + 64; }},
    {"middle_next_page", [](char *) -> void * { return block_of(0x1001, 40960) + 1024; }},
    {"middle_other_arena", [](char *) -> void * { return block_of(0x2005) + 64; }},
    {"second_byte", [](char *) -> void * { return static_cast<char *>(malloc(100)) + 1; }},
    {"one_past", [](char *) -> void * { return static_cast<char *>(malloc(104)) + 104; }},
    {"mapped_page", [](char *) -> void * { return page_before_nothing(); }},
    {"mapped_inside", [](char *) -> void * { return page_before_nothing() + 64; }},
    {"end_of_map", [](char *) -> void * { return fake_chunk(page_before_nothing() + page - 64, 0x1001); }},
    {"end_of_map_small",
     [](char *) -> void * { return fake_chunk(page_before_nothing() + page - 16, 0x41); }},
    {"end_of_map_odd", [](char *) -> void * { return fake_chunk(page_before_nothing() + page - 13, 0x41); }},
    {"just_past_map", [](char *) -> void * { return fake_chunk(page_before_nothing() + page, 0x2001); }},
    {"unmapped", [](char *) -> void * { return reinterpret_cast<void *>(uintptr_t{0x700000001000}); }},
    {"null_page", [](char *) -> void * { return reinterpret_cast<void *>(uintptr_t{16}); }},
    {"one", [](char *) -> void * { return reinterpret_cast<void *>(uintptr_t{1}); }},
    {"all_ones", [](char *) -> void * { return reinterpret_cast<void *>(~uintptr_t{0}); }},
    {"not_canonical",
     [](char *) -> void * { return reinterpret_cast<void *>(uintptr_t{0x4141414141414141}); }},
    {"placement_new", [](char *stack) -> void * { return new (stack + 32) char[16]; }},
    {"alloca", [](char *) -> void * { return nullptr; }}, // made in act()
    {"twice_small", [](char *) -> void * { return released(24); }},
    {"twice_medium", [](char *) -> void * { return released(600); }},
    {"twice_merged", [](char *) -> void * { return released(4096); }},
    {"twice_large", [](char *) -> void * { return released(100000); }},
    {"twice_unmapped", [](char *) -> void * { return released(1 << 20); }},
    {"after_overrun",
     [](char *) -> void * {
         char *first = static_cast<char *>(malloc(40)), *second = static_cast<char *>(malloc(40));
         memset(first, 'A', static_cast<size_t>(second - first));
         return second;
     }},
};

size_t kept;

struct Call {
    const char *name;
    void (*make)(void *address);
};
const Call calls[] = {
    {"free", [](void *at) { free(at); }},
    {"realloc", [](void *at) { kept = reinterpret_cast<size_t>(realloc(at, 200)); }},
    {"realloc_0", [](void *at) { kept = reinterpret_cast<size_t>(realloc(at, 0)); }},
    {"reallocarray", [](void *at) { kept = reinterpret_cast<size_t>(reallocarray(at, 20, 10)); }},
    {"usable_size", [](void *at) { kept = malloc_usable_size(at); }},
    {"delete", [](void *at) { ::operator delete(at); }},
    {"delete_array", [](void *at) { ::operator delete[](at); }},
    {"delete_sized", [](void *at) { ::operator delete (at, size_t{100}); }},
    {"delete_aligned", [](void *at) { ::operator delete (at, std::align_val_t{64}); }},
    {"delete_sized_aligned", [](void *at) { ::operator delete[](at, size_t{100}, std::align_val_t{64}); }},
    {"delete_nothrow", [](void *at) { ::operator delete(at, std::nothrow); }},
};

template <class Entry, size_t n> const Entry *find(const Entry (&entries)[n], const char *name)
{
    for (const Entry &entry : entries)
        if (strcmp(entry.name, name) == 0)
            return &entry;
    return nullptr;
}

template <class Entry, size_t n> void list(const char *what, const Entry (&entries)[n])
{
    for (const Entry &entry : entries)
        printf("%s %s\n", what, entry.name);
}

const Call *call;
const Address *address;
char *wild;

void print_fault(int, siginfo_t *info, void *)
{
    // Farther away, the address depends on the memory layout.
    const bool size_word = static_cast<char *>(info->si_addr) == wild - 8;
    const char *line = size_word ? "fault at the size word\n" : "fault elsewhere\n";
    if (write(1, line, strlen(line)) < 0)
        _exit(4);
    _exit(3);
}

void *act(void *)
{
    alignas(16) char stack[512];
    memset(stack, 'x', sizeof stack);
    void *at = address->make(stack);
    if (strcmp(address->name, "alloca") == 0) {
        at = alloca(300);
        memset(at, 'x', 300);
    }
    wild = static_cast<char *>(at);
    call->make(at);
    printf("lived\n");
    return nullptr;
}

} // namespace

int main(int count, char **arguments)
{
    if (count < 3) {
        list("call", calls);
        list("address", addresses);
        return 0;
    }
    const char *where = count > 3 ? arguments[3] : "";
    call = find(calls, arguments[1]);
    address = find(addresses, arguments[2]);
    if (call == nullptr || address == nullptr)
        return 98;
    if (strcmp(where, "handler") == 0) {
        struct sigaction action = {};
        action.sa_sigaction = print_fault;
        action.sa_flags = SA_SIGINFO;
        sigaction(SIGSEGV, &action, nullptr);
        sigaction(SIGBUS, &action, nullptr);
    }
    if (strcmp(where, "thread") == 0) {
        pthread_t thread;
        pthread_create(&thread, nullptr, act, nullptr);
        pthread_join(thread, nullptr);
    } else {
        act(nullptr);
    }
    return 0;
}
