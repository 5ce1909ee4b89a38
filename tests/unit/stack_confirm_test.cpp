#include "input/stack_confirm.h"

#include "firmware_samples.h"

using namespace unpaired;
using namespace unpaired::test;

namespace {

/// Frames of the sample image, as a scan would have found them: positions in words above the stack pointer
/// before the hooked call, as frames.S gives them.
class Scan {
public:
    explicit Scan(const std::string &caller, const std::string &image = "firmware.elf") : elf(firmware(image))
    {
        words_.push_back({after_call(elf, caller, "hook"), 0});
    }

    Scan &at(uint64_t position, const std::string &caller, const std::string &callee, int nth = 1)
    {
        words_.push_back({after_call(elf, caller, callee, nth), position - last_});
        last_ = position;
        return *this;
    }
    ConfirmedStack confirmed(bool full = false) const { return StackConfirmer(elf).confirm(words_, full); }
    /// The functions that the confirmed return addresses lie in.
    std::vector<std::string> functions(bool full = false) const
    {
        std::vector<std::string> names;
        for (uint64_t address : confirmed(full).frames)
            names.push_back(elf.function_at(address - 1)->name);
        return names;
    }
    const FirmwareElf elf;

private:
    std::vector<ScanWord> words_;
    uint64_t last_ = 0;
};

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("the frame rules say where each return address stands, and what stands elsewhere is stale")
{
    Scan scan("allocate");
    scan.at(1, "callback", "allocate").at(3, "middle", "allocate").at(4, "calls_tail", "tail");
    scan.at(5, "Reset_Handler", "middle");

    CHECK(scan.functions() == Names{"allocate", "middle", "Reset_Handler"});
    CHECK(scan.confirmed().complete);
    CHECK_FALSE(scan.confirmed().uncertain);
}

TEST_CASE("frame rules of what the linker threw away do not shadow those of code near address 0")
{
    Scan scan("allocate", "low.elf");
    REQUIRE(scan.elf.symbol("unused") == nullptr);
    scan.at(1, "calls_tail", "tail").at(3, "middle", "allocate").at(5, "Reset_Handler", "middle");

    CHECK(scan.functions() == Names{"allocate", "middle", "Reset_Handler"});
}

TEST_CASE("a stack ends in a function that nobody called, whatever stands above it")
{
    Scan scan("allocate");
    scan.at(3, "middle", "allocate").at(5, "Reset_Handler", "middle").at(7, "calls_tail", "tail");

    CHECK(scan.functions(true) == Names{"allocate", "middle", "Reset_Handler"});
    CHECK(scan.confirmed(true).complete);
}

TEST_CASE("a tail call leaves its caller's caller where the rules expect it")
{
    Scan scan("allocate");
    scan.at(3, "middle", "allocate").at(5, "calls_tail", "tail").at(7, "Reset_Handler", "calls_tail");

    CHECK(scan.functions() == Names{"allocate", "middle", "calls_tail", "Reset_Handler"});
}

TEST_CASE("behind a frame pointer the next word is taken whose call goes to that function")
{
    Scan scan("allocate");
    // 40 words of alloca, with an older call's leavings in it
    scan.at(3, "with_alloca", "allocate").at(20, "middle", "allocate").at(30, "Reset_Handler", "middle");
    scan.at(45, "calls_alloca", "with_alloca").at(47, "Reset_Handler", "calls_alloca");

    CHECK(scan.functions() == Names{"allocate", "with_alloca", "calls_alloca", "Reset_Handler"});
    CHECK_FALSE(scan.confirmed().uncertain);
}

TEST_CASE("of several words that may follow a frame pointer the one counts from which the rules lead on")
{
    Scan scan("allocate");
    scan.at(3, "with_alloca", "allocate").at(10, "calls_alloca", "with_alloca");
    scan.at(45, "calls_alloca", "with_alloca").at(47, "Reset_Handler", "calls_alloca");

    ConfirmedStack stack = scan.confirmed();
    CHECK(stack.frames.size() == 4);
    CHECK(stack.complete);
}

TEST_CASE("a callback's caller is found by the rules, though its call goes through a pointer")
{
    Scan scan("allocate");
    scan.at(3, "callback", "allocate").at(5, "sorter", "").at(7, "calls_sorter", "sorter");
    scan.at(9, "Reset_Handler", "calls_sorter");

    CHECK(scan.functions() == Names{"allocate", "callback", "sorter", "calls_sorter", "Reset_Handler"});
    CHECK_FALSE(scan.confirmed().uncertain);
}

TEST_CASE("behind a function without frame rules the calls lead on, and then the rules again")
{
    Scan scan("allocate");
    scan.at(3, "no_rules", "allocate").at(4, "calls_tail", "tail").at(5, "calls_no_rules", "no_rules");
    scan.at(7, "Reset_Handler", "calls_no_rules");

    CHECK(scan.functions() == Names{"allocate", "no_rules", "calls_no_rules", "Reset_Handler"});
}

TEST_CASE("a call through a pointer is taken where nothing better follows, and said to be uncertain")
{
    Scan scan("allocate");
    scan.at(3, "no_rules", "allocate").at(5, "sorter", "").at(7, "calls_sorter", "sorter");

    CHECK(scan.functions() == Names{"allocate", "no_rules", "sorter", "calls_sorter"});
    CHECK(scan.confirmed().uncertain);
}

TEST_CASE("a list that was full may have been cut: its stack is confirmed as far as it goes")
{
    Scan scan("allocate");
    scan.at(3, "middle", "allocate");

    CHECK(scan.functions(true) == Names{"allocate", "middle"});
    CHECK_FALSE(scan.confirmed(true).complete);
    CHECK(scan.confirmed(false).complete);
}

TEST_CASE("a full list whose last word lies in the reset handler misses nothing")
{
    Scan scan("allocate");
    scan.at(3, "middle", "allocate").at(5, "Reset_Handler", "middle");

    CHECK(scan.functions(true) == Names{"allocate", "middle", "Reset_Handler"});
    CHECK(scan.confirmed(true).complete);
}

TEST_CASE("the caller alone is a stack of one")
{
    CHECK(Scan("allocate").functions(true) == Names{"allocate"});
    CHECK(StackConfirmer(firmware()).confirm({}, true).frames.empty());
}

TEST_CASE("hostile words end a search in time")
{
    const FirmwareElf elf = firmware();
    const uint64_t alloca = after_call(elf, "with_alloca", "allocate"),
                   sorter = after_call(elf, "sorter", "");
    std::vector<ScanWord> words;
    for (int i = 0; i < 255; i++)
        words.push_back({i % 2 ? alloca : sorter, UINT64_MAX});
    words.front() = {alloca, 0};
    CHECK(StackConfirmer(elf).confirm(words, true).frames.size() >= 1);
}

TEST_CASE("packed frames are unpacked by the format's numbers")
{
    const std::vector<uint64_t> packed = {0x10, (5u << 21) | 0x20};
    const auto words = unpack_frames(packed, 21, 2, 0x8000);
    REQUIRE(words.size() == 2);
    CHECK(words[0].return_address == 0x8020);
    CHECK(words[0].distance == 0);
    CHECK(words[1].return_address == 0x8040);
    CHECK(words[1].distance == 5);
    CHECK(unpack_frames(packed, 0, 2, 0).empty());
    CHECK(unpack_frames(packed, 64, 2, 0).empty());
}
