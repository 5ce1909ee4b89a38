// Threads: creation, and the names they are given.
#include "hook.h"

#include "address_space.h"
#include "libc.h"
#include "program_memory.h"
#include "seal.h"

#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>

using namespace unpaired;

namespace {

Acquisition joinable(pthread_t thread)
{
    return {UNPAIRED_FUNCTION_pthread_create, UNPAIRED_FAMILY_thread, UNPAIRED_SPACE_thread,
            handle_of(thread)};
}

bool created_detached(const pthread_attr_t *attributes)
{
    int state = PTHREAD_CREATE_JOINABLE;
    return attributes != nullptr && libc::functions().pthread_attr_getdetachstate(attributes, &state) == 0 &&
           state == PTHREAD_CREATE_DETACHED;
}

/// Makes every thread look at its name again at its next event.
void names_changed()
{
    if (is_recording())
        add(process.names, 1u);
}

} // namespace

UNPAIRED_HOOK(int, pthread_create,
              (pthread_t * thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument))
{
    const Caller caller = UNPAIRED_CALLER();
    const bool detached = created_detached(attributes);
    Acquiring acquiring = begin_acquire(caller);
    if (acquiring.thread != nullptr)
        early_releases_begin();
    int ret = UNPAIRED_REAL(pthread_create)(thread, attributes, start, argument);
    if (ret == EAGAIN && give_way(0)) // no address space for its stack
        ret = UNPAIRED_REAL(pthread_create)(thread, attributes, start, argument);
    if (ret != 0) {
        finish_failed(acquiring, caller, joinable(0), ret);
    } else if (detached) {
        finish_nothing(acquiring); // nobody's to join
    } else {
        // A fast thread may have detached itself before we know its handle.
        pthread_t handle = 0;
        if (copy_from_program(reinterpret_cast<uint64_t>(thread), &handle, sizeof handle) != sizeof handle)
            handle = sys::sealed() ? *thread : 0; // the new thread may have unmapped it already
        const uint32_t slot = finish_acquire(acquiring, caller, joinable(handle));
        if (slot != 0 && early_release_of(handle_of(handle)))
            released_by(acquiring.thread, caller, UNPAIRED_FUNCTION_pthread_detach, UNPAIRED_SPACE_thread,
                        handle_of(handle));
    }
    if (acquiring.thread != nullptr)
        early_releases_end();
    return ret;
}

UNPAIRED_HOOK(int, pthread_setname_np, (pthread_t thread, const char *name))
{
    const int ret = UNPAIRED_REAL(pthread_setname_np)(thread, name);
    names_changed();
    return ret;
}

UNPAIRED_HOOK(int, prctl, (int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d))
{
    const auto call = [=] { return UNPAIRED_REAL(prctl)(option, a, b, c, d); };
    if (option == PR_SET_SECCOMP)
        return while_sealing(stack_pointer(),
                             a == SECCOMP_MODE_FILTER ? reinterpret_cast<const void *>(b) : nullptr, call,
                             [](int ret) { return ret == 0; });
    const int ret = call();
    if (option == PR_SET_NAME)
        names_changed();
    return ret;
}
