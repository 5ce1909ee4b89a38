// Which calls escape the hooks, decided from symbols and references alone; what is printed to repair them.
#include "input/disassembly.h"
#include "input/link_map.h"
#include "passes/escape_fixes.h"
#include "passes/escapes.h"

#include <catch2/catch.hpp>
#include <elf.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace unpaired;

namespace {

/// A RISC-V image of functions of 16 bytes each, in the order given, from 0x1000 on.
struct SmallFirmware {
    FirmwareElf elf;
    CodeReferences references;
    EscapeContext context;

    explicit SmallFirmware(const std::vector<std::string> &functions)
    {
        elf.machine = EM_RISCV;
        for (const std::string &name : functions) {
            FirmwareSymbol &symbol = elf.functions.emplace_back();
            symbol.name = name;
            symbol.address = 0x1000 + 16 * (elf.functions.size() - 1);
            symbol.size = 16;
            symbol.global = true;
        }
        FirmwareSection &text = elf.sections.emplace_back();
        text.name = ".text";
        text.address = 0x1000;
        text.size = 16 * functions.size();
        text.code = true;
        read_dictionary_lines(
            "unpaired 1\nS heap NUMBERED\nF heap heap block\nA take heap\nA copy heap\nR give heap\n"
            "S lock IN_PLACE\nF lock lock lock\nA lock_init lock\nR lock_destroy lock\n",
            elf);
    }
    uint64_t at(const std::string &function) const { return elf.symbol(function)->address; }
    void call(const std::string &from, const std::string &to)
    {
        references.references.push_back({at(from) + 4, at(to), ReferenceKind::call});
    }
    std::vector<std::string> escapes() const
    {
        std::vector<std::string> found;
        for (const Escape &escape : find_escapes(elf, references, context).escapes)
            found.push_back(escape.caller + " > " + escape.function);
        return found;
    }
};

using Names = std::vector<std::string>;

} // namespace

TEST_CASE("a call of the function itself escapes, a call of its hook does not", "[escapes]")
{
    SmallFirmware image({"take", "__wrap_take", "main", "other"});
    image.call("main", "__wrap_take");
    image.call("__wrap_take", "take");
    CHECK(image.escapes().empty());
    image.call("other", "take");
    CHECK(image.escapes() == Names{"other > take"});
}

TEST_CASE("what happens inside a hooked call of the same space is no escape", "[escapes]")
{
    SmallFirmware image(
        {"take", "give", "lock_init", "helper", "__wrap_take", "__wrap_give", "__wrap_lock_init"});
    SECTION("a followed function calls another one")
    {
        image.call("give", "take");
        CHECK(image.escapes().empty());
    }
    SECTION("but not of another space")
    {
        image.call("lock_init", "take");
        CHECK(image.escapes() == Names{"lock_init > take"});
    }
    SECTION("a helper that only they call")
    {
        image.call("give", "helper");
        image.call("helper", "take");
        CHECK(image.escapes().empty());
    }
    SECTION("but not a helper whose address is taken")
    {
        image.call("give", "helper");
        image.call("helper", "take");
        image.references.references.push_back({0x8000, image.at("helper"), ReferenceKind::word});
        CHECK(image.escapes() == Names{"helper > take"});
    }
}

TEST_CASE("an acquirer that calls a hooked acquirer may be called directly, one that releases too may not",
          "[escapes]")
{
    SmallFirmware image({"take", "give", "copy", "main", "__wrap_take", "__wrap_give", "__wrap_copy"});
    image.call("copy", "__wrap_take");
    image.call("main", "copy");
    CHECK(image.escapes().empty());
    image.call("copy", "__wrap_give"); // as realloc does
    CHECK(image.escapes() == Names{"main > copy"});
}

TEST_CASE("clones and veneers count as the function", "[escapes]")
{
    SmallFirmware image({"take", "take.constprop.0", "__take_veneer", "__wrap_take", "main"});
    image.call("main", "take.constprop.0");
    image.call("__take_veneer", "take");
    image.call("__wrap_take", "__take_veneer");
    CHECK(image.escapes() == Names{"main > take"});
    image.call("main", "__take_veneer");
    CHECK(image.escapes() == Names{"main > take", "main > take"});
}

TEST_CASE("a static function that happens to have the name is another one, except after LTO", "[escapes]")
{
    SmallFirmware image({"take", "main", "__wrap_take"});
    image.elf.functions[0].global = false;
    image.call("main", "take");
    CHECK(image.escapes().empty());
    image.context.unit_at = [](uint64_t) { return EscapeContext::Unit{"", true}; };
    CHECK(image.escapes() == Names{"main > take"});
}

