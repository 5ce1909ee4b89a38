// A tree of stacks, from the inside out. A node stands for a run of words that were read one after the other and never
// differed; its children for the values the next word has had. All threads share it. It only grows: a node is never
// changed once it can be found, so readers take no lock; a node that must be split is replaced by one that ends sooner.
#include "path_memo.h"

namespace unpaired {

#if defined(__x86_64__)
namespace {

// Room for some 5,000 stacks; touched as it is used, 1.6 MiB when full.
constexpr uint32_t room = 3u << 16, buckets = 1u << 15, longest_probe = 16;
constexpr unsigned value_bits = 48;
constexpr uint64_t value_mask = (uint64_t{1} << value_bits) - 1;

/// Where a word stands, from where the walk is: 14 bits of distance in 8-byte words, and what it is.
enum Kind : uint16_t {
    return_address = 0 << 14, ///< so far outwards of the last one
    saved_bp = 1 << 14,       ///< so far inwards of the last return address; its value counts from the innermost one
    initial_bp = 2 << 14,     ///< the register itself, as the hook's caller had it
    nothing = 3 << 14,        ///< the stack ends here
};
constexpr uint16_t kind_mask = 3 << 14;
constexpr uint64_t farthest = (1 << 14) - 1;

struct Node {
    uint64_t value;  ///< of the word that leads here
    uint32_t parent; ///< tail of the node before
    uint32_t tail;   ///< what its children know it by; stays with the end of a run when that is split
    uint64_t hash;   ///< of the stack that ends here
    uint32_t count;  ///< words, which follow: where each stands (16 bits), its value (48 bits)
    uint16_t next;   ///< where the word stands that decides between the children, or `nothing`
    uint16_t spare;

    const uint64_t *words() const { return reinterpret_cast<const uint64_t *>(this + 1); }
};
constexpr uint32_t node_words = sizeof(Node) / sizeof(uint64_t);

struct Memo {
    uint32_t bucket[buckets]; ///< where a node begins; 0: empty
    uint64_t nodes[room];

    const Node &node(uint32_t at) const { return *reinterpret_cast<const Node *>(nodes + at); }
};
Memo *memo;
uint32_t writer;            // a lock that is tried, never waited for
uint32_t used = 1, n_tails; // of memo->nodes; of tails: under `writer`

inline uint64_t word_at(uint64_t address) { return *reinterpret_cast<const volatile uint64_t *>(address); }
inline uint32_t bucket_of(uint32_t parent, uint64_t value)
{
    return static_cast<uint32_t>(mix(value, parent) >> 40) & (buckets - 1);
}
/// Roots are told apart by the rules they were walked by: what was learnt under others is not found again.
inline uint32_t tail_of_roots(uint32_t generation) { return 0x80000000u | generation; }

/// The bucket where the node is, or the empty one where the search ends; `buckets` if it ends at neither.
inline uint32_t look_up(const Memo &in, uint32_t parent, uint64_t value, uint32_t &node)
{
    uint32_t at = bucket_of(parent, value);
    for (uint32_t i = 0; i < longest_probe; i++, at = (at + 1) & (buckets - 1)) {
        node = load(in.bucket[at], __ATOMIC_ACQUIRE);
        if (node == 0 || (in.node(node).parent == parent && in.node(node).value == value))
            return at;
    }
    node = 0;
    return buckets;
}

/// A walk along words. `slot`: of the return address it has come to.
struct Place {
    uint64_t base, slot, bp;

    uint64_t read(uint16_t where)
    {
        const uint64_t distance = uint64_t{where & farthest} * 8;
        if (UNPAIRED_LIKELY((where & kind_mask) == return_address)) {
            slot += distance;
            return word_at(slot);
        }
        const uint64_t from_base = ((where & kind_mask) == saved_bp ? word_at(slot - distance) : bp) - base;
        return fits(from_base) ? from_base & value_mask : ~uint64_t{0};
    }

    /// Whether a distance from the base can be kept.
    static bool fits(uint64_t distance)
    {
        return static_cast<uint64_t>(static_cast<int64_t>(distance << 16) >> 16) == distance;
    }
};

/// The words of a stack as they are kept. Bounded: what does not fit is not remembered.
struct Path {
    uint64_t words[2 * UNPAIRED_MAX_DEPTH];
    uint32_t count = 0;

    bool add(uint16_t kind, uint64_t distance, uint64_t value)
    {
        if (distance % 8 != 0 || distance / 8 > farthest || !Place::fits(value))
            return false;
        words[count++] = (uint64_t{kind} | distance / 8) << value_bits | (value & value_mask);
        return true;
    }

    /// From the states of a walk. bp is looked at where a rule uses it, so that what is read next depends on nothing but
    /// what was read before.
    bool fill(const Caller &caller, const LastStack &last)
    {
        const StackStates &known = last.known;
        const uint64_t base = caller.sp - 8;
        uint64_t bp_slot = 0; // where bp was read last
        bool bp_checked = false;
        for (uint32_t i = last.depth; i-- > 1;) {
            if ((known.flags[i] & StackStates::uses_bp) != 0 && !bp_checked) {
                if (!(bp_slot == 0 ? add(initial_bp, 0, known.bp[i] - base)
                                   : add(saved_bp, known.slot[i] - bp_slot, known.bp[i] - base)))
                    return false;
                bp_checked = true;
            }
            if ((known.flags[i - 1] & StackStates::opaque) != 0 || !add(return_address, known.slot[i - 1] - known.slot[i], known.pc[i - 1]))
                return false;
            if (known.bp_slot[i - 1] != 0) {
                bp_slot = known.bp_slot[i - 1];
                bp_checked = false;
            }
        }
        return true;
    }
};

class Adder {
public:
    Adder(Memo &to, const Path &path, uint64_t hash) : to_(to), path_(path), hash_(hash) {}

