#include "deep_bind.h"

#include "libc.h"
#include "modules.h"
#include "real.h"
#include "try_lock.h"

#include <algorithm>
#include <cstring>
#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

namespace unpaired::deep_bind {
namespace {

#if defined(__x86_64__)
constexpr uint32_t absolute = R_X86_64_64, data_slot = R_X86_64_GLOB_DAT, call_slot = R_X86_64_JUMP_SLOT;
#elif defined(__aarch64__)
constexpr uint32_t absolute = R_AARCH64_ABS64, data_slot = R_AARCH64_GLOB_DAT,
                   call_slot = R_AARCH64_JUMP_SLOT;
#endif

/// A function of the resource table. `functions` is sorted by name.
struct Function {
    const char *name;
    void *hook; ///< nullptr: no hook was found
    void *real; ///< target of these libraries' calls; nullptr if it differs from the hook's real function
    unsigned id;
};
Function functions[function_end];
unsigned n_functions;
TryLock lock;

/// Finds the hooks: the definitions in this library. dlsym(3) gets this library's own handle, since another library
/// may come before it in the search order.
void find_hooks()
{
    Dl_info where;
    if (libc::functions().dladdr(reinterpret_cast<const void *>(&bind_to_hooks), &where) == 0)
        return;
    void *ourselves = real::load_library(where.dli_fname);
    if (ourselves == nullptr)
        return;
    for (unsigned id = 1; id < function_end; id++)
        if (void *hook = id < UNPAIRED_FUNCTION_lwip_socket
                             ? libc::functions().dlsym(ourselves, real::name_of(id))
                             : nullptr;
            hook != nullptr)
            functions[n_functions++] = {real::name_of(id), hook, nullptr, id};
    real::unload_library(ourselves);
    std::sort(functions, functions + n_functions,
              [](const Function &a, const Function &b) { return strcmp(a.name, b.name) < 0; });
}

bool is_operator(const char *name) { return name[0] == '_' && name[1] == 'Z'; }

/// Finds the functions to which the loader binds the libraries' calls: the first definition in these libraries and
/// their dependencies. If they have none, the loader searches the global scope, where it finds the hooks.
void find_bindings(void *handle)
{
    const bool operators = libc::functions().dlsym(handle, "_Znwm") != nullptr;
    for (unsigned i = 0; i < n_functions; i++) {
        Function &function = functions[i];
        function.real = nullptr;
        if (is_operator(function.name) && !operators)
            continue;
        const void *behind = real::known_or_next(function.id);
        void *bound = behind != nullptr ? libc::functions().dlsym(handle, function.name) : nullptr;
        if (bound == behind)
            function.real = bound;
    }
    // Clears the error of a failed look-up: after its successful dlopen the program must find none.
    libc::functions().dlerror();
}

const Function *find(const char *name)
{
    const Function *end = functions + n_functions;
    const Function *at = std::lower_bound(
        static_cast<const Function *>(functions), end, name,
        [](const Function &function, const char *wanted) { return strcmp(function.name, wanted) < 0; });
    return at != end && at->real != nullptr && strcmp(at->name, name) == 0 ? at : nullptr;
}

/// The parts of a library that are needed here, from its dynamic section and program headers.
struct Library {
    const dl_phdr_info &info;
    const ElfW(Sym) *symbols = nullptr;
    const char *strings = nullptr;
    const ElfW(Rela) *relocations = nullptr, *calls = nullptr;
    size_t relocations_size = 0, calls_size = 0;
    uint64_t read_only_start = 0, read_only_end = 0;

    explicit Library(const dl_phdr_info &given) : info(given)
    {
        for (unsigned i = 0; i < info.dlpi_phnum; i++) {
            const ElfW(Phdr) &segment = info.dlpi_phdr[i];
            if (segment.p_type == PT_DYNAMIC)
                read_dynamic(reinterpret_cast<const ElfW(Dyn) *>(info.dlpi_addr + segment.p_vaddr));
            if (segment.p_type == PT_GNU_RELRO) {
                read_only_start = info.dlpi_addr + segment.p_vaddr;
                read_only_end = read_only_start + segment.p_memsz;
            }
        }
    }

