// The module map: an append-only array that readers scan without a lock. A module that is unloaded stays in it,
// marked gone; the same file loaded again at the same place takes its entry back, so that a program that loads
// and unloads a plugin for a week does not grow it.
#include "modules.h"

#include "libc.h"
#include "mapping.h"
#include "try_lock.h"

#include <cstring>
#include <elf.h>
#include <link.h>

namespace unpaired {

uint32_t module_map_generation = 1;
CodeSpan code_spans[2];
namespace {

constexpr unsigned most_modules = 4096;

struct Module {
    ModuleView view;
    uint32_t present; // a stamp: equal to `stamp` when seen by the current enumeration
    uint32_t live;
    uint32_t since;     // stamp of the enumeration that last found the module newly loaded
    uint32_t looked_at; // set by first_look_at_module() since then
};
Module *modules;
uint32_t count;
uint32_t stamp;
TryLock updating;
uint32_t updates_wanted;
char *names; // paths, bump-allocated
size_t names_left;

const char *keep_name(const char *name)
{
    const size_t size = strlen(name) + 1;
    if (size > names_left) {
        constexpr size_t block = 64 * 1024;
        names = static_cast<char *>(sys::anonymous(block));
        names_left = names != nullptr ? block : 0;
        if (size > names_left)
            return "";
    }
    char *copy = names;
    memcpy(copy, name, size);
    names += size;
    names_left -= size;
    return copy;
}

bool starts_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

void classify(ModuleView &view)
{
    const char *slash = strrchr(view.path, '/');
    const char *base = slash != nullptr ? slash + 1 : view.path;
    view.libc = starts_with(base, "libc.so.") || starts_with(base, "libc-2.") ||
                starts_with(base, "ld-linux") || starts_with(base, "libpthread.so") ||
                starts_with(base, "libdl.so");
    view.runtime = view.libc || starts_with(base, "libstdc++.so") || starts_with(base, "libgcc_s.so") ||
                   starts_with(base, "libc++.so") || starts_with(base, "libc++abi.so") ||
                   starts_with(base, "libm.so") || starts_with(base, "libunpaired_preload.so");
}

void read_build_id(const dl_phdr_info &info, ModuleView &view)
{
    for (unsigned i = 0; i < info.dlpi_phnum; i++) {
        const ElfW(Phdr) &segment = info.dlpi_phdr[i];
        if (segment.p_type != PT_NOTE)
            continue;
        const auto *at = reinterpret_cast<const uint8_t *>(info.dlpi_addr + segment.p_vaddr);
        const uint8_t *end = at + segment.p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const auto *note = reinterpret_cast<const ElfW(Nhdr) *>(at);
            const uint8_t *name = at + sizeof *note;
            const uint8_t *data = name + ((note->n_namesz + 3u) & ~3u);
            const uint8_t *next = data + ((note->n_descsz + 3u) & ~3u);
            if (next > end)
                break;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(name, "GNU", 4) == 0) {
                view.build_id_len = static_cast<uint8_t>(note->n_descsz < 20 ? note->n_descsz : 20);
                memcpy(view.build_id, data, view.build_id_len);
                return;
            }
            at = next;
        }
    }
}

const char *main_program()
{
    static char path[4096];
    if (path[0] == '\0') {
        const long n = sys::call(SYS_readlinkat, -100 /* AT_FDCWD */, sys::of("/proc/self/exe"),
                                 sys::of(path), sizeof path - 1);
        path[n > 0 ? n : 0] = '\0';
    }
    return path;
}

void record_module(const ModuleView &view)
{
    unpaired_record_module record{};
    record.image = own_image();
    record.build_id_len = view.build_id_len;
    record.path_len = static_cast<uint16_t>(strlen(view.path));
    record.time_ms = now_ms();
    record.generation = module_map_generation;
    record.start = view.start;
    record.end = view.end;
    record.bias = view.bias;
    append(UNPAIRED_RECORD_MODULE, record, {view.build_id, view.build_id_len}, {view.path, record.path_len});
}

bool overlap(const ModuleView &a, const ModuleView &b) { return a.start < b.end && b.start < a.end; }

