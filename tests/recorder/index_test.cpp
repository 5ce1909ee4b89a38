// Tests the index of handles and the ledger with several threads; also under ThreadSanitizer (preset tsan).
#include "index.h"
#include "ledger.h"
#include "mapping.h"

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace unpaired;

namespace {

constexpr uint32_t site = 64; // the ledger needs only a number

/// A trace of this process, in a folder of its own, without the recorder's hooks.
class Recording {
public:
    Recording()
    {
        REQUIRE(mkdtemp(folder_.data()) != nullptr);
        process = {};
        forget_threads_of_parent();
        index::forget();
        process.pid = getpid();
        process.announced = true;
        process.image = 1;
        REQUIRE(map_trace((folder_ + "/t.trace").c_str(), 256u << 20));
        REQUIRE(unlink((folder_ + "/t.trace").c_str()) == 0);
        REQUIRE(rmdir(folder_.c_str()) == 0);
    }
    Recording(const Recording &) = delete;
    Recording &operator=(const Recording &) = delete;

private:
    std::string folder_ = "/tmp/unpaired-test-XXXXXX";
};

uint32_t acquire(Thread &thread, unsigned space, uint64_t handle, uint64_t size = 0)
{
    const uint32_t slot = take_slot(thread);
    if (slot == 0)
        std::abort();
    const Acquired what{handle, size, site, 0, 0, static_cast<uint8_t>(space), 0};
    uint32_t replaced = 0;
    fill(thread, slot, what);
    if (kind_of_space[space] == UNPAIRED_KIND_RANGE ? !index::enter_range(slot)
                                                    : !index::enter(slot, replaced))
        std::abort();
    make_live(thread, slot, what);
    return replaced;
}

bool release(Thread &thread, unsigned space, uint64_t handle, uint64_t size = 0)
{
    const uint32_t slot = kind_of_space[space] == UNPAIRED_KIND_RANGE ? index::take_range_within(handle, size)
                                                                      : index::take(space, handle);
    if (slot != 0)
        send_home(thread, slot);
    return slot != 0;
}

uint64_t live_slots()
{
    uint64_t n = 0;
    any_slot([&](const unpaired_slot &slot) {
        n += live(slot);
        return false;
    });
    return n;
}

uint64_t counted()
{
    uint64_t n = 0;
    for (Thread *thread = process.threads; thread != nullptr; thread = thread->next)
        n += counter(*thread, site)->acquired;
    return n;
}

/// Handles, each of which is free or held by one thread or in the table.
struct Handles {
    static constexpr unsigned count = 512;
    unsigned space;
    uint64_t first, apart, size;
    std::array<uint32_t, count> held{}; // by atomic exchange

    uint64_t at(unsigned i) const { return first + i * apart; }
};

/// Acquires a handle if it is free, or releases it if it is held. 2 marks that a thread is changing it.
bool turn(Thread &thread, Handles &handles, unsigned i, uint64_t &acquired)
{
    const uint32_t before = __atomic_exchange_n(&handles.held[i], 2u, __ATOMIC_ACQ_REL);
    if (before == 2)
        return true;
    bool right = true;
    if (before == 0) {
        right = acquire(thread, handles.space, handles.at(i), handles.size) == 0;
        acquired++;
    } else {
        right = release(thread, handles.space, handles.at(i), handles.size);
    }
    __atomic_store_n(&handles.held[i], 1 - before, __ATOMIC_RELEASE);
    return right;
}

} // namespace

TEST_CASE("what threads enter into the index and release for each other is found each time")
{
    const Recording recording;
    // Uses locks that lie close together, semaphores far apart, streams, and adjacent mappings of two sizes.
    std::array<Handles, 5> all{{{UNPAIRED_SPACE_rwlock, 0x10000, 56, 0, {}},
                                {UNPAIRED_SPACE_sem, 0x700000000000, 4096, 0, {}},
                                {UNPAIRED_SPACE_stream, 0x20000, 64, 0, {}},
                                {UNPAIRED_SPACE_mapping, 0x40000000, 0x4000, 0x4000, {}},
                                {UNPAIRED_SPACE_mapping, 0x80000000, 0x200000, 0x100000, {}}}};
    constexpr unsigned n_threads = 4, turns = 20000;
    std::vector<std::thread> threads;
    std::array<uint64_t, n_threads> acquired{};
    std::array<bool, n_threads> right{};
    for (unsigned n = 0; n < n_threads; n++)
        threads.emplace_back([&, n] {
            Thread *thread = attach_thread();
            uint32_t random = n * 2654435761u + 1;
            right[n] = thread != nullptr;
            for (unsigned i = 0; i < turns && right[n]; i++) {
                random = random * 1103515245 + 12345;
                right[n] = turn(*thread, all[(random >> 8) % all.size()], (random >> 16) % Handles::count,
                                acquired[n]);
            }
        });
    for (std::thread &thread : threads)
        thread.join();

    uint64_t total = 0, held = 0;
    for (unsigned n = 0; n < n_threads; n++) {
        CHECK(right[n]);
        total += acquired[n];
    }
    for (const Handles &handles : all)
        for (const uint32_t is_held : handles.held)
            held += is_held;
    CHECK(counted() == total);
    CHECK(live_slots() == held);

    Thread *thread = attach_thread();
    for (Handles &handles : all)
        for (unsigned i = 0; i < Handles::count; i++)
            if (handles.held[i] != 0)
                CHECK(release(*thread, handles.space, handles.at(i), handles.size));
    CHECK(live_slots() == 0);
    for (const Handles &handles : all)
        for (unsigned i = 0; i < Handles::count; i++)
            CHECK_FALSE(release(*thread, handles.space, handles.at(i), handles.size));
}

