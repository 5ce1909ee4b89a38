#include "name.h"

#include <mutex>
#include <unordered_set>

namespace unpaired {
namespace {

/// The one copy of a text that is not empty. A set's elements stay where they are when it grows.
const std::string *kept(const std::string &text)
{
    static std::mutex mutex;
    static std::unordered_set<std::string> &texts =
        *new std::unordered_set<std::string>; // names may outlive statics
    const std::lock_guard lock(mutex);
    return &*texts.insert(text).first;
}

} // namespace

Name::Name(const std::string &text) : text_(text.empty() ? nullptr : kept(text)) {}

Name::Name(const char *text) : Name(std::string(text)) {}

const std::string Name::nothing;

} // namespace unpaired
