// Hooks the calls of libraries that are loaded with RTLD_DEEPBIND. The loader binds these calls directly to the C
// library.
#pragma once

namespace unpaired::deep_bind {

/// Rebinds calls to the hooks in the libraries that dlopen(3) just loaded as `handle` with RTLD_DEEPBIND: calls that
/// the loader bound to the real function of a hook, or will bind to it at the first call. Keeps calls to functions
/// that these libraries define themselves. Call it after update_modules().
void bind_to_hooks(void *handle);

} // namespace unpaired::deep_bind
