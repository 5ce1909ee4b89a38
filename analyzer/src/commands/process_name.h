// Sets the name that ps(1) and pkill(1) show.
#pragma once

namespace unpaired {

/// Gives this process another name, and removes its arguments. A signal that a user sends by name to `unpaired` must
/// not reach its helpers.
void rename_process(const char *name);

} // namespace unpaired
