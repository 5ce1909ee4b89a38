// scenario: every kind of hook works on an alternate signal stack of 8 KiB, also where the general unwinder is needed
// link: -pthread
// build: -Wl,-z,now
// output: all done
#include "hooked_calls.h"
#include "small_stack.h"

static void (*call)(void);
static void call_through_odd_frame(void) { through_odd_frame(call); }

int main(void)
{
    int i;
    for (i = 0; i < n_hooked_calls; i++) {
        on_alternate_stack(hooked_calls[i]);
        call = hooked_calls[i];
        on_alternate_stack(call_through_odd_frame);
    }
    puts("all done");
    return 0;
}
