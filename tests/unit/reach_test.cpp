#include "image_builder.h"

#include "analyze_helpers.h"
#include "passes/reach.h"

#include <catch2/catch.hpp>

using namespace unpaired;
using namespace unpaired::test;
using Catch::Matchers::Contains;

namespace {

constexpr uint64_t place = ImageBuilder::text + 0x40;

struct Device : ImageBuilder {
    uint16_t from = site("malloc", place);
    uint64_t block_of(uint32_t bytes) { return block(from, bytes); }

    /// How the block is held.
    Held held(uint64_t address, const RamHints &hints = {}) const
    {
        Remains remains = remains_of(*this, hints);
        tell_reach(remains);
        for (size_t i = 0; i < remains.trace.slots.size(); i++)
            if (remains.trace.slots[i].handle == address)
                return remains.trace.held[i];
        throw std::logic_error("no such block");
    }
    Reachability state_of(uint64_t address) const { return held(address).state; }
};

} // namespace

TEST_CASE("a block that nothing points to is lost")
{
    Device device;
    const uint64_t block = device.block_of(20);
    CHECK(device.state_of(block) == Reachability::lost);
    device.point(block + 4, block); // but itself
    CHECK(device.state_of(block) == Reachability::lost);
}

TEST_CASE("a block that a variable points to is reachable, and the variable is named")
{
    Device device;
    const uint64_t block = device.block_of(20);
    device.point(ImageBuilder::state + 8, block);
    CHECK(device.state_of(block) == Reachability::reachable);
    CHECK(device.held(block).by == "g_state + 8");
}

TEST_CASE("a block that a reachable block points to is reachable through it")
{
    Device device;
    const uint64_t list = device.block_of(20), entry = device.block_of(20), name = device.block_of(8);
    device.point(ImageBuilder::state, list);
    device.point(list + 16, entry);
    device.point(entry, name);
    CHECK(device.state_of(name) == Reachability::reachable);
    CHECK(device.held(name).by_slot == 1);
}

TEST_CASE("blocks that only lost blocks point to are lost with them")
{
    Device device;
    const uint64_t entry = device.block_of(20), name = device.block_of(8), topic = device.block_of(8);
    device.point(entry, name);
    device.point(name, topic);
    CHECK_FALSE(device.held(entry).indirect);
    CHECK(device.state_of(topic) == Reachability::lost);
    CHECK(device.held(name).indirect);
    CHECK(device.held(topic).indirect);

    SECTION("of a ring the first stands for all")
    {
        device.point(topic, entry);
        CHECK_FALSE(device.held(entry).indirect);
        CHECK(device.held(name).indirect);
    }
    SECTION("whatever the order of their addresses")
    {
        const uint64_t owner = device.block_of(8);
        device.point(owner, entry);
        CHECK_FALSE(device.held(owner).indirect);
        CHECK(device.held(entry).indirect);
    }
}

TEST_CASE("a pointer to the beginning or to behind a small header holds; one into the middle may")
{
    Device device;
    const uint64_t block = device.block_of(64);
    for (uint64_t offset : {0, 4, 8}) {
        device.point(ImageBuilder::state, block + offset);
        CHECK(device.state_of(block) == Reachability::reachable);
    }
    for (uint64_t offset : {12, 32, 63}) {
        device.point(ImageBuilder::state, block + offset);
        CHECK(device.state_of(block) == Reachability::possibly);
        CHECK(device.held(block).interior);
    }
    device.point(ImageBuilder::state, block + 64); // behind its end
    CHECK(device.state_of(block) == Reachability::lost);
}

TEST_CASE("a doubly linked list through the middle of its elements holds them")
{
    Device device;
    const uint64_t head = ImageBuilder::state + 16, first = device.block_of(64), second = device.block_of(64);
    constexpr uint64_t node = 40; // next, previous
    device.point(head, first + node);
    device.point(first + node, second + node);
    device.point(first + node + 4, head);
    device.point(second + node, head);
    device.point(second + node + 4, first + node);
    device.point(head + 4, second + node);
    CHECK(device.state_of(first) == Reachability::reachable);
    CHECK(device.state_of(second) == Reachability::reachable);
}

TEST_CASE("what stands in a block and points to its beginning is held for all of the block")
{
    Device device;
    const uint64_t page = device.block_of(256);
    device.point(ImageBuilder::state, page + 200);
    device.point(page + 200, page + 4);
    CHECK(device.state_of(page) == Reachability::reachable);
}

