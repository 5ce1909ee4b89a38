/* Hooks of allocators: one of each row whose blocks carry a header. Each is a few instructions around heap.c. */
#include "firmware_recorder.h"

#include <string.h>

#define UNPAIRED_HEAP_PROTOTYPE(type, function, parameters) \
    type __wrap_##function parameters;                      \
    extern type __real_##function parameters;
#define UNPAIRED_ALLOCATE(family, function, parameters, arguments, bytes, allocate, padded_arguments) \
    UNPAIRED_HEAP_PROTOTYPE(void *, function, parameters)
#define UNPAIRED_ALLOCATE_ZEROED(family, function, parameters, arguments, count, bytes, allocate, \
                                 padded_arguments)                                                \
    UNPAIRED_HEAP_PROTOTYPE(void *, function, parameters)
#define UNPAIRED_ALLOCATE_ALIGNED(family, function, parameters, arguments, alignment, bytes, allocate, \
                                  padded_arguments)                                                    \
    UNPAIRED_HEAP_PROTOTYPE(void *, function, parameters)
#define UNPAIRED_REALLOCATE(family, function, parameters, arguments, block, bytes, allocate, \
                            padded_arguments, release, base_arguments)                       \
    UNPAIRED_HEAP_PROTOTYPE(void *, function, parameters)
#define UNPAIRED_FREE(space, function, parameters, arguments, block, release, base_arguments) \
    UNPAIRED_HEAP_PROTOTYPE(void, function, parameters)
#define UNPAIRED_USABLE_SIZE(space, function, parameters, arguments, block, base_arguments) \
    UNPAIRED_HEAP_PROTOTYPE(size_t, function, parameters)
#include "unpaired/resources/table.def"

#define UNPAIRED_ALLOCATE(family, function, parameters, arguments, bytes, allocate, padded_arguments) \
    void *__wrap_##function parameters                                                                \
    {                                                                                                 \
        void *base_;                                                                                  \
        size_t padded;                                                                                \
        if (unpaired_enter())                                                                         \
            return __real_##function arguments;                                                       \
        padded = unpaired_padded(bytes);                                                              \
        base_ = __real_##allocate padded_arguments;                                                   \
        unpaired_leave();                                                                             \
        return unpaired_block_taken(base_, bytes, UNPAIRED_ACQUIRER_IDS(function, family),            \
                                    UNPAIRED_CALL_HERE);                                              \
    }
#define UNPAIRED_ALLOCATE_ZEROED(family, function, parameters, arguments, count, bytes, allocate, \
                                 padded_arguments)                                                \
    void *__wrap_##function parameters                                                            \
    {                                                                                             \
        void *block_;                                                                             \
        size_t padded, product_;                                                                  \
        if (unpaired_enter())                                                                     \
            return __real_##function arguments;                                                   \
        product_ = unpaired_product(count, bytes);                                                \
        padded = unpaired_padded(product_);                                                       \
        block_ = __real_##allocate padded_arguments;                                              \
        unpaired_leave();                                                                         \
        block_ = unpaired_block_taken(block_, product_, UNPAIRED_ACQUIRER_IDS(function, family),  \
                                      UNPAIRED_CALL_HERE);                                        \
        return block_ ? memset(block_, 0, product_) : block_;                                     \
    }
#define UNPAIRED_ALLOCATE_ALIGNED(family, function, parameters, arguments, alignment, bytes, allocate,     \
                                  padded_arguments)                                                        \
    void *__wrap_##function parameters                                                                     \
    {                                                                                                      \
        void *base_;                                                                                       \
        size_t padded, power_ = alignment;                                                                 \
        if (unpaired_enter())                                                                              \
            return __real_##function arguments;                                                            \
        padded = unpaired_padded_aligned(bytes, &power_);                                                  \
        base_ = __real_##allocate padded_arguments;                                                        \
        unpaired_leave();                                                                                  \
        return unpaired_block_taken_aligned(base_, bytes, power_, UNPAIRED_ACQUIRER_IDS(function, family), \
                                            UNPAIRED_CALL_HERE);                                           \
    }
#define UNPAIRED_REALLOCATE(family, function, parameters, arguments, block, bytes, allocate,               \
                            padded_arguments, release, base_arguments)                                     \
    void *__wrap_##function parameters                                                                     \
    {                                                                                                      \
        const uint32_t ids_ = UNPAIRED_ACQUIRER_IDS(function, family);                                     \
        void *base, *moved_;                                                                               \
        size_t padded, keep_;                                                                              \
        const enum unpaired_resize how_ =                                                                  \
            unpaired_block_resize(block, bytes, &keep_, ids_, UNPAIRED_CALL_HERE);                         \
        int nested_;                                                                                       \
        if (how_ == UNPAIRED_RESIZE_DONE)                                                                  \
            return block;                                                                                  \
        nested_ = unpaired_enter();                                                                        \
        moved_ = 0;                                                                                        \
        if (how_ == UNPAIRED_RESIZE_PASS || (nested_ && block == 0)) {                                     \
            moved_ = __real_##function arguments;                                                          \
        } else if (how_ == UNPAIRED_RESIZE_MOVE) {                                                         \
            padded = unpaired_padded(bytes);                                                               \
            moved_ = __real_##allocate padded_arguments;                                                   \
            moved_ = unpaired_block_taken(moved_, bytes, ids_, UNPAIRED_CALL_HERE);                        \
            if (moved_)                                                                                    \
                memcpy(moved_, block, keep_);                                                              \
        }                                                                                                  \
        if (how_ == UNPAIRED_RESIZE_FREE || (how_ == UNPAIRED_RESIZE_MOVE && moved_ != 0 && block != 0)) { \
            base = unpaired_block_released(block, ids_, UNPAIRED_CALLER);                                  \
            __real_##release base_arguments;                                                               \
        }                                                                                                  \
        if (!nested_)                                                                                      \
            unpaired_leave();                                                                              \
        return moved_;                                                                                     \
    }
#define UNPAIRED_FREE(space, function, parameters, arguments, block, release, base_arguments)        \
    void __wrap_##function parameters                                                                \
    {                                                                                                \
        void *base =                                                                                 \
            unpaired_block_released(block, UNPAIRED_RELEASER_IDS(function, space), UNPAIRED_CALLER); \
        if (base == block)                                                                           \
            __real_##function arguments;                                                             \
        else                                                                                         \
            __real_##release base_arguments;                                                         \
    }
#define UNPAIRED_USABLE_SIZE(space, function, parameters, arguments, block, base_arguments) \
    size_t __wrap_##function parameters                                                     \
    {                                                                                       \
        const struct unpaired_block_header *header_ = unpaired_block_header_of(block);      \
        char *base;                                                                         \
        size_t distance_;                                                                   \
        if (header_ == 0)                                                                   \
            return __real_##function arguments;                                             \
        distance_ = unpaired_block_distance(header_);                                       \
        base = (char *)block - distance_;                                                   \
        return __real_##function base_arguments - distance_;                                \
    }
#include "unpaired/resources/table.def"
