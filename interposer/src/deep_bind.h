// Libraries that are loaded with RTLD_DEEPBIND: the loader binds their calls to the C library and passes over the hooks.
#pragma once

namespace unpaired::deep_bind {

/// Binds the calls of the libraries that dlopen(3) just loaded as `handle` with RTLD_DEEPBIND to the hooks, where the
/// loader bound them to the functions behind the hooks, or would when they are first called. A function that these
/// libraries define themselves stays theirs. After update_modules().
void bind_to_hooks(void *handle);

} // namespace unpaired::deep_bind