/// A module is loaded again where it was. If another one stood there meanwhile, the addresses change their meaning
/// back, and readers must be told.
void comes_back(Module &module, uint32_t known)
{
    bool others = false;
    for (uint32_t i = 0; i < known; i++)
        others = others || (modules[i].since > module.since && overlap(modules[i].view, module.view));
    module.since = stamp;
    store(module.looked_at, 0u);
    if (!others)
        return;
    store(module_map_generation, module_map_generation + 1);
    record_module(module.view);
}

int visit(dl_phdr_info *info, size_t, void *)
{
    ModuleView view{};
    view.start = UINT64_MAX;
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) &segment = info->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD)
            continue;
        const uint64_t from = (info->dlpi_addr + segment.p_vaddr) & ~uint64_t{4095};
        const uint64_t to = (info->dlpi_addr + segment.p_vaddr + segment.p_memsz + 4095) & ~uint64_t{4095};
        view.start = from < view.start ? from : view.start;
        view.end = to > view.end ? to : view.end;
    }
    if (view.end == 0)
        return 0;
    view.bias = info->dlpi_addr;
    const bool is_main = info->dlpi_name == nullptr || info->dlpi_name[0] == '\0';
    const uint32_t known = load(count, __ATOMIC_ACQUIRE);
    view.path = is_main && known == 0 ? main_program() : is_main ? "" : info->dlpi_name;
    read_build_id(*info, view);
    bool replaces = false;
    for (uint32_t i = 0; i < known; i++) {
        Module &module = modules[i];
        if (module.view.start == view.start && module.view.end == view.end &&
            (strcmp(module.view.path, view.path) == 0 || (is_main && i == 0)) &&
            memcmp(module.view.build_id, view.build_id, sizeof view.build_id) == 0) {
            module.present = stamp;
            if (load(module.live) == 0)
                comes_back(module, known);
            store(module.live, 1u, __ATOMIC_RELEASE);
            return 0;
        }
        replaces = replaces || overlap(module.view, view);
    }
    if (known == most_modules)
        return 0;
    if (replaces) // other code where there was code before: the same addresses now mean something else
        store(module_map_generation, module_map_generation + 1);
    view.path = keep_name(view.path);
    classify(view);
    Module &fresh = modules[known];
    fresh.view = view;
    fresh.present = fresh.since = stamp;
    fresh.live = 1;
    CodeSpan &span = code_spans[known == 0 ? 0 : 1];
    if (span.end == 0 || view.start < span.start)
        store(span.start, view.start);
    if (view.end > span.end)
        store(span.end, view.end);
    store(count, known + 1, __ATOMIC_RELEASE);
    record_module(view);
    return 0;
}

} // namespace

static void update_under_lock()
{
    if (modules == nullptr)
        modules = static_cast<Module *>(sys::anonymous(sizeof(Module) * most_modules));
    if (modules == nullptr)
        return;
    stamp++;
    libc::functions().dl_iterate_phdr(visit, nullptr);
    for (uint32_t i = 0; i < count; i++)
        if (modules[i].present != stamp)
            store(modules[i].live, 0u);
}

void update_modules()
{
    uint32_t wanted = __atomic_add_fetch(&updates_wanted, 1u, __ATOMIC_SEQ_CST), done;
    do {
        // If this thread stops waiting, the holder updates once more when it has finished.
        if (!updating.take_waiting(process.pid))
            return;
        done = __atomic_load_n(&updates_wanted, __ATOMIC_SEQ_CST);
        update_under_lock();
        updating.give();
        wanted = __atomic_load_n(&updates_wanted, __ATOMIC_SEQ_CST);
    } while (wanted != done);
}

const ModuleView *module_at(uint64_t address)
{
    for (uint32_t i = load(count, __ATOMIC_ACQUIRE); i-- > 0;)
        if (load(modules[i].live) != 0 && address >= modules[i].view.start && address < modules[i].view.end)
            return &modules[i].view;
    return nullptr;
}

bool first_look_at_module(uint64_t address)
{
    for (uint32_t i = load(count, __ATOMIC_ACQUIRE); i-- > 0;) {
        Module &module = modules[i];
        if (load(module.live) != 0 && address >= module.view.start && address < module.view.end)
            return i != 0 && !module.view.runtime &&
                   __atomic_exchange_n(&module.looked_at, 1u, __ATOMIC_RELAXED) == 0;
    }
    return false;
}

void release_module_lock() { updating.give(); }
void release_module_lock_below(uint64_t sp) { updating.give_if_taken_below(sp); }

} // namespace unpaired
