/* Blocks of memory: their header (owner_tag.h) and what the rows of the table for allocators share. */
#include "firmware_recorder.h"

#ifdef UNPAIRED_TABLE_NEWLIB
#include <newlib.h>
#endif

/* What realloc(p, 0) does: newlib's ordinary allocator keeps a block of no bytes (mallocr.c), newlib-nano and others
 * free it. */
#ifndef UNPAIRED_RESIZE_TO_0_FREES
#if defined(UNPAIRED_TABLE_NEWLIB) && !defined(_NANO_MALLOC) && !defined(_NANO_FORMATTED_IO)
#define UNPAIRED_RESIZE_TO_0_FREES 0
#else
#define UNPAIRED_RESIZE_TO_0_FREES 1
#endif
#endif

#if UNPAIRED_HUGE_BLOCKS
/* The header has 24 bits for the size. Blocks beyond have it in full in a word of 16 bytes before the header. */
#define UNPAIRED_HUGE_PADDING 16u
#endif

static struct unpaired_block_header *header_before(const void *block)
{
    return (struct unpaired_block_header *)(void *)((char *)(uintptr_t)block - UNPAIRED_HEADER_SIZE);
}

static int may_be_ours(const void *block)
{
    return block != 0 && ((uintptr_t)block & 3u) == 0 && unpaired_port_may_read(header_before(block));
}

const struct unpaired_block_header *unpaired_block_header_of(const void *block)
{
    const struct unpaired_block_header *header = header_before(block);
    return may_be_ours(block) && header->check == unpaired_header_check_of(header) ? header : 0;
}

size_t unpaired_block_distance(const struct unpaired_block_header *header)
{
    const uint32_t distance = header->size >> UNPAIRED_HEADER_DISTANCE_SHIFT;
    return distance == UNPAIRED_HEADER_DISTANCE_FAR ? ((const uint32_t *)(const void *)header)[-1]
                                                    : distance * 8u;
}

static size_t size_of_block(const struct unpaired_block_header *header)
{
    const uint32_t size = header->size & UNPAIRED_HEADER_SIZE_MASK;
#if UNPAIRED_HUGE_BLOCKS
    if (size == UNPAIRED_HEADER_SIZE_MASK)
        return *(const size_t *)(const void *)((const char *)header - UNPAIRED_HUGE_PADDING);
#endif
    return size;
}

static size_t padding(size_t size)
{
#if UNPAIRED_HUGE_BLOCKS
    if (size >= UNPAIRED_HEADER_SIZE_MASK)
        return UNPAIRED_HEADER_SIZE + UNPAIRED_HUGE_PADDING;
#endif
    (void)size;
    return UNPAIRED_HEADER_SIZE;
}

#if UNPAIRED_HUGE_BLOCKS
size_t unpaired_padded(size_t size)
{
    const size_t padded = size + padding(size);
    return padded < size ? UNPAIRED_TOO_MUCH : padded;
}
#endif

size_t unpaired_padded_aligned(size_t size, size_t *alignment)
{
    size_t power = sizeof(void *), padded;
    while (power < *alignment && power <= UNPAIRED_TOO_MUCH / 2)
        power *= 2;
    *alignment = power;
    padded = unpaired_padded(size) + power;
    return padded < size ? UNPAIRED_TOO_MUCH : padded;
}

size_t unpaired_product(size_t count, size_t size)
{
    size_t product;
    return __builtin_mul_overflow(count, size, &product) ? UNPAIRED_TOO_MUCH : product;
}

