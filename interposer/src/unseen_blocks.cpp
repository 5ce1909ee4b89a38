#include "unseen_blocks.h"

#include "real.h"

namespace unpaired {

uint64_t thread_cache_key;

void learn_thread_cache_key()
{
    // The block comes out of the thread's own list, if that has one, and so goes back to it with the key.
    constexpr size_t size = 24;
    using Allocate = void *(*)(size_t);
    using Free = void (*)(void *);
    const auto allocate = reinterpret_cast<Allocate>(real::address(UNPAIRED_FUNCTION_malloc));
    const auto free = reinterpret_cast<Free>(real::address(UNPAIRED_FUNCTION_free));
    auto *block = static_cast<volatile uint64_t *>(allocate(size));
    if (block == nullptr)
        return;
    block[1] = 0;
    free(const_cast<uint64_t *>(block));
    store(thread_cache_key, static_cast<uint64_t>(block[1]));
}

} // namespace unpaired
