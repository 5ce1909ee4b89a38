/* Nobody calls the unused functions: the linker throws them away, and as it keeps settle() it leaves what the debug
 * information says of all, of the unused ones as if each lay at 0. */
volatile int register_of_something;

#define AGAIN register_of_something = register_of_something * 5 + __COUNTER__;
#define MORE AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN AGAIN
#define UNUSED(name) \
    void name(void) { MORE MORE MORE MORE MORE MORE MORE MORE }
#define EIGHT(name) \
    UNUSED(name##1) \
    UNUSED(name##2) \
    UNUSED(name##3) UNUSED(name##4) UNUSED(name##5) UNUSED(name##6) UNUSED(name##7) UNUSED(name##8)

UNUSED(unused)
EIGHT(unused_a)
EIGHT(unused_b)
EIGHT(unused_c)

int settle(int sum) { return sum + register_of_something; }
