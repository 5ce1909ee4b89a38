#include "input/firmware_elf.h"

#include "firmware_samples.h"

#include <cstring>
#include <elf.h>
#include <fmt/format.h>
#include <fstream>
#include <iterator>

using namespace unpaired;
using namespace unpaired::test;

namespace {

std::vector<uint8_t> bytes_of(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string error_of(std::vector<uint8_t> bytes)
{
    try {
        read_firmware_elf(std::move(bytes), "fw.elf");
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

/// The call before the end of `code`, which stands at `address` in an image of `machine`.
std::optional<CallInstruction> call_in(uint16_t machine, uint8_t address_size, std::vector<uint8_t> code,
                                       uint64_t address = 0x1000)
{
    FirmwareElf elf;
    elf.machine = machine;
    elf.address_size = address_size;
    elf.file = std::make_shared<const std::vector<uint8_t>>(std::move(code));
    FirmwareSection text;
    text.address = address;
    text.size = elf.file->size();
    text.code = true;
    text.bytes = *elf.file;
    elf.sections.push_back(text);
    return call_before(elf, address + text.size);
}

std::string dictionary_error(const std::string &lines)
{
    FirmwareElf elf;
    elf.path = "fw.elf";
    try {
        read_dictionary_lines(lines, elf);
    } catch (const InputError &error) {
        return error.what();
    }
    return "";
}

} // namespace

TEST_CASE("a firmware's ELF file is read as plain data")
{
    const FirmwareElf elf = firmware();

    CHECK(elf.machine == EM_ARM);
    CHECK(elf.address_size == 4);
    CHECK_FALSE(elf.relocatable);
    CHECK(elf.build_id.size() == 40);
    const FirmwareSymbol *reset = elf.symbol("Reset_Handler");
    REQUIRE(reset != nullptr);
    CHECK(reset->thumb);
    CHECK(reset->address % 2 == 0);
    CHECK(elf.entry == reset->address);
    CHECK(elf.is_code(reset->address));
    CHECK(elf.function_at(reset->address + 3) == reset);
    CHECK(elf.bytes_at(reset->address).size() >= reset->size);
    CHECK(elf.symbol("$t") == nullptr);
    CHECK(elf.bytes_at(0x20000000).empty());
}

TEST_CASE("the dictionary's lines become names, numbered from 1")
{
    const FirmwareElf elf = firmware();
    const Dictionary &names = elf.dictionary;

    CHECK(names.spaces.at(1).name == "heap");
    CHECK(names.spaces.at(3).kind == UNPAIRED_KIND_IN_PLACE);
    CHECK(names.families.at(2).display == "lwIP socket");
    CHECK(names.functions.at(1).name == "malloc");
    CHECK(names.functions.at(1).space == 1);
    CHECK(names.functions.at(2).role == UNPAIRED_ROLE_RELEASE);
    CHECK(names.functions.at(5).role == UNPAIRED_ROLE_OBSERVE);
    CHECK(names.functions.at(5).space == 2);
    CHECK(elf.serves_only.at(2) == std::set<uint16_t>{1});
}

TEST_CASE("a dictionary that makes no sense is told in one line")
{
    CHECK(dictionary_error("unpaired 1\nS heap NUMBERED\n").empty());
    CHECK(dictionary_error(std::string("unpaired 1\0\0S heap NUMBERED\n", 28)).empty());
    CHECK(dictionary_error("") == "fw.elf: its section .unpaired_dictionary has no version; link it with the "
                                  "wraplib of this version of unpaired");
    CHECK(dictionary_error("unpaired 2\n").find("dictionary version 2, this unpaired reads 1") !=
          std::string::npos);
    for (const char *line :
         {"X a b", "S heap ROUND", "F heap nowhere block", "A malloc", "P free heap", "S", "heap"})
        CHECK(
            dictionary_error(fmt::format("unpaired 1\n{}", line)).find(fmt::format("damaged at '{}", line)) !=
            std::string::npos);
}

TEST_CASE("an ELF file that cannot be used is told in one line")
{
    const std::vector<uint8_t> good = bytes_of(firmware_path());
    CHECK(error_of(good).empty());
    CHECK(error_of({}) == "fw.elf: is empty");
    CHECK(error_of({'r', 'a', 'w', 0, 0}).find("is not an ELF file; give the linker's output") !=
          std::string::npos);
    CHECK(error_of({good.begin(), good.begin() + 20}).find("damaged ELF file") != std::string::npos);
    CHECK(
        error_of({good.begin(), good.begin() + static_cast<ptrdiff_t>(good.size() / 2)}).find("is cut off") !=
        std::string::npos);

    std::vector<uint8_t> changed = good;
    changed[EI_DATA] = ELFDATA2MSB;
    CHECK(error_of(changed).find("big-endian") != std::string::npos);
    changed = good;
    changed[offsetof(Elf32_Ehdr, e_machine)] = EM_MIPS;
    CHECK(error_of(changed).find("is for machine 8") != std::string::npos);
    changed = good;
    changed[offsetof(Elf32_Ehdr, e_type)] = ET_REL;
    CHECK(error_of(changed).find("is an object file") != std::string::npos);
    CHECK(error_of(bytes_of("/proc/self/exe")).find("was it linked with unpaired's wraplib?") !=
          std::string::npos);
    CHECK_THROWS_WITH(read_firmware_elf(std::string("/no/such/file")),
                      "/no/such/file: cannot open it: No such file or directory");
}

TEST_CASE("no cut and no flipped byte of an ELF file does more than throw an InputError")
{
    const std::vector<uint8_t> good = bytes_of(firmware_path());
    const size_t step = good.size() / 400 + 1;
    for (size_t length = 0; length < good.size(); length += step)
        (void)error_of({good.begin(), good.begin() + static_cast<ptrdiff_t>(length)});
    std::vector<uint8_t> changed = good;
    for (size_t at = 0; at < good.size(); at += at < 64 ? 1 : step) {
        changed[at] ^= 0xff;
        (void)error_of(changed);
        changed[at] ^= 0xff;
    }
    SUCCEED();
}

TEST_CASE("calls of Thumb code are told from other instructions, with their targets")
{
    const FirmwareElf elf = firmware();
    CHECK(call_before(elf, after_call(elf, "middle", "allocate")));
    CHECK(call_before(elf, after_call(elf, "middle", "allocate") | 1)); // as a link register has it
    CHECK_FALSE(call_before(elf, after_call(elf, "sorter", ""))->target);
    CHECK_FALSE(call_before(elf, elf.symbol("middle")->address + 2)); // behind a push
    CHECK_FALSE(call_before(elf, 0x20000000));
    CHECK_FALSE(call_before(elf, 0));
}

TEST_CASE("calls of the other machines are told too")
{
    // as, for each of them: auipc ra, 0 and jalr ra, 8(ra); jal ra, .+16; c.jalr a5; c.jal .+8
    CHECK(call_in(EM_RISCV, 4, {0x97, 0, 0, 0, 0xe7, 0x80, 0x80, 0})->target == 0x1008u);
    CHECK(call_in(EM_RISCV, 4, {0xef, 0, 0, 1})->target == 0x1010u);
    CHECK_FALSE(call_in(EM_RISCV, 4, {0x82, 0x97})->target);
    CHECK(call_in(EM_RISCV, 4, {0x21, 0x20})->target == 0x1008u);
    CHECK_FALSE(call_in(EM_RISCV, 8, {0x21, 0x20})); // c.addiw there
    CHECK_FALSE(call_in(EM_RISCV, 4, {0x13, 0, 0, 0}));
    // call .+5+3; call *%rax; call *8(%rax); call *0x100(%rip); call *(%rax,%rbx,8)
    CHECK(call_in(EM_X86_64, 8, {0xe8, 3, 0, 0, 0})->target == 0x1008u);
    CHECK_FALSE(call_in(EM_X86_64, 8, {0xff, 0xd0})->target);
    CHECK(call_in(EM_X86_64, 8, {0xff, 0x50, 8})->address == 0x1000);
    CHECK(call_in(EM_X86_64, 8, {0xff, 0x15, 0, 1, 0, 0})->address == 0x1000);
    CHECK(call_in(EM_X86_64, 8, {0xff, 0x14, 0xd8})->address == 0x1000);
    CHECK_FALSE(call_in(EM_X86_64, 8, {0xff, 0xe0})); // jmp *%rax
    // bl .+16; blr x3; br x3
    CHECK(call_in(EM_AARCH64, 8, {4, 0, 0, 0x94})->target == 0x1010u);
    CHECK_FALSE(call_in(EM_AARCH64, 8, {0x60, 0, 0x3f, 0xd6})->target);
    CHECK_FALSE(call_in(EM_AARCH64, 8, {0x60, 0, 0x1f, 0xd6}));
}
