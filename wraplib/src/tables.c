/* The recorder's memory, how it is set up, and the names behind the ids. */
#include "firmware_recorder.h"

#include <string.h>

struct unpaired_tables unpaired_ram UNPAIRED_RAM_SECTION;

/* ---- names ----------------------------------------------------------------------------------------------- */

/* Text in a section that the device never sees (stream_format.h). It stands in this file because a section
 * without memory is kept by --gc-sections together with the code of its own object. */
#define UNPAIRED_NAME_LINE(letter, function, subject) ".ascii \"" letter " " #function " " #subject "\\n\"\n"
__asm__(".pushsection .unpaired_dictionary,\"\",%progbits\n"
        ".ascii \"unpaired 1\\n\"\n"
#define UNPAIRED_SPACE(space, kind) ".ascii \"S " #space " " #kind "\\n\"\n"
#include "unpaired/resources/table.def"
#define UNPAIRED_FAMILY(family, space, display) ".ascii \"F " #family " " #space " " display "\\n\"\n"
#include "unpaired/resources/table.def"
#define UNPAIRED_EACH_ACQUIRER(family, function) UNPAIRED_NAME_LINE("A", function, family)
#define UNPAIRED_EACH_RELEASER(space, function) UNPAIRED_NAME_LINE("R", function, space)
#define UNPAIRED_EACH_OBSERVER(space, function) UNPAIRED_NAME_LINE("O", function, space)
#define UNPAIRED_EACH_LIFECYCLE(function) ".ascii \"L " #function "\\n\"\n"
#define UNPAIRED_IRREGULAR(subject, role, function) UNPAIRED_NAME_##role(function, subject)
#define UNPAIRED_NAME_ACQUIRE(function, subject) UNPAIRED_NAME_LINE("A", function, subject)
#define UNPAIRED_NAME_MOVE(function, subject) UNPAIRED_NAME_LINE("M", function, subject)
#define UNPAIRED_NAME_RELEASE(function, subject) UNPAIRED_NAME_LINE("R", function, subject)
#define UNPAIRED_NAME_OBSERVE(function, subject) UNPAIRED_NAME_LINE("O", function, subject)
#include "unpaired/resources/table.def"
#define UNPAIRED_PAIRS(releaser, family) UNPAIRED_NAME_LINE("P", releaser, family)
#include "unpaired/resources/table.def"
        ".popsection\n");

/* ---- what the linker knows ------------------------------------------------------------------------------- */

/* Where the code ends, as linker scripts call it; the first of them that is there and lies behind the code. */
#define UNPAIRED_WEAK_SYMBOL(name) extern const char name[] __attribute__((weak));
UNPAIRED_WEAK_SYMBOL(etext)
UNPAIRED_WEAK_SYMBOL(_etext)
UNPAIRED_WEAK_SYMBOL(__etext)
UNPAIRED_WEAK_SYMBOL(__text_region_end)
UNPAIRED_WEAK_SYMBOL(__executable_start)
/* ELF note of --build-id; cmake/unpaired_build_id.ld defines it. */
UNPAIRED_WEAK_SYMBOL(unpaired_build_id_note)

/* The window of code that frames can tell: [text_low, text_high). No byte outside it is read. Where the linker does not
 * tell its beginning (GNU ld's own scripts: __executable_start), it is that of the 4 MiB which the recorder lies in;
 * UNPAIRED_TEXT_LOW and UNPAIRED_TEXT_HIGH are for images where that will not do. */
static void set_text_range(unpaired_root *root)
{
    const uintptr_t here = (uintptr_t)&unpaired_set_up;
    uintptr_t high = 0; /* no code is read where frames hold the caller alone */
#ifdef UNPAIRED_TEXT_LOW
    const uintptr_t low = (uintptr_t)(UNPAIRED_TEXT_LOW);
#else
    uintptr_t low = (uintptr_t)__executable_start;
    if (low == 0 || here - low >= UNPAIRED_FRAME_WINDOW)
        low = here & ~(uintptr_t)0x3fffffu;
#endif
#if UNPAIRED_FRAMES == 1
    (void)here;
#elif defined(UNPAIRED_TEXT_HIGH)
    high = (uintptr_t)(UNPAIRED_TEXT_HIGH);
#else
    static const char *const ends[] = {etext, _etext, __etext, __text_region_end};
    unsigned i;
    for (i = 0; i < sizeof ends / sizeof ends[0] && high <= here; i++)
        high = (uintptr_t)ends[i];
#endif
    if (high <= low)
        high = low;
    else if (high - low > UNPAIRED_FRAME_WINDOW)
        high = low + UNPAIRED_FRAME_WINDOW;
    root->text_low = low;
    root->text_high = high;
}

/* How the root begins. */
static const union {
    struct {
        char magic[8];
        uint16_t version, size;
        struct unpaired_root_layout layout;
    } told;
    uint32_t word[10];
} beginning = {{
    {'U', 'N', 'P', 'A', 'I', 'R', 'A', 'M'},
    UNPAIRED_RAM_VERSION,
    sizeof(unpaired_root),
    {
        sizeof(uintptr_t),
        UNPAIRED_FRAMES,
        UNPAIRED_OFFSET_BITS,
        UNPAIRED_FRAME_UNIT,
        UNPAIRED_SITES,
        UNPAIRED_HANDLES,
        UNPAIRED_ANOMALIES,
        UNPAIRED_MARKS,
        offsetof(struct unpaired_tables, site),
#if UNPAIRED_HANDLES > 0
        offsetof(struct unpaired_tables, handle),
#else
        0,
#endif
#if UNPAIRED_ANOMALIES > 0
        offsetof(struct unpaired_tables, anomaly),
#else
        0,
#endif
#if UNPAIRED_MARKS > 0
        offsetof(struct unpaired_tables, mark),
#else
        0,
#endif
    },
}};
UNPAIRED_STATIC_ASSERT(offsetof(unpaired_root, sequence) == sizeof beginning.word &&
                           sizeof beginning.word == sizeof beginning.told,
                       root_begins_as_the_image_has_it);

#define UNPAIRED_TEXT_OF(...) UNPAIRED_TEXT_OF_(__VA_ARGS__)
#define UNPAIRED_TEXT_OF_(...) #__VA_ARGS__

/* Fills in the root, from its end to its beginning. The magic comes last: a reader that finds it finds the rest. */
void unpaired_set_up(void)
{
    unpaired_root *const root = &unpaired_ram.root;
    unsigned i = sizeof beginning.word / sizeof beginning.word[0];
    uintptr_t state;
    set_text_range(root); /* always the same, so outside the lock */
    root->build_id = (uintptr_t)unpaired_build_id_note;
    state = unpaired_port_lock();
    if (root->version == 0) {
        root->marks_stride = 1;
        while (i-- != 0)
            ((volatile uint32_t *)(void *)root)[i] = beginning.word[i];
    }
    unpaired_port_unlock(state);
}

void unpaired_init(void)
{
    if (sizeof UNPAIRED_TEXT_OF(UNPAIRED_RAM_SECTION) > 1) /* not cleared by the start-up code */
        memset(&unpaired_ram, 0, sizeof unpaired_ram);
    unpaired_set_up();
#if UNPAIRED_RING > 0
    unpaired_poll();
#endif
}
