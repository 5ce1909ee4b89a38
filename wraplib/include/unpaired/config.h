/* What a firmware follows and how much RAM it gives for it. C99 preprocessor only.
 *
 * Each setting may be defined on the command line or in a header of your own that UNPAIRED_CONFIG_FILE names
 * ("unpaired_config.h", quotes included); what is defined nowhere has the value below.
 *
 * Tables: define those to follow. unpaired_wrap() in CMake defines them from its FAMILIES.
 *   UNPAIRED_TABLE_NEWLIB       heap of newlib and newlib-nano: _malloc_r, _free_r, ...
 *   UNPAIRED_TABLE_LIBC         heap of any other C library, by the standard names: picolibc, static glibc, musl
 *   UNPAIRED_TABLE_FREERTOS     heap, tasks, queues and semaphores, timers, event groups, stream buffers
 *   UNPAIRED_TABLE_RTTHREAD     rt_malloc family; threads, IPC objects, timers; SAL sockets
 *   UNPAIRED_TABLE_LWIP         lwIP sockets and netconns
 *   UNPAIRED_TABLE_LWIP_MEMORY  lwIP pbufs, heap, pools, and its port's semaphores, mutexes, mailboxes
 *   UNPAIRED_TABLE_ESP          heap_caps_* of ESP-IDF
 *   UNPAIRED_TABLE_WAMR         wasm_runtime_malloc, os_rwlock_init, ...
 *   UNPAIRED_TABLE_PTHREAD      pthread objects: init and destroy, threads, keys, semaphores
 *   UNPAIRED_TABLE_PTHREAD_HELD locks taken and not given back
 *   UNPAIRED_USER_RESOURCES_FILE  rows of your own, see docs/adding-a-resource.md */
#ifndef UNPAIRED_CONFIG_H
#define UNPAIRED_CONFIG_H

#ifdef UNPAIRED_CONFIG_FILE
#include UNPAIRED_CONFIG_FILE
#endif

/* Call sites kept, at most 4,094; 16 bytes and one word for each frame. */
#ifndef UNPAIRED_SITES
#define UNPAIRED_SITES 64
#endif
/* Words of a stack scan kept for a site, 1 to 31. 1: the return address of the call alone, no scan. */
#ifndef UNPAIRED_FRAMES
#define UNPAIRED_FRAMES 8
#endif
/* Words of the stack looked at, at most. */
#ifndef UNPAIRED_SCAN_WORDS
#define UNPAIRED_SCAN_WORDS 256
#endif
/* Live handles that are not memory (sockets, queues, ...), 12 bytes each. 0: none are followed. */
#ifndef UNPAIRED_HANDLES
#define UNPAIRED_HANDLES 32
#endif
/* Distinct failed or doubtful releases kept, 16 bytes each; 0: none. */
#ifndef UNPAIRED_ANOMALIES
#define UNPAIRED_ANOMALIES 8
#endif
/* Beginnings of cycles kept, 4 bytes each; beyond, every second one, every fourth, ... */
#ifndef UNPAIRED_MARKS
#define UNPAIRED_MARKS 8
#endif
/* Events that wait for the sink, 16 bytes each, a power of two; 0: no stream, the tables in RAM only. */
#ifndef UNPAIRED_RING
#define UNPAIRED_RING 0
#endif
/* 1: each hook hands its events to the sink itself; 0: unpaired_poll() does, from an idle task or main loop. */
#ifndef UNPAIRED_SEND_AT_ONCE
#define UNPAIRED_SEND_AT_ONCE 0
#endif
/* Tasks (and interrupts as one) that can have owners at a time; 0: one owner for all, no task names. */
#ifndef UNPAIRED_TASKS
#define UNPAIRED_TASKS 0
#endif
/* Hooked allocators that call each other (pvPortMalloc on malloc): contexts that can be inside one at a time;
 * what is acquired there belongs to the outer call and is not recorded. 0: they do not call each other. */
#ifndef UNPAIRED_NESTING
#define UNPAIRED_NESTING 0
#endif
/* Where the tables lie: __attribute__((section(".noinit"))) keeps them over a warm start; then the start-up
 * code must call unpaired_init(). Empty: .bss. */
#ifndef UNPAIRED_RAM_SECTION
#define UNPAIRED_RAM_SECTION
#endif

#endif
