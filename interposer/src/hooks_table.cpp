// The regular hooks: every row of the resource table that is not IRREGULAR, expanded.
#include "hook.h"

#include <arpa/inet.h>
#include <cstdio>
#include <ifaddrs.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <ctime>

using namespace unpaired;

namespace {

template <unsigned space> constexpr bool held = kind_of_space[space] == UNPAIRED_KIND_HELD;

template <unsigned space> bool left_alone()
{
    if constexpr (held<space>)
        return process.phase == Phase::recording && !process.locks;
    else
        return false;
}

template <unsigned space> Acquiring begin(const Caller &caller)
{
    if constexpr (held<space>)
        return {enter(caller.sp), {}};
    else
        return begin_acquire(caller);
}

template <unsigned space> void finish(Acquiring &acquiring, const Caller &caller, const Acquisition &what)
{
    if constexpr (held<space>)
        finish_hold(acquiring.thread, caller, what);
    else
        finish_acquire(acquiring, caller, what);
}

template <unsigned space> void failed(Acquiring &acquiring, const Caller &caller, const Acquisition &what)
{
    if constexpr (!held<space>)
        finish_failed(acquiring, caller, what, errno);
}

template <class Result> int64_t as_number(Result result)
{
    if constexpr (std::is_pointer_v<Result>)
        return static_cast<int64_t>(reinterpret_cast<uintptr_t>(result));
    else
        return static_cast<int64_t>(result);
}

/// errno, or for the functions of pthread.h, which leave it alone, the error they return.
template <class Result> int error_of(Result result, int error)
{
    if constexpr (std::is_same_v<Result, int>)
        return result > 0 ? result : error;
    else
        return error;
}

} // namespace

#define UNPAIRED_ACQUIRE_SIZED(family_, type, function, parameters, arguments, succeeded, handle_, bytes)            \
    UNPAIRED_HOOK(type, function, parameters)                                                                        \
    {                                                                                                                \
        constexpr unsigned space_ = UNPAIRED_SPACE_OF_##family_;                                                     \
        const Caller caller_ = UNPAIRED_CALLER();                                                                    \
        if (left_alone<space_>())                                                                                    \
            return UNPAIRED_REAL(function) arguments;                                                                \
        Acquiring acquiring_ = begin<space_>(caller_);                                                               \
        type ret = UNPAIRED_REAL(function) arguments;                                                                \
        if (succeeded)                                                                                               \
            finish<space_>(acquiring_, caller_,                                                                      \
                           {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family_, space_, handle_of(handle_),     \
                            static_cast<uint64_t>(bytes)});                                                          \
        else                                                                                                         \
            failed<space_>(acquiring_, caller_, {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family_, space_});  \
        return ret;                                                                                                  \
    }
#define UNPAIRED_ACQUIRE(family_, type, function, parameters, arguments, succeeded, handle_) \
    UNPAIRED_ACQUIRE_SIZED(family_, type, function, parameters, arguments, succeeded, handle_, 0)

#define UNPAIRED_RELEASE(space_, type, function, parameters, arguments, succeeded, gone, handle_)                    \
    UNPAIRED_HOOK(type, function, parameters)                                                                        \
    {                                                                                                                \
        const Caller caller_ = UNPAIRED_CALLER();                                                                    \
        if (left_alone<UNPAIRED_SPACE_##space_>())                                                                   \
            return UNPAIRED_REAL(function) arguments;                                                                \
        Releasing releasing_ =                                                                                       \
            begin_release(caller_, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space_, handle_of(handle_));       \
        type ret = UNPAIRED_REAL(function) arguments;                                                                \
        const int error_ = errno;                                                                                    \
        finish_release(releasing_, caller_, (succeeded), (gone), as_number(ret), error_of(ret, error_));             \
        errno = error_;                                                                                              \
        return ret;                                                                                                  \
    }

#define UNPAIRED_RELEASE_VOID(space_, function, parameters, arguments, handle_)                                      \
    UNPAIRED_HOOK(void, function, parameters)                                                                        \
    {                                                                                                                \
        const Caller caller_ = UNPAIRED_CALLER();                                                                    \
        Releasing releasing_ =                                                                                       \
            begin_release(caller_, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space_, handle_of(handle_));       \
        UNPAIRED_REAL(function) arguments;                                                                           \
        finish_release(releasing_, caller_, true, true, 0, 0);                                                       \
    }

#define UNPAIRED_OBSERVE(space_, type, function, parameters, arguments, handle_)                                     \
    UNPAIRED_HOOK(type, function, parameters)                                                                        \
    {                                                                                                                \
        const Caller caller_ = UNPAIRED_CALLER();                                                                    \
        type ret = UNPAIRED_REAL(function) arguments;                                                                \
        observed(caller_, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space_, handle_of(handle_), as_number(ret)); \
        return ret;                                                                                                  \
    }

#include "unpaired/resources/table.def"
