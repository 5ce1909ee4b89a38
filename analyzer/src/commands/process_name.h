// The name that ps(1) and pkill(1) see.
#pragma once

namespace unpaired {

/// Gives this process another name, and removes the arguments it was called with. A signal that a user sends by name to
/// `unpaired` must not reach its helpers.
void rename_process(const char *name);

} // namespace unpaired
