// Where the words of a walk stand (its *layout*) depends on few of them, often on the innermost return address alone.
// A tree of words, from the inside out, leads to a layout; all its words are then read at once, none waiting for
// another, and their hash finds the hash of the stack. The walk is a function of the words it read, of where they stood
// and of the rules: if these are as they were when it was walked frame by frame, so is the stack.
//
// All threads share it. It only grows; what can be found is never changed, so readers take no lock: a leaf that needs
// another layout, or must become an inner node, is replaced by another node of the same key.
#include "path_memo.h"

#include "try_lock.h"
#include "unwind_rules.h"

#include <array>

namespace unpaired {

#if defined(__x86_64__)
namespace {

// Touched as it is used, some 700 KiB when full.
constexpr uint32_t buckets = 1u << 13, most_nodes = 1u << 12, offset_room = 1u << 16;
constexpr uint32_t hash_places = 1u << 14, most_hashes = hash_places / 4 * 3;
constexpr uint32_t longest_probe = 16, layouts_of_leaf = 1;
constexpr uint64_t farthest = UINT16_MAX; // 8-byte words from the innermost return address outwards: 512 KiB

/// A layout is a run of numbers: how many return addresses, how many saved frame pointers, whether the frame pointer
/// register counts, then the places of the addresses and of the saved pointers, in 8-byte words from the innermost
/// return address. Pointers count by their distance from there: the same code may run at another depth.
using Offset = uint16_t;
constexpr uint32_t header_offsets = 3;

/// A word of a walk: what it is, and where it stands.
enum class Kind : uint8_t {
    none,
    address,    ///< a return address
    saved_bp,   ///< a frame pointer by which the next frame is found
    initial_bp, ///< the same, still in its register
};
struct Word {
    Kind kind;
    Offset place;

    bool operator==(const Word &) const = default;
};

struct Node {
    uint64_t value; ///< of the word that leads here; the innermost return address leads to the first
    uint32_t parent;
    uint32_t layout[layouts_of_leaf]; ///< where in `offsets`; 0: none
    Word next;                        ///< inner nodes: decides between the children; leaves: none
};

struct Found {
    uint64_t key, hash;
};

struct Memo {
    uint32_t bucket[buckets]; ///< numbers of nodes; 0: empty
    Node node[most_nodes];
    Offset offsets[offset_room];
    Found found[hash_places];
};
Memo *memo;
TryLock writer;
// Under `writer`; 0 is none in each.
uint32_t n_nodes = 1, n_offsets = 1, n_hashes;

/// Roots are told apart by the rules they were walked by: what was learnt under others is not found again.
inline uint32_t root(uint32_t generation) { return 0x80000000u | generation; }

/// The bucket where the node is, or the empty one where the search ends; `buckets` if it ends at neither.
inline uint32_t look_up(const Memo &in, uint32_t parent, uint64_t value, uint32_t &node)
{
    uint32_t at = static_cast<uint32_t>(mix(value, parent) >> 40) & (buckets - 1);
    for (uint32_t i = 0; i < longest_probe; i++, at = (at + 1) & (buckets - 1)) {
        node = load(in.bucket[at], __ATOMIC_ACQUIRE);
        if (node == 0 || (in.node[node].value == value && in.node[node].parent == parent))
            return at;
    }
    node = 0;
    return buckets;
}

inline uint64_t read(const Caller &caller, Word word)
{
    const uint64_t base = caller.sp - 8;
    if (word.kind == Kind::initial_bp)
        return caller.bp - base;
    const uint64_t there = word_at(base + word.place * sizeof(uint64_t));
    return word.kind == Kind::address ? there : there - base;
}

/// Odd factors, one for each word of a layout: a sum of products waits for nothing but the words.
constexpr unsigned most_words = 2 * UNPAIRED_MAX_DEPTH;
constexpr auto factors = [] {
    std::array<uint64_t, most_words> result{};
    uint64_t state = 0x9e3779b97f4a7c15ull; // splitmix64
    for (uint64_t &factor : result) {
        uint64_t z = state += 0x9e3779b97f4a7c15ull;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        factor = (z ^ (z >> 31)) | 1;
    }
    return result;
}();

/// Reads the words of a layout.
inline uint64_t hash_words(const Caller &caller, uint32_t layout, const Offset *at)
{
    const uint64_t base = caller.sp - 8;
    const size_t addresses = at[0], saved = at[1];
    const Offset *place = at + header_offsets;
    uint64_t hash = layout * 0x9e3779b97f4a7c15ull;
    if (at[2] != 0)
        hash ^= (caller.bp - base) * 0xd6e8feb86659fd93ull;
#pragma GCC unroll 4
    for (size_t i = 0; i < addresses; i++)
        hash += word_at(base + place[i] * sizeof(uint64_t)) * factors[i];
    for (size_t i = addresses; UNPAIRED_UNLIKELY(i < addresses + saved); i++)
        hash += (word_at(base + place[i] * sizeof(uint64_t)) - base) * factors[i];
    hash ^= hash >> 32;
    return hash | (hash == 0);
}

/// The outermost word of a layout, in words from the innermost.
inline uint64_t reach_of(const Offset *layout) { return layout[header_offsets + layout[0] - 1]; }

inline uint32_t place_of(uint64_t key) { return key >> 20 & (hash_places - 1); }

inline bool find_hash(const Memo &in, uint64_t key, uint64_t &hash)
{
    for (uint32_t i = 0, at = place_of(key); i < longest_probe; i++, at = (at + 1) & (hash_places - 1)) {
        const uint64_t there = load(in.found[at].key, __ATOMIC_ACQUIRE);
        if (UNPAIRED_LIKELY(there == key)) {
            hash = in.found[at].hash;
            return true;
        }
        if (there == 0)
            return false;
    }
    return false;
}

/// Up to what address the words of a layout may be read without asking whether they are there: where the thread walked
/// its own stack before, all of it is mapped as long as the thread lives. 0: nowhere.
inline uint64_t readable_until(const Caller &caller, const LastStack &last)
{
    return caller.sp - 8 >= last.own_low && caller.sp <= last.own_high ? last.own_high : 0;
}

/// The stack that the C library made for this thread ends below its descriptor, the first thread's where the program
/// began; a stack that ends there is no coroutine's.
bool ends_own_stack(uint64_t outermost)
{
    constexpr uint64_t room_for_start = 512, room_for_thread = 16 * 1024; // with static thread-local storage
    const uint64_t descriptor = sys::thread_pointer();
    const uint64_t beginning = process.stack_end;
    return (outermost < beginning && beginning - outermost < room_for_start) ||
           (outermost < descriptor && descriptor - outermost < room_for_thread);
}

void learn_own_stack(LastStack &last)
{
    const uint64_t outermost = last.known.slot[0], innermost = last.known.slot[last.depth - 1];
    for (uint32_t i = 0; i < last.depth; i++)
        if ((last.known.flags[i] & StackStates::opaque) != 0) // a signal handler's stack may be another
            return;
    if (!ends_own_stack(outermost))
        return;
    if (outermost != last.own_high || innermost < last.own_low)
        last.own_low = innermost;
    last.own_high = outermost;
}

/// The words of a walk in the order they were read. Bounded: what does not fit is not remembered.
struct Path {
    Word words[most_words];
    uint32_t count = 0;

