// Call sites: a function, called from a stack, on behalf of an owner. Interned once and recorded once.
#pragma once

#include "walk.h"

namespace unpaired {

struct SiteInfo {
    uint16_t function, family;
    uint32_t owner;
    uint8_t owner_source; ///< enum unpaired_owner_source
};

/// The number of the site, recorded if it is new; 0 when there was no room for it.
uint32_t intern_site(Thread &thread, unsigned function, unsigned family, const Stack &stack);

/// What is known of a site that this image or an ancestor interned.
SiteInfo site_info(uint32_t site);

} // namespace unpaired
