/* Calls the stack from outside: what --wrap does catch. */
int session_open(int device);
int session_close(int session);
int stack_probe(int device);
int stack_last(int session);
extern int (*const stack_table[])(int);
extern int hooked;

int main(void)
{
#ifdef STACK_USES_ITSELF
    stack_last(stack_probe(1));
    stack_table[1](stack_table[0](2));
#endif
    session_close(session_open(3));
    return hooked;
}
