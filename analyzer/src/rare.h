// A value that few findings have.
#pragma once

#include <memory>
#include <utility>

namespace unpaired {

/// A value that is mostly unset: used like std::optional, but as small as a pointer while unset.
template <class Value> class Rare {
public:
    Rare() = default;
    Rare(Value value) : value_(std::make_unique<Value>(std::move(value))) {}
    Rare(const Rare &other) : value_(other ? std::make_unique<Value>(*other) : nullptr) {}
    Rare(Rare &&) noexcept = default;
    Rare &operator=(Rare other) noexcept
    {
        value_.swap(other.value_);
        return *this;
    }
    ~Rare() = default;

    explicit operator bool() const { return value_ != nullptr; }
    bool has_value() const { return value_ != nullptr; }
    Value &operator*() { return *value_; }
    const Value &operator*() const { return *value_; }
    Value *operator->() { return value_.get(); }
    const Value *operator->() const { return value_.get(); }

    Value &emplace() { return *(value_ = std::make_unique<Value>()); }
    void reset() { value_.reset(); }
    void swap(Rare &other) noexcept { value_.swap(other.value_); }
    friend void swap(Rare &a, Rare &b) noexcept { a.swap(b); }

    bool operator==(const Rare &other) const
    {
        return has_value() == other.has_value() && (!has_value() || *value_ == *other.value_);
    }

private:
    std::unique_ptr<Value> value_;
};

} // namespace unpaired
