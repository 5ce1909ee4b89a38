// Stands between the recorder and hash_stack() (the linker's --wrap), in a variant of the preload library that is built
// for run_walks.py alone: at every event the stack is walked each way there is, and the results are compared. What came
// of it is in a mapped file, so that it survives however the program ends:
//     UNPAIRED_COMPARED=PREFIX    PREFIX.PID.N, laid out as `Outcome` (run_walks.py reads it)
#include "recorder.h"
#include "walk.h"

#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

namespace unpaired {

uint64_t real_hash_stack(const Caller &,
                         LastStack &) __asm__("__real__ZN8unpaired10hash_stackERKNS_6CallerERNS_9LastStackE");
uint64_t
compared_hash_stack(const Caller &,
                    LastStack &) __asm__("__wrap__ZN8unpaired10hash_stackERKNS_6CallerERNS_9LastStackE");
void real_walk_with_libunwind(const Caller &, Stack &) __asm__(
    "__real__ZN8unpaired19walk_with_libunwindERKNS_6CallerERNS_5StackE");
void counted_walk_with_libunwind(const Caller &, Stack &) __asm__(
    "__wrap__ZN8unpaired19walk_with_libunwindERKNS_6CallerERNS_5StackE");

namespace {

constexpr size_t text_room = 60000;
constexpr unsigned told_at_most = 8;

struct Outcome {
    uint64_t walks;           ///< events whose stack was walked
    uint64_t mismatches;      ///< of them, those where two ways differ
    uint64_t from_memo;       ///< were found in the path memo
    uint64_t without_rules;   ///< had a frame that the rules could not express
    uint64_t libunwind_wrong; ///< the allowed difference: `interrupted_at_an_edge`
    uint64_t frames;          ///< of all walks together
    uint64_t text_used;
    char text[text_room]; ///< the first mismatches
};
/// What a comparison needs: not on the program's stack, which may be small. Two to a thread, of which the second is its
/// stand-in's, which a signal handler has that interrupts the first.
struct Scratch {
    LastStack copy;
    Stack rules, again, general;
};
constexpr unsigned states_of_thread = 9; // as in recorder.cpp
__thread Scratch *scratch __attribute__((tls_model("initial-exec")));

Outcome nowhere; // counts when there is no file: nobody reads them
Outcome *outcome;
uint32_t telling, told;

const char *prefix()
{
    constexpr char name[] = "UNPAIRED_COMPARED=";
    for (char **entry = environ; entry != nullptr && *entry != nullptr; entry++)
        if (strncmp(*entry, name, sizeof name - 1) == 0)
            return *entry + sizeof name - 1;
    return nullptr;
}

char *put(char *to, const char *text)
{
    while (*text != '\0')
        *to++ = *text++;
    *to = '\0';
    return to;
}
char *put_number(char *to, uint64_t value, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do
        digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (n != 0)
        *to++ = digits[--n];
    *to = '\0';
    return to;
}

Outcome *make_file()
{
    char path[4096];
    const char *given = prefix();
    if (given == nullptr || strlen(given) > sizeof path - 64)
        return &nowhere;
    for (unsigned number = 0; number < 1000; number++) { // exec keeps the pid
        char *end = put_number(put(put(path, given), "."), static_cast<uint64_t>(sys::getpid()), 10);
        put_number(put(end, "."), number, 10);
        const long fd =
            sys::call(SYS_openat, AT_FDCWD, sys::of(path), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd == -EEXIST)
            continue;
        if (fd < 0)
            return &nowhere;
        const long at =
            sys::call(SYS_ftruncate, fd, sizeof(Outcome)) != 0
                ? -1
                : sys::call(SYS_mmap, 0, sizeof(Outcome), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        sys::call(SYS_close, fd);
        return at > 0 ? reinterpret_cast<Outcome *>(at) : &nowhere;
    }
    return &nowhere;
}

void tell(const char *text)
{
    const size_t length = strlen(text);
    if (outcome->text_used + length > text_room)
        return;
    memcpy(outcome->text + outcome->text_used, text, length);
    outcome->text_used += length;
}

void tell(const char *way, const Stack &stack)
{
    char line[4400];
    tell(way);
    tell("\n");
    for (uint32_t i = 0; i < stack.depth; i++) {
        char *end = put_number(put(line, "  0x"), stack.pc[i], 16);
        dl_find_object object;
        if (_dl_find_object(reinterpret_cast<void *>(stack.pc[i] - 1), &object) == 0) {
            const char *name = object.dlfo_link_map->l_name;
            end = put_number(put(put(put(end, " "), name[0] != '\0' ? name : "(program)"), "+0x"),
                             stack.pc[i] - 1 - object.dlfo_link_map->l_addr, 16);
        }
        put(put_number(put(end, " kind "), static_cast<uint64_t>(rule_at(stack.pc[i]).kind), 10), "\n");
        tell(line);
    }
}

void tell(const char *what, const Stack &rules, const Stack &again, const Stack &general)
{
    if (load(told) >= told_at_most || __atomic_exchange_n(&telling, 1u, __ATOMIC_ACQUIRE) != 0)
        return;
    add(told, 1u);
    tell("differs: ");
    tell(what);
    tell("\n");
    tell("by the rules", rules);
    tell("from the last stack or the memo", again);
    tell("by libunwind", general);
    store(telling, 0u, __ATOMIC_RELEASE);
}

bool equal(const Stack &a, const Stack &b)
{
    return a.depth == b.depth && memcmp(a.pc, b.pc, a.depth * sizeof a.pc[0]) == 0;
}

/// libunwind goes wrong at a frame that a signal interrupted at the edge of its function: at the last byte, on x86-64 a
/// `ret`, or at the first, if no other function ends right before it; walk_libunwind.cpp says why. The rules take the row
/// of the interrupted instruction, as gdb does.
bool interrupted_at_an_edge(const Stack &general, const Stack &rules)
{
    uint32_t same = 0;
    while (same < general.depth && same < rules.depth && general.pc[same] == rules.pc[same])
        same++;
    if (same < 2 || rule_at(rules.pc[same - 2]).kind != cfi::Kind::signal)
        return false;
    const uint64_t interrupted = rules.pc[same - 1] - 1;
#if defined(__x86_64__)
    if (*reinterpret_cast<const uint8_t *>(interrupted) == 0xc3)
        return true;
#endif
    return same == general.depth && cfi::read_rule(interrupted).kind == cfi::Kind::no_code;
}

} // namespace

void counted_walk_with_libunwind(const Caller &caller, Stack &stack)
{
    if (outcome != nullptr)
        add(outcome->without_rules, uint64_t{1});
    real_walk_with_libunwind(caller, stack);
}

uint64_t compared_hash_stack(const Caller &caller, LastStack &last)
{
    if (load(outcome, __ATOMIC_ACQUIRE) == nullptr) // the recorder starts on one thread
        store(outcome, make_file(), __ATOMIC_RELEASE);
    const uint64_t hash = real_hash_stack(caller, last);
    if (scratch == nullptr &&
        (scratch = static_cast<Scratch *>(sys::anonymous(states_of_thread * sizeof(Scratch)))) == nullptr)
        return hash;
    unsigned which = 0; // number of signal handlers that interrupted the recorder in each other
    for (const Thread *state = self;
         state != nullptr && &last != &state->last_stack && which < states_of_thread - 1;
         state = state->for_signals)
        which++;
    auto &[copy, rules, again, general] = scratch[which];
    copy = last;
    walk_stack(caller, rules);
    stack_of(caller, copy, again);
    real_walk_with_libunwind(caller, general);

    add(outcome->walks, uint64_t{1});
    add(outcome->from_memo, uint64_t{last.skipped});
    add(outcome->frames, uint64_t{rules.depth});
    const char *differs = hash != hash_of(rules)
                              ? "the hash of the incremental walk from that of the full one"
                          : !equal(again, rules)                   ? "the incremental walk from the full one"
                          : equal(general, rules)                  ? nullptr
                          : interrupted_at_an_edge(general, rules) ? ""
                                                                   : "libunwind's walk from the rules'";
    if (differs == nullptr)
        return hash;
    if (*differs == '\0') {
        add(outcome->libunwind_wrong, uint64_t{1});
        return hash;
    }
    add(outcome->mismatches, uint64_t{1});
    tell(differs, rules, again, general);
    return hash;
}

} // namespace unpaired