    void add(uint32_t generation, uint64_t innermost)
    {
        uint32_t parent = tail_of_roots(generation);
        uint64_t value = innermost;
        for (uint32_t done = 0;;) {
            uint32_t node;
            const uint32_t at = look_up(to_, parent, value, node);
            if (at == buckets)
                return;
            if (node == 0) {
                put_leaf(at, parent, value, done);
                return;
            }
            const Node &found = to_.node(node);
            uint32_t same = 0;
            while (same < found.count && done + same < path_.count &&
                   found.words()[same] == path_.words[done + same])
                same++;
            if (same < found.count) {
                if (done + same == path_.count || !split(at, node, same, path_.words[done + same]))
                    return;
                continue; // the shorter node has taken its place
            }
            done += same;
            if (found.next == nothing || done == path_.count ||
                found.next != static_cast<uint16_t>(path_.words[done] >> value_bits))
                return;
            parent = found.tail;
            value = path_.words[done++] & value_mask;
        }
    }

private:
    /// A node with these words, which nobody can find yet; 0 if there is no room.
    uint32_t new_node(Node head, const uint64_t *words)
    {
        if (room - used < node_words + head.count)
            return 0;
        const uint32_t at = used;
        *reinterpret_cast<Node *>(to_.nodes + at) = head;
        for (uint32_t i = 0; i < head.count; i++)
            to_.nodes[at + node_words + i] = words[i];
        used += node_words + head.count;
        return at;
    }

    void put_leaf(uint32_t bucket, uint32_t parent, uint64_t value, uint32_t done)
    {
        if (const uint32_t leaf = new_node({value, parent, ++n_tails, hash_, path_.count - done, nothing, 0},
                                           path_.words + done))
            store(to_.bucket[bucket], leaf, __ATOMIC_RELEASE);
    }

    /// The node's run is to end after `count` words, where `other` is another value for the next one.
    bool split(uint32_t bucket, uint32_t node, uint32_t count, uint64_t other)
    {
        const Node &whole = to_.node(node);
        const uint64_t differing = whole.words()[count];
        const auto where = static_cast<uint16_t>(differing >> value_bits);
        if (where != static_cast<uint16_t>(other >> value_bits))
            return false;
        const uint32_t tail = ++n_tails;
        uint32_t none;
        const uint32_t place = look_up(to_, tail, differing & value_mask, none);
        if (place == buckets || none != 0)
            return false;
        const uint32_t end = new_node(
            {differing & value_mask, tail, whole.tail, whole.hash, whole.count - count - 1, whole.next, 0},
            whole.words() + count + 1);
        const uint32_t beginning = new_node({whole.value, whole.parent, tail, 0, count, where, 0}, whole.words());
        if (end == 0 || beginning == 0)
            return false;
        store(to_.bucket[place], end, __ATOMIC_RELEASE);
        store(to_.bucket[bucket], beginning, __ATOMIC_RELEASE);
        return true;
    }

    Memo &to_;
    const Path &path_;
    uint64_t hash_;
};

} // namespace

bool find_path(const Caller &caller, uint32_t generation, uint64_t &hash)
{
    const Memo *in = load(memo, __ATOMIC_ACQUIRE);
    if (in == nullptr)
        return false;
    Place place{caller.sp - 8, caller.sp - 8, caller.bp};
    uint32_t parent = tail_of_roots(generation);
    uint64_t value = caller.pc;
    for (;;) {
        uint32_t number;
        look_up(*in, parent, value, number);
        if (number == 0)
            return false;
        const Node &node = in->node(number);
        const uint64_t *word = node.words();
        for (const uint64_t *end = word + node.count; word != end; word++)
            if (place.read(static_cast<uint16_t>(*word >> value_bits)) != (*word & value_mask))
                return false;
        if (node.next == nothing) {
            hash = node.hash;
            return true;
        }
        parent = node.tail;
        value = place.read(node.next);
    }
}

void remember_path(const Caller &caller, const LastStack &last, uint64_t hash)
{
    if (!last.whole || last.depth == 0)
        return;
    Path path;
    if (!path.fill(caller, last) || __atomic_exchange_n(&writer, 1u, __ATOMIC_ACQUIRE) != 0)
        return;
    if (memo == nullptr)
        store(memo, static_cast<Memo *>(sys::anonymous(sizeof(Memo))), __ATOMIC_RELEASE);
    if (memo != nullptr)
        Adder(*memo, path, hash).add(last.generation, caller.pc);
    store(writer, 0u, __ATOMIC_RELEASE);
}

void release_path_lock() { store(writer, 0u); }

#else

bool find_path(const Caller &, uint32_t, uint64_t &) { return false; }
void remember_path(const Caller &, const LastStack &, uint64_t) {}
void release_path_lock() {}

#endif

} // namespace unpaired
