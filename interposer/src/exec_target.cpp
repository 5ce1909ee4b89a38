#include "exec_target.h"

#include "program_memory.h"
#include "seal.h"

#include <climits>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace unpaired {
namespace {

constexpr unsigned most_interpreters = 4; // scripts whose interpreter is a script (fs/exec.c)
constexpr const char *our_name = "libunpaired_preload";

#if defined(__x86_64__)
constexpr uint16_t machine = EM_X86_64;
constexpr const char *loader = "ld-linux-x86-64.so.2";
#elif defined(__aarch64__)
constexpr uint16_t machine = EM_AARCH64;
constexpr const char *loader = "ld-linux-aarch64.so.1";
#endif

const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != nullptr ? slash + 1 : path;
}

long read_at(long fd, void *to, size_t size, uint64_t offset)
{
    return sys::call(SYS_pread64, fd, sys::of(to), static_cast<long>(size), static_cast<long>(offset));
}

bool is_program(int directory, const char *path)
{
    struct statx found;
    return sys::call(SYS_statx, directory, sys::of(path), 0, STATX_TYPE | STATX_MODE, sys::of(&found)) == 0 &&
           S_ISREG(found.stx_mode) && (found.stx_mode & 0111) != 0;
}

/// Opens for reading the file that exec would start. Returns the descriptor, or −1 if the file is not known.
long open_program(int directory, const char *path)
{
    // Opening a device can have side effects; exec never opens one.
    if (!is_program(directory, path))
        return -1;
    return sys::call(SYS_openat, directory, sys::of(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

long search_path(const char *name)
{
    const char *path = nullptr;
    for (char *const *entry = environ; entry != nullptr && *entry != nullptr && path == nullptr; entry++)
        if (strncmp(*entry, "PATH=", 5) == 0)
            path = *entry + 5;
    if (path == nullptr)
        path = "/bin:/usr/bin"; // confstr(_CS_PATH)
    const size_t length = length_of_text(name, NAME_MAX + 1);
    char candidate[1024];
    for (;; path++) {
        const size_t folder = strcspn(path, ":");
        if (folder + length + 2 <= sizeof candidate) {
            memcpy(candidate, path, folder);
            candidate[folder] = '/';
            memcpy(candidate + folder + (folder != 0 ? 1 : 0), name, length);
            candidate[folder + (folder != 0 ? 1 : 0) + length] = '\0';
            if (is_program(AT_FDCWD, candidate))
                return open_program(AT_FDCWD, candidate);
        }
        path += folder;
        if (*path == '\0')
            return -1;
    }
}

bool has_slash(const char *name)
{
    const size_t length = length_of_text(name, PATH_MAX);
    return length == 0 || memchr(name, '/', length) != nullptr;
}

bool loads_by_elf(long fd, const char *start)
{
    Elf64_Ehdr header;
    memcpy(&header, start, sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != machine)
        return false;
    constexpr unsigned most_segments = 64;
    for (unsigned i = 0; i < header.e_phnum && i < most_segments; i++) {
        Elf64_Phdr segment;
        if (read_at(fd, &segment, sizeof segment, header.e_phoff + uint64_t{i} * header.e_phentsize) !=
            sizeof segment)
            return true;
        if (segment.p_type != PT_INTERP)
            continue;
        char name[256] = {};
        const size_t length = segment.p_filesz < sizeof name ? segment.p_filesz : sizeof name - 1;
        return read_at(fd, name, length, segment.p_offset) <= 0 || strcmp(base_of(name), loader) == 0;
    }
    return true; // static, or the loader itself
}

/// Cuts `start`, the beginning of a script, down to the interpreter's path. Returns nullptr if the script names no
/// interpreter.
const char *interpreter_of(char *start, size_t length)
{
    start[length] = '\0';
    char *name = start + 2;
    name += strspn(name, " \t");
    name[strcspn(name, " \t\n")] = '\0';
    return *name != '\0' ? name : nullptr;
}

} // namespace

bool can_load_recorder(const ExecTarget &target)
{
    if (sys::sealed())
        return !filter_kills_recorder();
    constexpr size_t looked_at = 256; // BINPRM_BUF_SIZE
    char start[looked_at + 1];
    long fd = target.path == nullptr                     ? target.directory
              : target.search && !has_slash(target.path) ? search_path(target.path)
                                                         : open_program(target.directory, target.path);
    bool loads = true;
    for (unsigned depth = 0; fd >= 0 && depth <= most_interpreters; depth++) {
        const long got = read_at(fd, start, looked_at, 0);
        const bool is_elf =
            got >= static_cast<long>(sizeof(Elf32_Ehdr)) && memcmp(start, ELFMAG, SELFMAG) == 0;
        const bool is_script = got > 2 && start[0] == '#' && start[1] == '!';
        if (is_elf)
            loads = loads_by_elf(fd, start);
        if (target.path != nullptr || depth != 0)
            sys::call(SYS_close, fd);
        const char *next = is_script ? interpreter_of(start, static_cast<size_t>(got)) : nullptr;
        if (next == nullptr)
            break;
        fd = open_program(AT_FDCWD, next);
        if (fd >= 0 && depth == most_interpreters)
            sys::call(SYS_close, fd);
    }
    return loads;
}

namespace {

/// Calls `visit(entry, beginning)` for each entry, with its first 16 bytes. Returns false if the environment cannot
/// be read.
template <class Visit> bool each_entry(char *const *environment, Visit visit)
{
    if (environment == nullptr)
        return true;
    if (sys::sealed()) { // sealed: no check is possible, so the pointers are assumed valid
        for (; *environment != nullptr; environment++)
            visit(*environment, *environment);
        return true;
    }
    for (uint64_t at = reinterpret_cast<uint64_t>(environment);; at += sizeof(char *)) {
        const char *entry;
        char beginning[17] = {};
        if (copy_from_program(at, &entry, sizeof entry) != sizeof entry)
            return false;
        if (entry == nullptr)
            return true;
        if (copy_from_program(reinterpret_cast<uint64_t>(entry), beginning, sizeof beginning - 1) == 0)
            return false;
        visit(entry, beginning);
    }
}

size_t length_of_entry(const char *entry)
{
    return sys::sealed() ? strlen(entry) : length_of_text(entry, 1u << 17);
}

constexpr size_t preload_name = 11; // "LD_PRELOAD="
bool is_preload(const char *beginning) { return strncmp(beginning, "LD_PRELOAD=", preload_name) == 0; }

bool names_recorder(const char *text, size_t length)
{
    const size_t wanted = strlen(our_name);
    for (size_t at = 0; at + wanted <= length; at++)
        if (memcmp(text + at, our_name, wanted) == 0)
            return true;
    return false;
}

/// Writes `entry`, "LD_PRELOAD=…", without this library to `to`, which may be `entry`. Returns the length, or 0 if
/// the entry lists nothing else.
size_t copy_without_recorder(const char *entry, size_t length, char *to)
{
    size_t n = preload_name;
    memmove(to, entry, n);
    for (size_t at = n; at < length;) {
        size_t end = at;
        while (end < length && entry[end] != ':' && entry[end] != ' ')
            end++;
        if (end > at && !names_recorder(entry + at, end - at)) {
            if (n != preload_name)
                to[n++] = ':';
            memmove(to + n, entry + at, end - at);
            n += end - at;
        }
        at = end + 1;
    }
    to[n] = '\0';
    return n > preload_name ? n : 0;
}

/// Returns memory that the thread keeps for its next exec. Freeing it is not possible: after exec in a vfork child,
/// no code of the recorder runs in the child's process.
uint8_t *scratch_of(Thread &thread, size_t bytes)
{
    if (bytes <= thread.exec_scratch_size)
        return thread.exec_scratch;
    constexpr size_t page = 4096;
    bytes = (bytes + page - 1) / page * page;
    if (thread.exec_scratch != nullptr)
        sys::call(SYS_munmap, sys::of(thread.exec_scratch), static_cast<long>(thread.exec_scratch_size));
    thread.exec_scratch = static_cast<uint8_t *>(sys::anonymous(bytes));
    thread.exec_scratch_size = thread.exec_scratch != nullptr ? bytes : 0;
    return thread.exec_scratch;
}

} // namespace

bool has_recorder(char *const *environment)
{
    if (sys::sealed() && !filter_kills_recorder())
        return true; // not known: while sealed the program's memory cannot be checked before a read
    bool preloads = false, output = false;
    const bool readable = each_entry(environment, [&](const char *entry, const char *beginning) {
        if (is_preload(beginning))
            preloads = preloads || names_recorder(entry, length_of_entry(entry));
        output = output || strncmp(beginning, "UNPAIRED_OUTPUT=", 16) == 0;
    });
    return readable && preloads && output;
}

char *const *without_recorder(Thread &thread, char *const *environment)
{
    size_t entries = 1, text = 0;
    const bool readable = each_entry(environment, [&](const char *entry, const char *beginning) {
        entries++;
        if (is_preload(beginning))
            text += length_of_entry(entry) + 1;
    });
    uint8_t *scratch = readable ? scratch_of(thread, entries * sizeof(char *) + text) : nullptr;
    if (scratch == nullptr)
        return nullptr;
    auto **copy = reinterpret_cast<const char **>(scratch);
    char *texts = reinterpret_cast<char *>(copy + entries);
    size_t n = 0;
    for (; *environment != nullptr && n + 1 < entries; environment++) {
        const char *entry = *environment;
        if (is_preload(entry)) {
            const size_t length = strlen(entry);
            if (copy_without_recorder(entry, length, texts) == 0)
                continue;
            entry = texts;
            texts += length + 1;
        }
        copy[n++] = entry;
    }
    copy[n] = nullptr;
    return const_cast<char *const *>(copy);
}

void take_recorder_out_of_environment()
{
    for (char **entry = environ; entry != nullptr && *entry != nullptr; entry++)
        if (is_preload(*entry))
            copy_without_recorder(*entry, strlen(*entry), *entry);
}

} // namespace unpaired