TEST_CASE("why a call escapes", "[escapes]")
{
    SmallFirmware image({"take", "main", "other", "__wrap_take", "__wrap_give", "give"});
    image.call("main", "take");
    const auto cause = [&image] {
        return find_escapes(image.elf, image.references, image.context).escapes.at(0).cause;
    };
    SECTION("nothing leads to any hook: no flag") { CHECK(cause() == EscapeCause::not_wrapped); }
    SECTION("others were wrapped: within the object")
    {
        image.call("other", "__wrap_give");
        CHECK(cause() == EscapeCause::same_object);
    }
    SECTION("the linker's map decides")
    {
        image.call("other", "__wrap_take");
        image.context.object_at = [&image](uint64_t at) { return at < image.at("main") ? "a.o" : "b.o"; };
        CHECK(cause() == EscapeCause::not_wrapped);
        image.context.object_at = [](uint64_t) { return "a.o"; };
        CHECK(cause() == EscapeCause::same_object);
        image.context.object_at = [](uint64_t) { return "/tmp/cc1.ltrans0.ltrans.o"; };
        CHECK(cause() == EscapeCause::link_time);
    }
}

TEST_CASE("RISC-V branches and addresses are read, compressed ones too", "[escapes]")
{
    FirmwareElf elf;
    elf.machine = EM_RISCV;
    std::vector<FoundReference> found;
    const auto read = [&](std::vector<uint8_t> bytes) {
        found.clear();
        disassemble_riscv(elf, {0x1000, bytes, false}, [&](const FoundReference &r) { found.push_back(r); });
        REQUIRE(found.size() == 1);
        return std::pair(found[0].kind, found[0].target);
    };
    // encodings: as riscv64-unknown-elf-objdump reads them
    CHECK(read({0xef, 0x00, 0x00, 0x10}) == std::pair(ReferenceKind::call, uint64_t{0x1100})); // jal 0x1100
    CHECK(read({0x6f, 0xf0, 0x1f, 0xff}) == std::pair(ReferenceKind::jump, uint64_t{0xff0}));  // j 0xff0
    CHECK(read({0x01, 0xa0}) == std::pair(ReferenceKind::jump, uint64_t{0x1000}));             // c.j 0x1000
    CHECK(read({0x01, 0x20}) == std::pair(ReferenceKind::call, uint64_t{0x1000}));             // c.jal 0x1000
    CHECK(read({0x97, 0x10, 0x00, 0x00, 0xe7, 0x80, 0x40, 0x23}) ==                            // call 0x2234
          std::pair(ReferenceKind::call, uint64_t{0x2234}));
    CHECK(read({0x37, 0x25, 0x00, 0x00, 0x13, 0x05, 0x45, 0x23}) == // li a0, 0x2234
          std::pair(ReferenceKind::address, uint64_t{0x2234}));
}

TEST_CASE("a map of the linker tells objects and members of archives", "[escapes]")
{
    const auto path = std::filesystem::temp_directory_path() / ("unpaired-map-" + std::to_string(getpid()));
    std::ofstream(path) << "Archive member included\n\nLinker script and memory map\n\n"
                           " .text          0x00000100       0x24 build/net.o\n"
                           "                0x00000100                net_open\n"
                           " .text.a_very_long_name_of_a_function\n"
                           "                0x00000124       0x10 lib dir/libv.a(close.o)\n"
                           " .text          0x00000134        0x0 empty.o\n"
                           " .debug_info    0x00000000     0x1000 build/net.o\n";
    const std::vector<InputSection> sections = read_link_map(path.string());
    std::filesystem::remove(path);
    REQUIRE(section_at(sections, 0x110) != nullptr);
    CHECK(section_at(sections, 0x110)->file == "build/net.o");
    const InputSection *member = section_at(sections, 0x124);
    REQUIRE(member != nullptr);
    CHECK(member->name == ".text.a_very_long_name_of_a_function");
    CHECK(member->file == "lib dir/libv.a");
    CHECK(member->member == "close.o");
    CHECK(section_at(sections, 0x134) == nullptr);
}

TEST_CASE("the repairs of one object file are one command, its name quoted for a shell", "[escapes]")
{
    Escape take, give;
    take.function = "take";
    give.function = "give";
    const auto fixes = fixes_for(
        {take, give, take},
        [](const Escape &escape) {
            FunctionOrigin origin;
            origin.known = true;
            origin.file = "out dir/it's.o";
            origin.section = ".text." + escape.function;
            origin.offset = 1;
            return origin;
        },
        "arm-none-eabi-");
    REQUIRE(fixes.size() == 1);
    CHECK(fixes[0].lines.back() ==
          "arm-none-eabi-objcopy --redefine-sym take=__wrap_take --weaken-symbol __wrap_take --add-symbol "
          "take=.text.take:0x1,function,global --redefine-sym give=__wrap_give --weaken-symbol __wrap_give "
          "--add-symbol give=.text.give:0x1,function,global 'out dir/it'\\''s.o'");
}
