// Hash tables of cache lines. An entry is a fingerprint of the address and the slot's reference; the address itself
// is in the slot. A full line counts a further entry in `passed`, and the entry goes to the next line: a search ends
// at the first line that no entry has passed. When several lines in a row are full, a larger table is made. New
// entries go to the newest table, and the older tables drain.
#include "heap_index.h"

#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

namespace unpaired::heap_index {
namespace {

constexpr unsigned entries_of_line = 7, lines_searched = 4;
struct alignas(64) Line {
    uint64_t entry[entries_of_line]; ///< fingerprint << 32 | slot; 0: free
    uint64_t passed;
};
static_assert(sizeof(Line) == 64);

constexpr unsigned most_tables = 5;
constexpr unsigned bits_of_table[most_tables] = {13, 16, 19, 22, 25}; // 57,000 entries to 235 million
Line *tables[most_tables];
bool kept_by_child[most_tables]; // true: the kernel does not zero the table in a forked child

struct Place {
    uint64_t hash;
    uint32_t fingerprint() const { return static_cast<uint32_t>(hash); }
    Line &line(unsigned table, Line *lines, unsigned distance) const
    {
        const uint64_t mask = (uint64_t{1} << bits_of_table[table]) - 1;
        return lines[((hash >> 32) + distance) & mask];
    }
};

Place place_of(uint64_t block)
{
    const uint64_t h = block * 0x9e3779b97f4a7c15ull;
    return {h ^ (h >> 29)};
}

uint64_t entry_of(Place place, uint32_t slot) { return uint64_t{place.fingerprint()} << 32 | slot; }
uint32_t slot_of(uint64_t entry) { return static_cast<uint32_t>(entry); }

/// The position of an entry, and the lines that it passed.
struct Found {
    uint64_t *entry = nullptr;
    uint64_t value = 0;
    unsigned table = 0, distance = 0;
};

Found look_up_in(unsigned table, Line *lines, Place place, uint64_t block)
{
    for (unsigned distance = 0; distance < lines_searched; distance++) {
        Line &line = place.line(table, lines, distance);
        for (uint64_t &entry : line.entry) {
            const uint64_t value = load(entry, __ATOMIC_ACQUIRE);
            if (value >> 32 == place.fingerprint() && slot_of(value) != 0 &&
                slot_at(slot_of(value))->handle == block)
                return {&entry, value, table, distance};
        }
        if (load(line.passed, __ATOMIC_ACQUIRE) == 0)
            break;
    }
    return {};
}

Found look_up(Place place, uint64_t block)
{
    for (unsigned table = most_tables; table-- > 0;)
        if (Line *lines = load(tables[table], __ATOMIC_ACQUIRE); lines != nullptr)
            if (const Found found = look_up_in(table, lines, place, block); found.entry != nullptr)
                return found;
    return {};
}

void forget_passage(unsigned table, Line *lines, Place place, unsigned distance)
{
    while (distance-- > 0)
        add(place.line(table, lines, distance).passed, ~uint64_t{0});
}

bool enter_in(unsigned table, Line *lines, Place place, uint32_t slot)
{
    for (unsigned distance = 0; distance < lines_searched; distance++) {
        Line &line = place.line(table, lines, distance);
        for (uint64_t &entry : line.entry) {
            uint64_t free = 0;
            if (load(entry) == 0 && __atomic_compare_exchange_n(&entry, &free, entry_of(place, slot), false,
                                                                __ATOMIC_RELEASE, __ATOMIC_RELAXED))
                return true;
        }
        add(line.passed, uint64_t{1});
    }
    forget_passage(table, lines, place, lines_searched);
    return false;
}

/// Returns the table, and makes it first if needed. Returns nullptr if no memory is left.
Line *table_at(unsigned table)
{
    Line *lines = load(tables[table], __ATOMIC_ACQUIRE);
    if (lines != nullptr)
        return lines;
    const size_t bytes = sizeof(Line) << bits_of_table[table];
    auto *fresh = static_cast<Line *>(sys::anonymous(bytes));
    if (fresh == nullptr)
        return nullptr;
    const bool wiped = sys::call(SYS_madvise, sys::of(fresh), static_cast<long>(bytes), MADV_WIPEONFORK) == 0;
    if (!__atomic_compare_exchange_n(&tables[table], &lines, fresh, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        sys::call(SYS_munmap, sys::of(fresh), static_cast<long>(bytes));
        return lines;
    }
    if (!wiped)
        store(kept_by_child[table], true);
    return fresh;
}

bool remove(const Found &found, Place place)
{
    uint64_t value = found.value;
    if (!__atomic_compare_exchange_n(found.entry, &value, uint64_t{0}, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_RELAXED))
        return false;
    forget_passage(found.table, tables[found.table], place, found.distance);
    return true;
}

} // namespace

uint32_t enter(uint64_t block, uint32_t slot, bool &ok)
{
    const Place place = place_of(block);
    uint32_t before = 0;
    for (Found found = look_up(place, block); found.entry != nullptr; found = look_up(place, block))
        if (remove(found, place) && slot_of(found.value) != slot)
            before = slot_of(found.value);
    unsigned table = most_tables - 1;
    while (table > 0 && load(tables[table], __ATOMIC_ACQUIRE) == nullptr)
        table--;
    for (; table < most_tables; table++) {
        Line *lines = table_at(table);
        ok = lines != nullptr && enter_in(table, lines, place, slot);
        if (ok || lines == nullptr)
            break;
    }
    return before;
}

uint32_t take(uint64_t block)
{
    const Place place = place_of(block);
    const Found found = look_up(place, block);
    return found.entry != nullptr && remove(found, place) ? slot_of(found.value) : 0;
}

uint32_t find(uint64_t block)
{
    const Found found = look_up(place_of(block), block);
    return slot_of(found.value);
}

void forget()
{
    for (unsigned table = 0; table < most_tables; table++)
        if (load(kept_by_child[table]))
            __builtin_memset(tables[table], 0, sizeof(Line) << bits_of_table[table]);
}

} // namespace unpaired::heap_index
