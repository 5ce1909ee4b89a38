// The bodies of regular hooks: what each kind of row of the resource table expands to. The includer defines
// UNPAIRED_DEFINE_HOOK(type, function, parameters) and then includes resources/table.def.
#pragma once

#include "hook.h"

#include <type_traits>

namespace unpaired::rows {

template <unsigned space> constexpr bool held = kind_of_space[space] == UNPAIRED_KIND_HELD;

template <unsigned space> bool left_alone()
{
    if constexpr (held<space>)
        return is_recording() && !process.locks;
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

template <unsigned space> Releasing begin(const Caller &caller, unsigned function, uint64_t handle)
{
    if constexpr (held<space>)
        if (const Releasing plain = begin_unlock_plainly(caller, function, space, handle);
            UNPAIRED_LIKELY(plain.slot != 0))
            return plain;
    return begin_release(caller, function, space, handle);
}
template <unsigned space> bool is_plain_unlock(const Releasing &releasing)
{
    return held<space> && UNPAIRED_LIKELY(releasing.slot != 0);
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

} // namespace unpaired::rows

#define UNPAIRED_ACQUIRE_SIZED(family_, type, function, parameters, arguments, succeeded, handle_, bytes) \
    UNPAIRED_DEFINE_HOOK(type, function, parameters)                                                      \
    {                                                                                                     \
        constexpr unsigned space_ = UNPAIRED_SPACE_OF_##family_;                                          \
        const Caller caller_ = UNPAIRED_CALLER();                                                         \
        if (left_alone<space_>())                                                                         \
            return UNPAIRED_REAL(function) arguments;                                                     \
        Acquiring acquiring_ = begin<space_>(caller_);                                                    \
        type ret = UNPAIRED_REAL(function) arguments;                                                     \
        if (succeeded)                                                                                    \
            finish<space_>(acquiring_, caller_,                                                           \
                           {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family_, space_,              \
                            handle_of(handle_), static_cast<uint64_t>(bytes)});                           \
        else                                                                                              \
            failed<space_>(acquiring_, caller_,                                                           \
                           {UNPAIRED_FUNCTION_##function, UNPAIRED_FAMILY_##family_, space_});            \
        return ret;                                                                                       \
    }
#define UNPAIRED_ACQUIRE(family_, type, function, parameters, arguments, succeeded, handle_) \
    UNPAIRED_ACQUIRE_SIZED(family_, type, function, parameters, arguments, succeeded, handle_, 0)

#define UNPAIRED_RELEASE(space_, type, function, parameters, arguments, succeeded, gone, handle_)      \
    UNPAIRED_DEFINE_HOOK(type, function, parameters)                                                   \
    {                                                                                                  \
        const Caller caller_ = UNPAIRED_CALLER();                                                      \
        if (left_alone<UNPAIRED_SPACE_##space_>())                                                     \
            return UNPAIRED_REAL(function) arguments;                                                  \
        Releasing releasing_ =                                                                         \
            begin<UNPAIRED_SPACE_##space_>(caller_, UNPAIRED_FUNCTION_##function, handle_of(handle_)); \
        type ret = UNPAIRED_REAL(function) arguments;                                                  \
        if (is_plain_unlock<UNPAIRED_SPACE_##space_>(releasing_) && (succeeded) && (gone)) {           \
            finish_unlock_plainly(releasing_, caller_);                                                \
            return ret;                                                                                \
        }                                                                                              \
        finish_release(releasing_, caller_, (succeeded), (gone), as_number(ret),                       \
                       (succeeded) ? 0 : error_of(ret, errno));                                        \
        return ret;                                                                                    \
    }

#define UNPAIRED_RELEASE_VOID(space_, function, parameters, arguments, handle_)                              \
    UNPAIRED_DEFINE_HOOK(void, function, parameters)                                                         \
    {                                                                                                        \
        const Caller caller_ = UNPAIRED_CALLER();                                                            \
        Releasing releasing_ = begin_release(caller_, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space_, \
                                             handle_of(handle_));                                            \
        UNPAIRED_REAL(function) arguments;                                                                   \
        finish_release(releasing_, caller_, true, true, 0, 0);                                               \
    }

#define UNPAIRED_OBSERVE(space_, type, function, parameters, arguments, handle_)                     \
    UNPAIRED_DEFINE_HOOK(type, function, parameters)                                                 \
    {                                                                                                \
        const Caller caller_ = UNPAIRED_CALLER();                                                    \
        type ret = UNPAIRED_REAL(function) arguments;                                                \
        observed(caller_, UNPAIRED_FUNCTION_##function, UNPAIRED_SPACE_##space_, handle_of(handle_), \
                 as_number(ret));                                                                    \
        return ret;                                                                                  \
    }
