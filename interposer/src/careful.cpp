#include "careful.h"

#include "lifecycle.h"
#include "thread_number.h"

#include <sched.h>

namespace unpaired {

bool begin_care(unsigned long clone_flags)
{
    const bool shares_memory = (clone_flags & CLONE_VM) != 0;
    if (!shares_memory || !is_recording() || sys::sealed()) // the recorder makes no system call while sealed
        return false;
    process.foreign_shares_descriptors = (clone_flags & CLONE_FILES) != 0;
    __atomic_fetch_add(&sys::storages_in_doubt, 1u, __ATOMIC_SEQ_CST);
    __atomic_store_n(&process.plain_heap, false, __ATOMIC_SEQ_CST);
    store(process.phase, Phase::carefully, __ATOMIC_SEQ_CST);
    return true;
}

void end_care()
{
    if (__atomic_sub_fetch(&sys::storages_in_doubt, 1u, __ATOMIC_SEQ_CST) != 0)
        return;
    store(process.phase, Phase::recording, __ATOMIC_SEQ_CST);
    allow_plain_heap();
    if (load(sys::storages_in_doubt, __ATOMIC_SEQ_CST) != 0) { // another thread has started meanwhile
        __atomic_store_n(&process.plain_heap, false, __ATOMIC_SEQ_CST);
        store(process.phase, Phase::carefully, __ATOMIC_SEQ_CST);
    }
}

void forget_care()
{
    if (process.phase != Phase::carefully)
        return;
    sys::storages_in_doubt = 0;
    process.phase = Phase::recording;
    allow_plain_heap();
}

bool find_own_storage()
{
    const int tid = sys::gettid();
    return tid < 0 || has_storage_of(tid);
}

void forget_foreign_process(int pid)
{
    for (Thread *t = load(process.threads, __ATOMIC_ACQUIRE); t != nullptr; t = t->next)
        if (load(t->tid) == pid && t->foreign) {
            __atomic_fetch_sub(&sys::seals, t->seals_of_child, __ATOMIC_SEQ_CST);
            t->seals_of_child = 0;
        }
}

uint64_t sys::careful_thread_pointer()
{
    const int tid = gettid();
    if (tid < 0 || has_storage_of(tid))
        return register_thread_pointer();
    return static_cast<uint64_t>(tid);
}

} // namespace unpaired
