// Finds the block that contains an address. C++, freestanding; the caller provides the arrays. Not used by firmware.
#ifndef UNPAIRED_BLOCK_INDEX_H
#define UNPAIRED_BLOCK_INDEX_H

#include <stdint.h>

namespace unpaired::reachability {

struct Block {
    uint64_t address;
    uint64_t size : 63;
    /// A pointer to any position in the block holds it: memory that the program itself divides (mmap).
    uint64_t any_pointer_holds : 1;
};

/// Finds blocks by addresses in them. `blocks` has `count` elements in ascending order, without overlap. `index` has
/// `count` elements, which need no initial value.
class BlockIndex {
public:
    BlockIndex(const Block *blocks, uint32_t count, uint32_t *index)
        : blocks_(blocks), count_(count), index_(index)
    {
        if (count_ == 0)
            return;
        lowest_ = blocks_[0].address;
        highest_ = end_of(blocks_[count_ - 1]);
        make_index();
    }

    /// Returns false if the address lies before the first block or after the last.
    bool is_among(uint64_t address) const { return address >= lowest_ && address < highest_; }

    /// Returns the number of the block that contains the address, or the number of all blocks if none does.
    uint32_t block_at(uint64_t address) const
    {
        const uint32_t *place;
        const Stretch *stretch;
        if (!is_among(address) || (place = place_of(address, stretch)) == nullptr)
            return count_;
        const bool is_last = place + 1 == index_ + stretch->place + stretch->places;
        uint32_t first =
            *place; // the last block that begins at or before the address is this one or a later one
        uint32_t n = (is_last ? stretch->last : place[1]) - first + 1;
        while (n > 1) {
            const uint32_t half = n / 2;
            first = blocks_[first + half].address <= address ? first + half : first;
            n -= half;
        }
        return address >= blocks_[first].address && address < end_of(blocks_[first]) ? first : count_;
    }

    /// Prefetches the memory that block_at() reads first.
    void prefetch(uint64_t address) const
    {
        const Stretch *stretch;
        if (const uint32_t *place = place_of(address, stretch); place != nullptr)
            __builtin_prefetch(place);
    }

private:
    /// Blocks that lie near each other. A stretch has a part of the index: for each piece of 2^shift_ bytes the last
    /// block that begins before it, or else the first block.
    struct Stretch {
        uint64_t start, end, places; ///< number of elements of the index
        uint32_t place, last;        ///< start of its part; its last block
    };

    /// Makes the index by stretches. Blocks lie in a few areas far from each other (heap, mappings), so one division
    /// of the whole would put all of them into a few pieces.
    void make_index()
    {
        for (uint64_t gap = uint64_t{1} << 20;; gap *= 16) {
            n_stretches_ = 0;
            for (uint32_t i = 0; i < count_ && n_stretches_ <= most_stretches; i++) {
                if (n_stretches_ == 0 || blocks_[i].address - stretches_[n_stretches_ - 1].end >= gap) {
                    if (n_stretches_ == most_stretches) {
                        n_stretches_++;
                        break;
                    }
                    stretches_[n_stretches_++].start = blocks_[i].address;
                }
                stretches_[n_stretches_ - 1].end = end_of(blocks_[i]);
                stretches_[n_stretches_ - 1].last = i;
            }
            if (n_stretches_ <= most_stretches)
                break;
        }
        for (shift_ = 4; places_needed() > count_ && shift_ < 63; shift_++) {
        }
        uint32_t block = 0, place = 0;
        for (Stretch *stretch = stretches_; stretch != stretches_ + n_stretches_; stretch++) {
            stretch->place = place;
            stretch->places = ((stretch->end - stretch->start - 1) >> shift_) + 1;
            for (uint64_t i = 0; i < stretch->places; i++) {
                while (block < stretch->last && blocks_[block + 1].address <= stretch->start + (i << shift_))
                    block++;
                index_[place++] = block;
            }
            block = stretch->last + 1;
        }
    }

    uint64_t places_needed() const
    {
        uint64_t places = 0;
        for (const Stretch *stretch = stretches_; stretch != stretches_ + n_stretches_; stretch++)
            places += ((stretch->end - stretch->start - 1) >> shift_) + 1;
        return places;
    }

    /// Returns the element of the index for an address among the blocks, or null if no block is near it.
    const uint32_t *place_of(uint64_t address, const Stretch *&stretch) const
    {
        stretch = stretches_;
        while (stretch + 1 < stretches_ + n_stretches_ && stretch[1].start <= address)
            stretch++;
        return address < stretch->end ? index_ + stretch->place + ((address - stretch->start) >> shift_)
                                      : nullptr;
    }

    static uint64_t end_of(const Block &block)
    {
        return block.address + (block.size != 0 ? block.size : 1); // a block of 0 bytes has an address too
    }

    const Block *blocks_;
    const uint32_t count_;
    uint32_t *index_;
    static constexpr unsigned most_stretches = 32;
    Stretch stretches_[most_stretches];
    unsigned n_stretches_ = 0, shift_ = 0;
    uint64_t lowest_ = 0, highest_ = 0;
};

} // namespace unpaired::reachability

#endif
