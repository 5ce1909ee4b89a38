// scenario: leaks in each cycle, in every tenth and from halfway on are told apart from caches, pools and what comes and goes
// Whether memory still holds them is not asked: growth alone is to tell.
// run: --reachability=off
// image: {"cycles": 60, "cycle_source": "marks", "cycle_name": "request"}
// expect: {"severity": "leak", "count": 60, "growth": "linear", "per_cycle": 1, "blame": "main:each"}
// expect: {"severity": "leak", "count": 6, "growth": "step", "per_cycle": 0.1, "blame": "main:tenth"}
// expect: {"severity": "leak", "count": 30, "growth": "linear", "per_cycle": 1, "blame": "main:halfway"}
// expect: {"severity": "suspect", "count": 30, "growth": "plateau", "per_cycle": 0, "blame": "main:stopped"}
// expect: {"severity": "suspect", "count": 12, "growth": "plateau", "blame": "main:cache"}
// expect: {"severity": "suspect", "count": 6, "growth": "plateau", "per_cycle": 0, "blame": "main:pool"}
// expect: {"severity": "suspect", "count": 10, "growth": "sawtooth", "blame": "main:flushed"}
// expect: {"severity": "suspect", "count": 3, "growth": "sawtooth", "blame": "main:flight"}
// note: {"count": 1, "growth": "once", "blame": "main:once"}
#include "must.h"
#include "unpaired/unpaired.h"

static void *volatile kept[64];

int main(void)
{
    void *batch[20];
    int in_batch = 0;
    for (int cycle = 1; cycle <= 60; cycle++) {
        unpaired_mark("request");
        kept[0] = malloc(10); /* blame:each */
        if (cycle % 10 == 0)
            kept[1] = malloc(11); /* blame:tenth */
        if (cycle > 30)
            kept[2] = malloc(12); /* blame:halfway */
        if (cycle <= 30)
            kept[3] = malloc(13); /* blame:stopped */
        if (cycle <= 12)
            kept[4] = malloc(14); /* blame:cache */
        if ((cycle & (cycle - 1)) == 0)
            kept[5] = malloc(15); /* blame:pool */
        if (cycle == 7)
            kept[6] = malloc(16); /* blame:once */
        if (in_batch == 20 || cycle == 51)
            while (in_batch > 0)
                free(batch[--in_batch]);
        batch[in_batch++] = malloc(17); /* blame:flushed */
        for (int i = 0; i < 3; i++) {
            void *volatile request = malloc(18); /* blame:flight */
            if (cycle < 60)
                free(request);
        }
    }
    return 0;
}
