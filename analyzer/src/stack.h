// A stack of frames. A large program has a hundred thousand stacks that are made of a few thousand frames, so stacks
// share their frames.
#pragma once

#include "name.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

namespace unpaired {

/// One frame of a symbolised stack. An inlined call has its own frame, with the address of the code it was
/// inlined into. `file` is as the debug information spells it; empty if unknown, and `line` then 0.
struct Frame {
    Name function; ///< demangled; "" if unknown
    Name file;
    int line = 0;
    Name module;          ///< path of the file that contains the code; "" if none
    uint64_t address = 0; ///< as it ran: a return address, except in the innermost frame of a signal
    bool inlined = false;
    bool operator==(const Frame &) const = default;
};

/// Frames, innermost first. Reads like a vector of frames; copies share the frames.
class Stack {
public:
    using SharedFrame = std::shared_ptr<const Frame>;
    using value_type = Frame;

    class const_iterator {
    public:
        using iterator_category = std::random_access_iterator_tag;
        using value_type = Frame;
        using difference_type = std::ptrdiff_t;
        using pointer = const Frame *;
        using reference = const Frame &;

        const_iterator() = default;
        explicit const_iterator(const SharedFrame *at) : at_(at) {}
        reference operator*() const { return **at_; }
        pointer operator->() const { return at_->get(); }
        reference operator[](difference_type n) const { return *at_[n]; }
        const_iterator &operator+=(difference_type n)
        {
            at_ += n;
            return *this;
        }
        const_iterator &operator-=(difference_type n) { return *this += -n; }
        const_iterator &operator++() { return *this += 1; }
        const_iterator &operator--() { return *this -= 1; }
        const_iterator operator++(int) { return std::exchange(*this, *this + 1); }
        const_iterator operator--(int) { return std::exchange(*this, *this - 1); }
        friend const_iterator operator+(const_iterator a, difference_type n) { return a += n; }
        friend const_iterator operator+(difference_type n, const_iterator a) { return a += n; }
        friend const_iterator operator-(const_iterator a, difference_type n) { return a -= n; }
        friend difference_type operator-(const_iterator a, const_iterator b) { return a.at_ - b.at_; }
        auto operator<=>(const const_iterator &) const = default;

    private:
        const SharedFrame *at_ = nullptr;
    };
    using iterator = const_iterator;
    using const_reverse_iterator = std::reverse_iterator<const_iterator>;

    Stack() = default;
    Stack(std::initializer_list<Frame> frames) : Stack(frames.begin(), frames.end()) {}
    Stack(const std::vector<Frame> &frames) : Stack(frames.begin(), frames.end()) {}
    template <std::input_iterator Iterator> Stack(Iterator begin, Iterator end)
    {
        for (; begin != end; ++begin)
            push_back(*begin);
    }

    bool empty() const { return frames_.empty(); }
    size_t size() const { return frames_.size(); }
    const Frame &operator[](size_t i) const { return *frames_[i]; }
    const Frame &at(size_t i) const { return *frames_.at(i); }
    const Frame &front() const { return *frames_.front(); }
    const Frame &back() const { return *frames_.back(); }
    const_iterator begin() const { return const_iterator(frames_.data()); }
    const_iterator end() const { return const_iterator(frames_.data() + frames_.size()); }
    const_reverse_iterator rbegin() const { return const_reverse_iterator(end()); }
    const_reverse_iterator rend() const { return const_reverse_iterator(begin()); }

    void reserve(size_t frames) { frames_.reserve(frames); }
    void shrink_to_fit() { frames_.shrink_to_fit(); }
    void push_back(const Frame &frame) { frames_.push_back(std::make_shared<const Frame>(frame)); }
    void push_back(SharedFrame frame) { frames_.push_back(std::move(frame)); }
    void pop_back() { frames_.pop_back(); }
    void append(const Stack &more)
    {
        frames_.insert(frames_.end(), more.frames_.begin(), more.frames_.end());
    }

    /// Replaces the frame at `i` in this stack only; stacks that share that frame keep it.
    void replace(size_t i, const Frame &frame) { frames_[i] = std::make_shared<const Frame>(frame); }

    /// Returns the frame at `i` for other stacks to share. All stacks that share it have the same pointer.
    const SharedFrame &shared(size_t i) const { return frames_[i]; }

    bool operator==(const Stack &other) const
    {
        if (size() != other.size())
            return false;
        for (size_t i = 0; i < size(); i++)
            if (frames_[i] != other.frames_[i] && *frames_[i] != *other.frames_[i])
                return false;
        return true;
    }

private:
    std::vector<SharedFrame> frames_;
};

/// Keeps one copy of each distinct frame, for stacks that are read from a file.
class FramePool {
public:
    Stack::SharedFrame of(const Frame &frame);

private:
    struct Hash {
        size_t operator()(const Stack::SharedFrame &frame) const;
    };
    struct Equal {
        bool operator()(const Stack::SharedFrame &a, const Stack::SharedFrame &b) const { return *a == *b; }
    };
    std::unordered_set<Stack::SharedFrame, Hash, Equal> frames_;
};

} // namespace unpaired
