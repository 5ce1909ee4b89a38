// scenario: what one owner acquired and another released is reported
// note: {"rule": "foreign-release", "family": "heap", "function": "malloc", "owner": "MQTT", "count": 1,
//          "blame": "make_message:malloc", "ended_by": {"function": "free", "stack": ["drop_message:free"]}}
#include "must.h"
#include "unpaired/unpaired.h"

FRAME static void *make_message(void)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    void *message = malloc(32); /* blame:malloc */
    MUST(message);
    return message;
}

FRAME static void drop_message(void *message)
{
    UNPAIRED_OWNER_SCOPE("HTTP");
    free(message); /* blame:free */
}

FRAME static void drop_own(void *message)
{
    UNPAIRED_OWNER_SCOPE("MQTT");
    free(message);
}

int main(void)
{
    drop_message(make_message());
    drop_own(make_message());
    free(make_message()); /* released by nobody in particular */
    return 0;
}