/* Records a block that begins `distance` bytes behind its base. */
static void *tag(char *block, size_t distance, size_t size, uint32_t ids, UNPAIRED_CALL_PARAMETERS)
{
    struct unpaired_block_header *const header = header_before(block);
    unpaired_acquire(ids | UNPAIRED_IDS_BLOCK, (uintptr_t)block, size, UNPAIRED_CALL_PASSED);
    if (distance != UNPAIRED_HEADER_SIZE) {
        uint32_t units = (uint32_t)distance / 8u;
        if (distance % 8u != 0 || units >= UNPAIRED_HEADER_DISTANCE_FAR) {
            units = UNPAIRED_HEADER_DISTANCE_FAR;
            ((uint32_t *)(void *)header)[-1] = (uint32_t)distance;
        }
#if UNPAIRED_HUGE_BLOCKS
        if (size >= UNPAIRED_HEADER_SIZE_MASK)
            *(size_t *)(void *)((char *)header - UNPAIRED_HUGE_PADDING) = size;
#endif
        header->size = (header->size & UNPAIRED_HEADER_SIZE_MASK) | units << UNPAIRED_HEADER_DISTANCE_SHIFT;
        header->check = unpaired_header_check_of(header);
    }
    unpaired_send_now();
    return block;
}

void *unpaired_block_taken_aligned(void *base, size_t size, size_t alignment, uint32_t ids,
                                   UNPAIRED_CALL_PARAMETERS)
{
    size_t distance = padding(size);
    if (base == 0) {
        unpaired_acquire_failed(ids, size, caller);
        return 0;
    }
    distance += -((uintptr_t)base + distance) & (alignment - 1u);
    return tag((char *)base + distance, distance, size, ids, UNPAIRED_CALL_PASSED);
}

#if UNPAIRED_HUGE_BLOCKS || UNPAIRED_RING > 0
void *unpaired_block_taken(void *base, size_t size, uint32_t ids, UNPAIRED_CALL_PARAMETERS)
{
    return unpaired_block_taken_aligned(base, size, 1, ids, UNPAIRED_CALL_PASSED);
}
#endif

__attribute__((flatten)) void *unpaired_block_released(void *block, uint32_t ids, uintptr_t caller)
{
    struct unpaired_block_header *const header = header_before(block);
    uint32_t live, released, check, owner, site;
    uintptr_t state;
    if (((uintptr_t)block & 3u) != 0 || block == 0 || !unpaired_port_may_read(header))
        return block;
    owner = header->owner;
    site = header->site;
    live = unpaired_header_check(owner, header->size, site, (uint32_t)(uintptr_t)block);
    released = unpaired_header_check_released(site, (uint32_t)(uintptr_t)block);
    state = unpaired_port_lock();
    check = header->check;
    if (check == live) {
        header->owner = owner = 0;
        header->check = released;
        unpaired_site_lost(site);
        unpaired_event_put(UNPAIRED_EVENT_RELEASE, ids, (uintptr_t)block, UNPAIRED_PLACE(caller), 0);
    }
    unpaired_port_unlock(state);
    if (check != live) {
        if (check != released)
            return block;
        unpaired_double_release(ids, site, (uintptr_t)block, caller);
    }
    unpaired_send_now();
    /* The owner was wiped. If it is not 0 in a released header the allocator has written there since, and the distance
     * is lost too; it was no more than the header unless the block was aligned. */
    if (owner != 0)
        return header;
    return (char *)block - unpaired_block_distance(header);
}

enum unpaired_resize unpaired_block_resize(void *block, size_t size, size_t *keep, uint32_t ids,
                                           UNPAIRED_CALL_PARAMETERS)
{
    const struct unpaired_block_header *header;
    size_t old, distance;
    *keep = 0;
    if (block == 0)
        return UNPAIRED_RESIZE_MOVE;
    header = unpaired_block_header_of(block);
    if (header == 0)
        return UNPAIRED_RESIZE_PASS;
    if (size == 0 && UNPAIRED_RESIZE_TO_0_FREES)
        return UNPAIRED_RESIZE_FREE;
    old = size_of_block(header);
    distance = unpaired_block_distance(header);
    *keep = size < old ? size : old;
    /* What was asked for is all that is known of the room, and beyond 24 bits it may not be changed: then there is
     * a word more before the header. */
    if (size > old || size < old / 2 || old >= UNPAIRED_HEADER_SIZE_MASK)
        return UNPAIRED_RESIZE_MOVE;
    unpaired_block_released(block, ids, caller);
    tag(block, distance, size, ids, UNPAIRED_CALL_PASSED);
    return UNPAIRED_RESIZE_DONE;
}