    bool add(Kind kind, uint64_t distance)
    {
        if (distance / 8 > farthest || distance % 8 != 0 || count == most_words)
            return false;
        words[count++] = {kind, static_cast<Offset>(distance / 8)};
        return true;
    }

    /// From the outermost `depth` states.
    bool fill(const StackStates &known, uint32_t depth)
    {
        const uint64_t base = known.slot[depth - 1];
        uint64_t bp_slot = 0; // where bp was read last
        bool bp_counted = false;
        for (uint32_t i = depth; i-- > 1;) {
            if ((known.flags[i - 1] & StackStates::opaque) != 0)
                return false;
            // bp counts where a rule uses it
            if ((known.flags[i] & StackStates::uses_bp) != 0 && !bp_counted) {
                if (!(bp_slot == 0 ? add(Kind::initial_bp, 0) : add(Kind::saved_bp, bp_slot - base)))
                    return false;
                bp_counted = true;
            }
            if (!add(Kind::address, known.slot[i - 1] - base))
                return false;
            if (known.bp_slot[i - 1] != 0) {
                bp_slot = known.bp_slot[i - 1];
                bp_counted = false;
            }
        }
        return true;
    }
};

/// The same words as a layout.
struct Layout {
    Offset offsets[header_offsets + most_words] = {};
    uint32_t count = header_offsets;

    explicit Layout(const Path &path)
    {
        take(path, Kind::address, offsets[0]);
        take(path, Kind::saved_bp, offsets[1]);
        for (uint32_t i = 0; i < path.count; i++)
            offsets[2] |= path.words[i].kind == Kind::initial_bp;
    }

    bool equals(const Offset *other) const
    {
        return __builtin_memcmp(offsets, other, count * sizeof(Offset)) == 0;
    }

private:
    void take(const Path &path, Kind kind, Offset &n)
    {
        for (uint32_t i = 0; i < path.count; i++)
            if (path.words[i].kind == kind) {
                offsets[count++] = path.words[i].place;
                n++;
            }
    }
};

class Adder {
public:
    Adder(Memo &to, const Caller &caller, const Path &path, uint64_t hash)
        : to_(to), caller_(caller), path_(path), layout_(path), hash_(hash)
    {}