    bool complete() const { return symbols != nullptr && strings != nullptr; }

    /// Returns true if the address lies in a segment with these permissions.
    bool has(uint64_t address, uint32_t permissions) const
    {
        for (unsigned i = 0; i < info.dlpi_phnum; i++) {
            const ElfW(Phdr) &segment = info.dlpi_phdr[i];
            if (segment.p_type == PT_LOAD && (segment.p_flags & permissions) == permissions &&
                address - (info.dlpi_addr + segment.p_vaddr) < segment.p_memsz)
                return true;
        }
        return false;
    }

private:
    template <class T> void set(const T *&at, uint64_t address) const
    {
        at = reinterpret_cast<const T *>(address < info.dlpi_addr ? info.dlpi_addr + address : address);
    }

    void read_dynamic(const ElfW(Dyn) * entry)
    {
        for (; entry->d_tag != DT_NULL; entry++) {
            const uint64_t value = entry->d_un.d_val;
            switch (entry->d_tag) {
            case DT_SYMTAB:
                set(symbols, value);
                break;
            case DT_STRTAB:
                set(strings, value);
                break;
            case DT_RELA:
                set(relocations, value);
                break;
            case DT_RELASZ:
                relocations_size = value;
                break;
            case DT_JMPREL:
                set(calls, value);
                break;
            case DT_PLTRELSZ:
                calls_size = value;
                break;
            default:
                break;
            }
        }
    }
};

void put(const Library &library, uint64_t slot, void *hook)
{
    constexpr uint64_t page = 4096;
    const uint64_t from = slot & ~(page - 1);
    const bool read_only = slot >= library.read_only_start && slot < library.read_only_end;
    if (read_only && sys::call(SYS_mprotect, static_cast<long>(from), page, PROT_READ | PROT_WRITE) != 0)
        return;
    store(*reinterpret_cast<void **>(slot), hook, __ATOMIC_RELEASE);
    if (read_only)
        sys::call(SYS_mprotect, static_cast<long>(from), page, PROT_READ);
}

void bind(const Library &library, const ElfW(Rela) * relocation, size_t size)
{
    for (const auto *end = relocation + size / sizeof *relocation; relocation != end; relocation++) {
        const auto type = static_cast<uint32_t>(ELF64_R_TYPE(relocation->r_info));
        if ((type != absolute && type != data_slot && type != call_slot) ||
            (type == absolute && relocation->r_addend != 0))
            continue;
        const ElfW(Sym) &symbol = library.symbols[ELF64_R_SYM(relocation->r_info)];
        const Function *function = find(library.strings + symbol.st_name);
        const uint64_t slot = library.info.dlpi_addr + relocation->r_offset;
        if (function == nullptr || !library.has(slot, PF_W))
            continue;
        const void *now = load(*reinterpret_cast<void **>(slot), __ATOMIC_ACQUIRE);
        const bool not_yet_bound =
            type == call_slot && library.has(reinterpret_cast<uint64_t>(now), PF_X); // its own PLT
        if (now == function->real || not_yet_bound)
            put(library, slot, function->hook);
    }
}

int visit(dl_phdr_info *info, size_t, void *)
{
    const Library library(*info);
    if (!library.complete() || !first_look_at_module(reinterpret_cast<uint64_t>(library.symbols)))
        return 0;
    bind(library, library.relocations, library.relocations_size);
    bind(library, library.calls, library.calls_size);
    return 0;
}

} // namespace

void bind_to_hooks(void *handle)
{
    while (!lock.take()) // another thread in this function holds the lock for a short time
        sys::call(SYS_sched_yield);
    if (n_functions == 0)
        find_hooks();
    find_bindings(handle);
    libc::functions().dl_iterate_phdr(visit, nullptr);
    lock.give();
}

} // namespace unpaired::deep_bind
