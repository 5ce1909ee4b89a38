// Names come from other programs and need not be UTF-8, nor printable.
#pragma once

#include <string>
#include <string_view>

namespace unpaired {

/// `text` as valid UTF-8 without characters that XML 1.0 forbids: what is no UTF-8 becomes U+FFFD, a control
/// character '?'. Line feeds and tabs stay.
std::string printable_utf8(std::string_view text);

} // namespace unpaired
