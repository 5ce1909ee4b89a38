#include "cases.h"

#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <mntent.h>
#include <netdb.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

const cookie_io_functions_t no_functions = {};
char buffer[16];
char *memory;
wchar_t *wide_memory;
size_t memory_size;
addrinfo numeric = [] {
    addrinfo hints = {};
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    return hints;
}();
const char *const any_library = "libdl.so.2";

} // namespace

CASE(fopen, FILE *, MUST(it = fopen("/dev/null", "r")), fclose(it))
CASE(fopen64, FILE *, MUST(it = fopen64("/dev/null", "r")), fclose(it))
CASE(freopen, FILE *, MUST(it = freopen("/dev/null", "r", fopen("/dev/zero", "r"))), fclose(it))
CASE(freopen64, FILE *, MUST(it = freopen64("/dev/null", "r", fopen("/dev/zero", "r"))), fclose(it))
CASE(tmpfile, FILE *, MUST(it = tmpfile()), fclose(it))
CASE(tmpfile64, FILE *, MUST(it = tmpfile64()), fclose(it))
CASE(fdopen, FILE *, MUST(it = fdopen(dup(0), "r")), fclose(it))
CASE(fmemopen, FILE *, MUST(it = fmemopen(buffer, sizeof buffer, "r+")), fclose(it))
/* The buffers these two make belong to the caller once the stream is closed. */
CASE(open_memstream, FILE *, MUST(it = open_memstream(&memory, &memory_size)), (fclose(it), free(memory)))
CASE(open_wmemstream, FILE *, MUST(it = open_wmemstream(&wide_memory, &memory_size)),
     (fclose(it), free(wide_memory)))
CASE(fopencookie, FILE *, MUST(it = fopencookie(nullptr, "r", no_functions)), fclose(it))
CASE(setmntent, FILE *, MUST(it = setmntent("/proc/mounts", "r")), endmntent(it))
CASE(popen, FILE *, MUST(it = popen("exit 0", "r")), pclose(it))
CASE(fclose, FILE *, MUST(it = fopen("/dev/null", "r")), fclose(it))
CASE(pclose, FILE *, MUST(it = popen("exit 0", "r")), pclose(it))
CASE(endmntent, FILE *, MUST(it = setmntent("/proc/mounts", "r")), endmntent(it))

CASE(opendir, DIR *, MUST(it = opendir("/")), closedir(it))
CASE(fdopendir, DIR *, MUST(it = fdopendir(open("/", O_RDONLY | O_DIRECTORY))), closedir(it))
CASE(closedir, DIR *, MUST(it = opendir("/")), closedir(it))

CASE(getaddrinfo, addrinfo *, MUST(getaddrinfo("127.0.0.1", "80", &numeric, &it) == 0), freeaddrinfo(it))
CASE(freeaddrinfo, addrinfo *, MUST(getaddrinfo("127.0.0.1", "80", &numeric, &it) == 0), freeaddrinfo(it))
CASE(getifaddrs, ifaddrs *, MUST(getifaddrs(&it) == 0), freeifaddrs(it))
CASE(freeifaddrs, ifaddrs *, MUST(getifaddrs(&it) == 0), freeifaddrs(it))

namespace {
constexpr size_t page = 4096;
void *map_pages(size_t pages)
{
    void *address = mmap(nullptr, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(address != MAP_FAILED);
    return address;
}
} // namespace

CASE(mmap, void *, it = map_pages(2), munmap(it, 2 * page))
CASE(mmap64, void *,
     MUST((it = mmap64(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED),
     munmap(it, page))
CASE(mremap, void *, MUST((it = mremap(map_pages(1), page, 3 * page, MREMAP_MAYMOVE)) != MAP_FAILED),
     munmap(it, 3 * page))
CASE(munmap, void *, it = map_pages(4),
     (munmap(static_cast<char *>(it) + page, 2 * page), munmap(it, 4 * page)))

CASE(dlopen, void *, MUST(it = dlopen(any_library, RTLD_NOW)), dlclose(it))
CASE(dlmopen, void *, MUST(it = dlmopen(LM_ID_BASE, any_library, RTLD_NOW)), dlclose(it))
CASE(dlclose, void *, MUST(it = dlopen(any_library, RTLD_LAZY)), dlclose(it))
