/* Defines two followed functions and uses them itself, in each way that --wrap misses. */
int session_open(int device);
int session_close(int session);
int stack_probe(int device);
int stack_last(int session);

#ifdef STACK_MAY_BE_INLINED
#define KEPT
#else
#define KEPT __attribute__((noinline))
#endif

KEPT int session_open(int device)
{
    volatile int opened = device;
    return opened + 1;
}

KEPT int session_close(int session)
{
    volatile int closed = session;
    return closed - session;
}

#ifdef STACK_USES_ITSELF
int stack_probe(int device)
{
    const int session = session_open(device);
    session_close(session);
    return session;
}
int stack_last(int session) { return session_close(session); }
int (*const stack_table[])(int) = {session_open, session_close};
#endif
