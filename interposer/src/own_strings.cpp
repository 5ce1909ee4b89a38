// Defines the functions of <string.h> that the recorder, its unwinder and the compiler's own calls use. The export
// map keeps them local: the program may define functions of these names, as a simulator, a static C library or an
// instrumented program does, and calls from here must not reach them. The empty assembly stops the compiler from
// replacing a loop by a call of the function that contains it.
#include <cstddef>
#include <cstdint>

#define UNPAIRED_OWN extern "C" __attribute__((used))

namespace {

inline void keep_loop() { __asm__ volatile("" ::: "memory"); }

constexpr size_t long_copy = 512; // `rep movsb` is faster from this size on

inline void copy_upwards(char *to, const char *from, size_t n)
{
#if defined(__x86_64__)
    if (n >= long_copy) {
        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
        return;
    }
#endif
    for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
        uint64_t word;
        __builtin_memcpy(&word, from, sizeof word);
        __builtin_memcpy(to, &word, sizeof word);
        from += sizeof word;
        to += sizeof word;
        keep_loop();
    }
    for (; n != 0; n--) {
        *to++ = *from++;
        keep_loop();
    }
}

inline void copy_downwards(char *to, const char *from, size_t n)
{
    for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t)) {
        uint64_t word;
        __builtin_memcpy(&word, from + n - sizeof word, sizeof word);
        __builtin_memcpy(to + n - sizeof word, &word, sizeof word);
        keep_loop();
    }
    while (n != 0) {
        n--;
        to[n] = from[n];
        keep_loop();
    }
}

inline bool is_one_of(char c, const char *set)
{
    for (; *set != '\0'; set++) {
        if (*set == c)
            return true;
        keep_loop();
    }
    return false;
}

} // namespace

UNPAIRED_OWN void *memcpy(void *to, const void *from, size_t n)
{
    copy_upwards(static_cast<char *>(to), static_cast<const char *>(from), n);
    return to;
}

UNPAIRED_OWN void *memmove(void *to, const void *from, size_t n)
{
    auto *target = static_cast<char *>(to);
    const auto *source = static_cast<const char *>(from);
    if (reinterpret_cast<uintptr_t>(target) - reinterpret_cast<uintptr_t>(source) >= n)
        copy_upwards(target, source, n); // the target does not start inside the source
    else
        copy_downwards(target, source, n);
    return to;
}

UNPAIRED_OWN void *memset(void *at, int value, size_t n)
{
    auto *to = static_cast<char *>(at);
#if defined(__x86_64__)
    if (n >= long_copy) {
        __asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
        return at;
    }
#endif
    const uint64_t word = static_cast<uint8_t>(value) * 0x0101010101010101ull;
    for (; n >= sizeof word; n -= sizeof word) {
        __builtin_memcpy(to, &word, sizeof word);
        to += sizeof word;
        keep_loop();
    }
    for (; n != 0; n--) {
        *to++ = static_cast<char>(value);
        keep_loop();
    }
    return at;
}

UNPAIRED_OWN int memcmp(const void *a, const void *b, size_t n)
{
    const auto *x = static_cast<const uint8_t *>(a), *y = static_cast<const uint8_t *>(b);
    for (; n != 0; n--, x++, y++) {
        if (*x != *y)
            return *x < *y ? -1 : 1;
        keep_loop();
    }
    return 0;
}
// clang calls bcmp if only equality matters.
UNPAIRED_OWN int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }

UNPAIRED_OWN void *memchr(const void *in, int value, size_t n)
{
    for (const auto *at = static_cast<const uint8_t *>(in); n != 0; n--, at++) {
        if (*at == static_cast<uint8_t>(value))
            return const_cast<uint8_t *>(at);
        keep_loop();
    }
    return nullptr;
}

UNPAIRED_OWN size_t strnlen(const char *text, size_t most)
{
    size_t n = 0;
    while (n < most && text[n] != '\0') {
        n++;
        keep_loop();
    }
    return n;
}
UNPAIRED_OWN size_t strlen(const char *text) { return strnlen(text, SIZE_MAX); }

UNPAIRED_OWN int strncmp(const char *a, const char *b, size_t n)
{
    for (; n != 0; n--, a++, b++) {
        const auto x = static_cast<uint8_t>(*a), y = static_cast<uint8_t>(*b);
        if (x != y)
            return x < y ? -1 : 1;
        if (x == 0)
            return 0;
        keep_loop();
    }
    return 0;
}
UNPAIRED_OWN int strcmp(const char *a, const char *b) { return strncmp(a, b, SIZE_MAX); }

UNPAIRED_OWN char *strcpy(char *to, const char *from)
{
    memcpy(to, from, strlen(from) + 1);
    return to;
}

UNPAIRED_OWN char *strchr(const char *text, int value)
{
    for (;; text++) {
        if (*text == static_cast<char>(value))
            return const_cast<char *>(text);
        if (*text == '\0')
            return nullptr;
        keep_loop();
    }
}

UNPAIRED_OWN char *strrchr(const char *text, int value)
{
    const char *last = nullptr;
    for (;; text++) {
        if (*text == static_cast<char>(value))
            last = text;
        if (*text == '\0')
            return const_cast<char *>(last);
        keep_loop();
    }
}

UNPAIRED_OWN char *strstr(const char *text, const char *wanted)
{
    for (const size_t n = strlen(wanted);; text++) {
        if (strncmp(text, wanted, n) == 0)
            return const_cast<char *>(text);
        if (*text == '\0')
            return nullptr;
    }
}

UNPAIRED_OWN size_t strspn(const char *text, const char *set)
{
    size_t n = 0;
    while (text[n] != '\0' && is_one_of(text[n], set))
        n++;
    return n;
}

UNPAIRED_OWN size_t strcspn(const char *text, const char *set)
{
    size_t n = 0;
    while (text[n] != '\0' && !is_one_of(text[n], set))
        n++;
    return n;
}
