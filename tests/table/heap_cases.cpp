#include "cases.h"

#include <cstdint>
#include <cstdlib>
#include <malloc.h>
#include <new>

namespace {
constexpr auto aligned = std::align_val_t(64);
void *expect_aligned(void *block, std::size_t alignment)
{
    MUST(block && reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
    return block;
}
} // namespace

CASE(malloc, void *, MUST(it = malloc(20)), free(it))
CASE(calloc, void *, MUST(it = calloc(4, 5)), free(it))
CASE(realloc, void *, MUST(it = realloc(malloc(8), 20)), free(it))
CASE(reallocarray, void *, MUST(it = reallocarray(malloc(8), 4, 5)), free(it))
CASE(posix_memalign, void *, MUST(posix_memalign(&it, 256, 20) == 0), free(it))
CASE(aligned_alloc, void *, it = expect_aligned(aligned_alloc(128, 256), 128), free(it))
CASE(memalign, void *, it = expect_aligned(memalign(512, 20), 512), free(it))
CASE(valloc, void *, it = expect_aligned(valloc(20), 4096), free(it))
CASE(pvalloc, void *, it = expect_aligned(pvalloc(20), 4096), free(it))
CASE(free, void *, MUST(it = malloc(20)), free(it))
CASE(malloc_usable_size, void *, MUST((it = malloc(20)) && malloc_usable_size(it) >= 20), free(it))

CASE(_Znwm, void *, it = ::operator new(20), ::operator delete(it))
CASE(_ZnwmRKSt9nothrow_t, void *, MUST(it = ::operator new(20, std::nothrow)), ::operator delete(it))
CASE(_ZnwmSt11align_val_t, void *, it = ::operator new(20, aligned), ::operator delete(it, aligned))
CASE(_ZnwmSt11align_val_tRKSt9nothrow_t, void *, MUST(it = ::operator new(20, aligned, std::nothrow)),
     ::operator delete(it, aligned))
CASE(_Znam, void *, it = ::operator new[](20), ::operator delete[](it))
CASE(_ZnamRKSt9nothrow_t, void *, MUST(it = ::operator new[](20, std::nothrow)), ::operator delete[](it))
CASE(_ZnamSt11align_val_t, void *, it = ::operator new[](20, aligned), ::operator delete[](it, aligned))
CASE(_ZnamSt11align_val_tRKSt9nothrow_t, void *, MUST(it = ::operator new[](20, aligned, std::nothrow)),
     ::operator delete[](it, aligned))

CASE(_ZdlPv, void *, it = ::operator new(20), ::operator delete(it))
CASE(_ZdlPvm, void *, it = ::operator new(20), ::operator delete(it, std::size_t(20)))
CASE(_ZdlPvRKSt9nothrow_t, void *, it = ::operator new(20), ::operator delete(it, std::nothrow))
CASE(_ZdlPvSt11align_val_t, void *, it = ::operator new(20, aligned), ::operator delete(it, aligned))
CASE(_ZdlPvmSt11align_val_t, void *, it = ::operator new(20, aligned),
     ::operator delete(it, std::size_t(20), aligned))
CASE(_ZdlPvSt11align_val_tRKSt9nothrow_t, void *, it = ::operator new(20, aligned),
     ::operator delete(it, aligned, std::nothrow))
CASE(_ZdaPv, void *, it = ::operator new[](20), ::operator delete[](it))
CASE(_ZdaPvm, void *, it = ::operator new[](20), ::operator delete[](it, std::size_t(20)))
CASE(_ZdaPvRKSt9nothrow_t, void *, it = ::operator new[](20), ::operator delete[](it, std::nothrow))
CASE(_ZdaPvSt11align_val_t, void *, it = ::operator new[](20, aligned), ::operator delete[](it, aligned))
CASE(_ZdaPvmSt11align_val_t, void *, it = ::operator new[](20, aligned),
     ::operator delete[](it, std::size_t(20), aligned))
CASE(_ZdaPvSt11align_val_tRKSt9nothrow_t, void *, it = ::operator new[](20, aligned),
     ::operator delete[](it, aligned, std::nothrow))
