/* where(LABEL): prints "LABEL address bias line" of the call, for the tests to resolve. */
#ifndef WHERE_H
#define WHERE_H

#ifdef __cplusplus
extern "C" {
#endif
void where_at(const char *label, int line, const void *return_address);
#ifdef __cplusplus
}
#endif

static __attribute__((noinline, unused)) void where_here(const char *label, int line)
{
    where_at(label, line, __builtin_return_address(0));
    __asm__ volatile(""); /* no tail call: the return address must stay in the caller */
}
#define where(label) where_here(label, __LINE__)

#endif