TEST_CASE("stale pointers in free heap memory hold nothing")
{
    Device device;
    const uint64_t lost = device.block_of(20), freed = device.block_of(64), behind = device.block_of(8);
    device.point(freed + 8, lost);
    device.release(freed);
    device.point(behind + 8 + 16, lost); // above the highest block: was never handed out, or freed
    CHECK(device.state_of(lost) == Reachability::lost);
}

TEST_CASE("the recorder's own tables hold nothing")
{
    Device device;
    const uint64_t block = device.block_of(20);
    device.point(ImageBuilder::root + 0xf00, block); // an event in its ring
    CHECK(device.state_of(block) == Reachability::lost);
}

TEST_CASE("a heap that is a variable holds nothing between its blocks")
{
    Device device;
    FirmwareSymbol heap;
    heap.name = "ucHeap";
    heap.address = ImageBuilder::base + 0x3000;
    heap.size = 0x1000;
    device.elf.objects.push_back(heap);
    const uint64_t block = device.block(device.from, 20, "", heap.address + 0x100);
    device.point(heap.address + 0x800, block);
    CHECK(device.state_of(block) == Reachability::lost);
}

TEST_CASE("a task's stack holds from its saved stack pointer up; below it only may")
{
    Device device;
    const uint64_t above = device.block_of(20), below = device.block_of(20);
    device.point(ImageBuilder::worker_stack + 0x300, above);
    device.point(ImageBuilder::worker_stack + 0x100, below);
    SECTION("the pointer is what stands in a control block")
    {
        device.point(ImageBuilder::state + 4, ImageBuilder::worker_stack);
        device.point(ImageBuilder::state, ImageBuilder::worker_stack + 0x200);
        CHECK(device.state_of(above) == Reachability::reachable);
        CHECK_THAT(device.held(above).by, Contains("the stack worker_stack"));
        CHECK(device.state_of(below) == Reachability::possibly);
        CHECK_THAT(device.held(below).by, Contains("below the stack pointer"));
    }
    SECTION("where there is none, nothing is certain")
    {
        CHECK(device.state_of(above) == Reachability::possibly);
        CHECK(device.state_of(below) == Reachability::possibly);
    }
}

TEST_CASE("the main stack holds from the stack pointer up, if that is known; else it only may")
{
    Device device;
    const uint64_t above = device.block_of(20), below = device.block_of(20);
    device.point(ImageBuilder::main_stack + 0x800, above);
    device.point(ImageBuilder::main_stack + 0x700, below);
    CHECK(device.state_of(above) == Reachability::possibly);
    CHECK(device.state_of(below) == Reachability::possibly);
    const RamHints hints{ImageBuilder::main_stack + 0x780};
    CHECK(device.held(above, hints).state == Reachability::reachable);
    CHECK(device.held(below, hints).state == Reachability::lost);
}

TEST_CASE("what a possibly lost block points to is possibly lost")
{
    Device device;
    const uint64_t block = device.block_of(64), inner = device.block_of(20);
    device.point(ImageBuilder::state, block + 32);
    device.point(block, inner);
    CHECK(device.state_of(inner) == Reachability::possibly);
}

TEST_CASE("a register holds a block it points into")
{
    Device device;
    const uint64_t block = device.block_of(64);
    Remains remains = remains_of(device);
    remains.registers.push_back({"rbx of thread 7", block + 32});
    tell_reach(remains);
    CHECK(remains.trace.held[0].state == Reachability::reachable);
    CHECK(remains.trace.held[0].by == "register rbx of thread 7");
}

TEST_CASE("address space that was only reserved is no more than possibly lost, and what stands in it with it")
{
    Device device;
    const uint64_t space = device.block_of(64), inner = device.block_of(20), other = device.block_of(20);
    device.point(space + 32, inner);
    Remains remains = remains_of(device, {});
    for (LiveBlock &block : remains.blocks)
        block.reserved = block.address == space;
    tell_reach(remains);
    const auto state_of = [&](uint64_t address) {
        for (size_t i = 0; i < remains.trace.slots.size(); i++)
            if (remains.trace.slots[i].handle == address)
                return remains.trace.held[i].state;
        throw std::logic_error("no such block");
    };
    CHECK(state_of(space) == Reachability::possibly);
    CHECK(state_of(inner) == Reachability::possibly);
    CHECK(state_of(other) == Reachability::lost);
}
