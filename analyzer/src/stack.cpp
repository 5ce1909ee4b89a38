#include "stack.h"

#include <functional>

namespace unpaired {

size_t FramePool::Hash::operator()(const Stack::SharedFrame &frame) const
{
    size_t hash = 0;
    const auto mix = [&hash](uint64_t value) {
        hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    };
    mix(frame->address);
    mix(static_cast<uint64_t>(frame->line) * 2 + frame->inlined);
    // equal names are one text in memory
    for (const Name *name : {&frame->function, &frame->file, &frame->module})
        mix(std::hash<const std::string *>()(&name->text()));
    return hash;
}

Stack::SharedFrame FramePool::of(const Frame &frame)
{
    return *frames_.insert(std::make_shared<const Frame>(frame)).first;
}

} // namespace unpaired