    void add(uint32_t generation)
    {
        uint32_t parent = root(generation);
        uint64_t value = caller_.pc;
        for (uint32_t level = 0;; level++) {
            uint32_t number;
            const uint32_t bucket = look_up(to_, parent, value, number);
            if (bucket == buckets)
                return;
            if (number == 0) {
                add_leaf(bucket, {value, parent, {}, {}}, 0);
                return;
            }
            const Node &node = to_.node[number];
            if (node.next.kind == Kind::none) {
                for (uint32_t i = 0; i < layouts_of_leaf; i++) {
                    if (node.layout[i] == 0) {
                        add_leaf(bucket, node, i);
                        return;
                    }
                    if (layout_.equals(to_.offsets + node.layout[i])) {
                        add_hash(node.layout[i]);
                        return;
                    }
                }
                // Too many layouts: the next word decides. What the leaf knew is learnt anew.
                if (level == path_.count || !put(bucket, {node.value, node.parent, {}, path_.words[level]}))
                    return;
                parent = n_nodes - 1;
            } else {
                if (level == path_.count || node.next != path_.words[level])
                    return;
                parent = number;
            }
            value = read(caller_, path_.words[level]);
        }
    }

private:
    bool put(uint32_t bucket, const Node &node)
    {
        if (n_nodes == most_nodes)
            return false;
        // Counted first: who is interrupted here, and left by longjmp, must not have its number given out again.
        const uint32_t number = n_nodes++;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        to_.node[number] = node;
        store(to_.bucket[bucket], number, __ATOMIC_RELEASE);
        return true;
    }

    /// The node, with the layout as its i-th.
    void add_leaf(uint32_t bucket, Node node, uint32_t i)
    {
        if (offset_room - n_offsets < layout_.count)
            return;
        const uint32_t layout = n_offsets;
        n_offsets += layout_.count;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        __builtin_memcpy(to_.offsets + layout, layout_.offsets, layout_.count * sizeof(Offset));
        node.layout[i] = layout;
        if (put(bucket, node))
            add_hash(layout);
    }

    void add_hash(uint32_t layout)
    {
        const uint64_t key = hash_words(caller_, layout, to_.offsets + layout);
        if (n_hashes == most_hashes)
            return;
        for (uint32_t i = 0, at = place_of(key); i < longest_probe; i++, at = (at + 1) & (hash_places - 1)) {
            Found &found = to_.found[at];
            if (found.key == key)
                return;
            if (found.key != 0)
                continue;
            found.hash = hash_;
            store(found.key, key, __ATOMIC_RELEASE);
            n_hashes++;
            return;
        }
    }

    Memo &to_;
    const Caller &caller_;
    const Path &path_;
    const Layout layout_;
    uint64_t hash_;
};

} // namespace

bool find_path(const Caller &caller, uint32_t generation, const LastStack &last, uint64_t &hash)
{
    const Memo *in = load(memo, __ATOMIC_ACQUIRE);
    const uint64_t until = readable_until(caller, last);
    if (UNPAIRED_UNLIKELY(in == nullptr || until == 0))
        return false;
    const uint64_t readable = (until - (caller.sp - 8)) / sizeof(uint64_t);
    uint32_t parent = root(generation);
    uint64_t value = caller.pc;
    for (;;) {
        uint32_t number;
        look_up(*in, parent, value, number);
        if (UNPAIRED_UNLIKELY(number == 0))
            return false;
        const Node &node = in->node[number];
        if (node.next.kind == Kind::none) {
            for (const uint32_t layout : node.layout)
                if (layout != 0 && reach_of(in->offsets + layout) <= readable &&
                    find_hash(*in, hash_words(caller, layout, in->offsets + layout), hash))
                    return true;
            return false;
        }
        if (UNPAIRED_UNLIKELY(node.next.place > readable))
            return false;
        parent = number;
        value = read(caller, node.next);
    }
}

bool remember_path(const Caller &caller, uint32_t depth, LastStack &last, uint64_t hash)
{
    if (!last.whole || depth < 2)
        return false;
    learn_own_stack(last);
    Path path;
    if (readable_until(caller, last) == 0 || !path.fill(last.known, depth) || !writer.take())
        return false;
    if (memo == nullptr)
        store(memo, static_cast<Memo *>(sys::anonymous(sizeof(Memo))), __ATOMIC_RELEASE);
    const uint32_t known = n_nodes + n_hashes;
    if (memo != nullptr)
        Adder(*memo, caller, path, hash).add(last.generation);
    const bool learnt = n_nodes + n_hashes != known;
    writer.give();
    return learnt;
}

void release_path_lock() { writer.give(); }
void release_path_lock_below(uint64_t sp) { writer.give_if_taken_below(sp); }

#else

bool find_path(const Caller &, uint32_t, const LastStack &, uint64_t &) { return false; }
bool remember_path(const Caller &, uint32_t, LastStack &, uint64_t) { return false; }
void release_path_lock() {}
void release_path_lock_below(uint64_t) {}

#endif

} // namespace unpaired