TEST_CASE("of threads that release one handle at the same time one succeeds")
{
    const Recording recording;
    constexpr unsigned n_threads = 4, rounds = 2000;
    std::array<uint32_t, n_threads> taken{};
    uint32_t round = 0, done = 0;
    std::vector<std::thread> threads;
    for (unsigned n = 0; n < n_threads; n++)
        threads.emplace_back([&, n] {
            Thread *thread = attach_thread();
            for (uint32_t i = 1; i <= rounds; i++) {
                while (load(round, __ATOMIC_ACQUIRE) < i)
                    std::this_thread::yield();
                taken[n] += release(*thread, UNPAIRED_SPACE_rwlock, 0x1000);
                __atomic_fetch_add(&done, 1u, __ATOMIC_ACQ_REL);
            }
        });
    Thread *thread = attach_thread();
    for (uint32_t i = 1; i <= rounds; i++) {
        acquire(*thread, UNPAIRED_SPACE_rwlock, 0x1000);
        store(round, i, __ATOMIC_RELEASE);
        while (load(done, __ATOMIC_ACQUIRE) < i * n_threads)
            std::this_thread::yield();
    }
    for (std::thread &each : threads)
        each.join();
    uint32_t sum = 0;
    for (const uint32_t n : taken)
        sum += n;
    CHECK(sum == rounds);
    CHECK(live_slots() == 0);
}

TEST_CASE("a handle that is acquired several times is released the last time first")
{
    const Recording recording;
    Thread &thread = *attach_thread();
    for (uint64_t size = 1; size <= 20; size++)
        acquire(thread, UNPAIRED_SPACE_dl, 0x5000, size);
    for (uint64_t size = 20; size >= 1; size--) {
        const uint32_t slot = index::take(UNPAIRED_SPACE_dl, 0x5000);
        REQUIRE(slot != 0);
        CHECK(slot_at(slot)->size == size);
        send_home(thread, slot);
    }
    CHECK(index::take(UNPAIRED_SPACE_dl, 0x5000) == 0);
}

TEST_CASE("an object that is initialised again replaces the one that was there")
{
    const Recording recording;
    Thread &thread = *attach_thread();
    CHECK(acquire(thread, UNPAIRED_SPACE_sem, 0x8010) == 0);
    const uint32_t first = index::find(UNPAIRED_SPACE_sem, 0x8010);
    REQUIRE(first != 0);
    CHECK(acquire(thread, UNPAIRED_SPACE_sem, 0x8010) == first);
    CHECK_FALSE(live(*slot_at(first)));
    CHECK(index::find(UNPAIRED_SPACE_sem, 0x8010) != first);
}

TEST_CASE("objects in memory that is freed are found, however many lie near")
{
    const Recording recording;
    Thread &thread = *attach_thread();
    constexpr uint64_t from = 0x100000, apart = 4, n = 1000;
    for (uint64_t i = 0; i < n; i++)
        acquire(thread, UNPAIRED_SPACE_spin, from + i * apart);
    CHECK(index::in_place_near(from + 400, 8));
    uint32_t slot = index::take_in_place_within(from + 400, 8);
    CHECK(slot_at(slot)->handle - (from + 400) < 8);
    slot = index::take_in_place_within(from + 400, 8);
    CHECK(slot_at(slot)->handle - (from + 400) < 8);
    CHECK(index::take_in_place_within(from + 400, 8) == 0);
    for (uint64_t i = 0; i < n - 2; i++)
        REQUIRE(index::take_in_place_within(0, UINT64_MAX / 2) != 0);
    CHECK(index::take_in_place_within(0, UINT64_MAX / 2) == 0);
    CHECK_FALSE(index::in_place_near(from, 8));
}

TEST_CASE("mappings are found by any part of them")
{
    const Recording recording;
    Thread &thread = *attach_thread();
    const uint64_t base = 0x7f0000000000;
    for (uint64_t i = 0; i < 100; i++)
        acquire(thread, UNPAIRED_SPACE_mapping, base + i * 0x10000, 0x3000);
    acquire(thread, UNPAIRED_SPACE_mapping, base + 0x1000000, 0x40000000);
    CHECK(index::take_range_within(base + 0x3000, 0xd000) == 0);
    uint32_t slot = index::take_range_within(base + 0x12000, 0x1000); // its last page
    REQUIRE(slot != 0);
    CHECK(slot_at(slot)->handle == base + 0x10000);
    CHECK(live(*slot_at(slot)));
    REQUIRE(index::enter_range(slot));
    slot = index::take_range_within(base + 0x30000000, 0x1000); // the middle of the large one
    REQUIRE(slot != 0);
    CHECK(slot_at(slot)->size == 0x40000000);
    REQUIRE(index::enter_range(slot));
    uint32_t found = 0;
    while (index::take_range_within(base - 0x1000, 0x80000000) != 0) // all lie inside
        found++;
    CHECK(found == 101);
    CHECK(live_slots() == 0);
}
