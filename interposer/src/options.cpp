#include "options.h"

#include "libc.h"

#include <cstring>
#include <sys/auxv.h>
#include <unistd.h>

namespace unpaired {
namespace {

const char *variable(const char *name)
{
    const size_t length = strlen(name);
    for (char **entry = environ; *entry != nullptr; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return nullptr;
}

bool is(const char *word, size_t length, const char *text)
{
    return strlen(text) == length && strncmp(word, text, length) == 0;
}

/// The value of `--name=value`, or nullptr.
const char *value_of(const char *word, size_t length, const char *name)
{
    const size_t n = strlen(name);
    return length > n && strncmp(word, name, n) == 0 ? word + n : nullptr;
}

/// Left alone where it does not fit.
void keep_text(const char *text, size_t length, char *to, size_t room)
{
    if (length >= room)
        return;
    memcpy(to, text, length);
    to[length] = '\0';
}

void read_word(const char *word, size_t length, Options &options)
{
    const char *end = word + length;
    if (is(word, length, "--locks=off")) {
        options.locks = false;
    } else if (is(word, length, "--locks=on")) {
        options.locks = true;
    } else if (is(word, length, "--reachability=off")) {
        options.reachability = false;
    } else if (is(word, length, "--reachability=on")) {
        options.reachability = true;
    } else if (is(word, length, "--walk=frame-pointers")) {
        options.frame_pointers = true;
    } else if (is(word, length, "--walk=rules")) {
        options.frame_pointers = false;
    } else if (is(word, length, "--every-event")) {
        options.every_event = true;
    } else if (const char *size = value_of(word, length, "--max-trace=")) {
        if (const uint64_t bytes = parse_size(size, static_cast<size_t>(end - size)); bytes != 0)
            options.max_trace = bytes;
    } else if (const char *file = value_of(word, length, "--owner-rules=")) {
        keep_text(file, static_cast<size_t>(end - file), options.rules, sizeof options.rules);
    } else if (const char *function = value_of(word, length, "--cycle=")) {
        keep_text(function, static_cast<size_t>(end - function), options.cycle, sizeof options.cycle);
    }
}

} // namespace

uint64_t parse_size(const char *text, size_t length)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < length && text[i] >= '0' && text[i] <= '9'; i++)
        value = value * 10 + static_cast<uint64_t>(text[i] - '0');
    if (i == 0 || i + 1 < length)
        return 0;
    if (i == length)
        return value;
    switch (text[i]) {
    case 'K':
    case 'k':
        return value << 10;
    case 'M':
    case 'm':
        return value << 20;
    case 'G':
    case 'g':
        return value << 30;
    default:
        return 0;
    }
}

bool read_options(Options &options)
{
    if (environ == nullptr)
        return false;
    if (libc::functions().getauxval(AT_SECURE) != 0)
        return true;
    options.output = variable("UNPAIRED_OUTPUT");
    if (options.output != nullptr && options.output[0] == '\0')
        options.output = nullptr;
    for (const char *at = variable("UNPAIRED_OPTIONS"); at != nullptr && *at != '\0';) {
        const size_t length = strcspn(at, " \t\n");
        read_word(at, length, options);
        at += length;
        at += strspn(at, " \t\n");
    }
    return true;
}

} // namespace unpaired
