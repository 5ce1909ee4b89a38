// Arrays for work at the end, in memory mapped for them: nothing of them is left afterwards.
#pragma once

#include "sys.h"

#include <sys/mman.h>

namespace unpaired {

/// A growing array of trivial elements, zero at first. Owns its memory.
template <class T> class ScratchArray {
public:
    ScratchArray() = default;
    ScratchArray(const ScratchArray &) = delete;
    ScratchArray &operator=(const ScratchArray &) = delete;
    ~ScratchArray()
    {
        if (data_ != nullptr)
            sys::call(SYS_munmap, sys::of(data_), static_cast<long>(room_ * sizeof(T)));
    }

    /// Room for `n` elements at least; false if there is no memory for it.
    bool reserve(size_t n)
    {
        if (n <= room_)
            return true;
        const size_t bytes = (n * sizeof(T) + page - 1) / page * page;
        const long at = data_ == nullptr
                            ? sys::of(sys::anonymous(bytes))
                            : sys::call(SYS_mremap, sys::of(data_), static_cast<long>(room_ * sizeof(T)),
                                        static_cast<long>(bytes), MREMAP_MAYMOVE);
        if (at == 0 || (at < 0 && at > -4096))
            return false;
        data_ = reinterpret_cast<T *>(at);
        room_ = bytes / sizeof(T);
        return true;
    }
    bool push(const T &element)
    {
        if (size_ == room_ && !reserve(room_ == 0 ? page / sizeof(T) : room_ * 2))
            return false;
        data_[size_++] = element;
        return true;
    }
    /// `n` elements, the new ones zero.
    bool resize(size_t n)
    {
        if (!reserve(n))
            return false;
        size_ = n;
        return true;
    }

    uint64_t first_byte() const { return reinterpret_cast<uint64_t>(data_); }
    uint64_t last_byte() const { return first_byte() + (room_ * sizeof(T) + page - 1) / page * page; }
    T *data() { return data_; }
    const T *data() const { return data_; }
    size_t size() const { return size_; }
    T *begin() { return data_; }
    T *end() { return data_ + size_; }
    const T *begin() const { return data_; }
    const T *end() const { return data_ + size_; }
    T &operator[](size_t i) { return data_[i]; }
    const T &operator[](size_t i) const { return data_[i]; }

private:
    static constexpr size_t page = 4096;
    static_assert(page % sizeof(T) == 0 || sizeof(T) <= page, "an element fits into a page");
    T *data_ = nullptr;
    size_t size_ = 0, room_ = 0;
};

} // namespace unpaired
