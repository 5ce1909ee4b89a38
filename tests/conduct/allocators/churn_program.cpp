// link: -pthread
// Uses the heap in every way and checks that no block is overwritten by another; then leaks 100 blocks. An allocator that
// keeps blocks of equal size together trusts the size that sized delete passes, and hands out a block of another size
// again if that size is wrong.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

enum class Made { by_new, by_new_array, by_aligned_new, by_malloc, by_calloc, by_posix_memalign, end };

struct Block {
    unsigned char *start;
    size_t size;
    unsigned char fill;
    Made made;
};

std::atomic<long> overwritten;
thread_local unsigned state;

unsigned number(unsigned below)
{
    state = state * 1103515245 + 12345;
    return (state >> 8) % below;
}

Block make()
{
    Block block{};
    block.made = static_cast<Made>(number(static_cast<unsigned>(Made::end)));
    block.size = number(20) == 0 ? 1 + number(20000) : 1 + number(400);
    block.fill = static_cast<unsigned char>(number(256));
    void *at = nullptr;
    switch (block.made) {
    case Made::by_new:
        at = ::operator new(block.size);
        break;
    case Made::by_new_array:
        at = ::operator new[](block.size);
        break;
    case Made::by_aligned_new:
        at = ::operator new (block.size, std::align_val_t{64});
        break;
    case Made::by_malloc: // the caller may use all bytes of the block
        at = malloc(block.size);
        block.size = malloc_usable_size(at);
        break;
    case Made::by_calloc:
        at = calloc(block.size, 1);
        break;
    default:
        if (posix_memalign(&at, 128, block.size) != 0)
            abort();
    }
    block.start = static_cast<unsigned char *>(at);
    memset(at, block.fill, block.size);
    return block;
}

void check(const Block &block)
{
    for (size_t i = 0; i < block.size; i++)
        if (block.start[i] != block.fill) {
            overwritten++;
            return;
        }
}

void release(const Block &block)
{
    check(block);
    switch (block.made) {
    case Made::by_new:
        ::operator delete(block.start, block.size);
        break;
    case Made::by_new_array:
        ::operator delete[](block.start, block.size);
        break;
    case Made::by_aligned_new:
        ::operator delete (block.start, block.size, std::align_val_t{64});
        break;
    default:
        free(block.start);
    }
}

void resize(Block &block)
{
    if (block.made != Made::by_malloc && block.made != Made::by_calloc)
        return;
    check(block);
    block.size = 1 + number(3000);
    block.start = static_cast<unsigned char *>(realloc(block.start, block.size));
    memset(block.start, block.fill, block.size);
}

void churn(unsigned seed)
{
    state = seed;
    std::vector<Block> live;
    live.reserve(1000);
    for (int i = 0; i < 60000; i++) {
        if (live.size() < 1000 && number(2) == 0) {
            live.push_back(make());
        } else if (!live.empty()) {
            const size_t at = number(static_cast<unsigned>(live.size()));
            if (number(4) == 0) {
                resize(live[at]);
                continue;
            }
            release(live[at]);
            live[at] = live.back();
            live.pop_back();
        }
    }
    for (const Block &block : live)
        release(block);
}

__attribute__((noinline)) void leak()
{
    for (int i = 0; i < 100; i++)
        memset(::operator new(37), 1, 37);
}

} // namespace

int main()
{
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 3; i++)
        threads.emplace_back(churn, i);
    for (std::thread &thread : threads)
        thread.join();
    const pid_t child = fork(); // releases inherited blocks and its own
    churn(9);
    if (child == 0)
        _exit(overwritten != 0);
    int status = -1;
    waitpid(child, &status, 0);
    leak();
    printf("overwritten: %ld, child: %d\n", overwritten.load(), status);
    return overwritten != 0 || status != 0;
}
