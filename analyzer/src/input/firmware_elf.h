// The ELF file of a firmware as plain data: what a stream or a memory image is read with.
#pragma once

#include "input/input_error.h"
#include "input/model.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace unpaired {

struct FirmwareSymbol {
    std::string name;
    uint64_t address = 0; ///< of ARM functions without the Thumb bit
    uint64_t size = 0;    ///< 0: not told (assembly)
    bool thumb = false;   ///< ARM functions: the bit was set
    bool global = false;  ///< visible to other object files, weak ones too
    bool weak = false;
};

/// A section that the device has in its memory.
struct FirmwareSection {
    std::string name;
    uint64_t address = 0, size = 0;
    bool code = false, writable = false;
    std::span<const uint8_t> bytes; ///< empty where the file has none (.bss); points into FirmwareElf::file
};

/// A part of the file that is loaded.
struct FirmwareSegment {
    uint64_t address = 0;      ///< where the program sees it
    uint64_t load_address = 0; ///< where it is stored (flash, for .data)
    uint64_t memory_size = 0;
    bool code = false, writable = false;
    std::span<const uint8_t> bytes; ///< of the file; the rest of memory_size is zero
};

/// All spans point into `file`, so a copy of this is cheap enough and stays valid.
struct FirmwareElf {
    std::string path;
    std::shared_ptr<const std::vector<uint8_t>> file; ///< the whole file
    uint16_t machine = 0;                             ///< ELF e_machine
    uint8_t address_size = 4;
    bool relocatable = false;      ///< position-independent: addresses are offsets from where it was loaded
    uint64_t entry = 0;            ///< Thumb bit removed
    std::string build_id;          ///< hexadecimal, "" if it has none
    uint64_t build_id_address = 0; ///< of the note in the device's memory, 0: not there
    std::vector<FirmwareSection> sections; ///< by address
    std::vector<FirmwareSegment> segments; ///< as in the file
    std::vector<FirmwareSymbol> functions; ///< by address; aliases stand side by side, global ones first
    std::vector<FirmwareSymbol> objects;   ///< variables, by address
    std::vector<FirmwareSymbol> labels;    ///< linker script and assembly (`_estack`), by address
    Dictionary dictionary;                 ///< of section .unpaired_dictionary, empty without one
    /// Releasers that serve only some families of their space (`P` lines): function → families.
    std::map<uint16_t, std::set<uint16_t>> serves_only;

    /// The bytes at a virtual address, up to the end of its section; empty if the file has none there.
    std::span<const uint8_t> bytes_at(uint64_t address) const;
    /// Whether the address lies in a section of code.
    bool is_code(uint64_t address) const;
    /// The function that covers the address; of several the first. One without a size reaches to the next
    /// symbol. Null if none does.
    const FirmwareSymbol *function_at(uint64_t address) const;
    /// The variable that covers the address; null if none does.
    const FirmwareSymbol *object_at(uint64_t address) const;
    /// The symbol of that name: a global one before local ones, functions before objects before labels.
    const FirmwareSymbol *symbol(std::string_view name) const;
};

/// What the file must have to be of use.
struct FirmwareNeeds {
    bool dictionary = true; ///< section .unpaired_dictionary
    bool symbols = true;    ///< a symbol table
};

/// Reads a linked little-endian ELF file of a machine that this version knows (ARM, AArch64, RISC-V, x86,
/// x86-64). Throws InputError: not there, not an ELF file, damaged, an object file, stripped, no dictionary.
FirmwareElf read_firmware_elf(const std::string &path, FirmwareNeeds needs = {});

/// The same for bytes in memory; `name` stands in messages and in FirmwareElf::path.
FirmwareElf read_firmware_elf(std::vector<uint8_t> bytes, const std::string &name, FirmwareNeeds needs = {});

/// Reads the lines of a dictionary (stream_format.h) into `elf.dictionary` and `elf.serves_only`. Throws
/// InputError for another version or a line that makes no sense.
void read_dictionary_lines(std::string_view lines, FirmwareElf &elf);

/// A call instruction.
struct CallInstruction {
    uint64_t address = 0;
    std::optional<uint64_t>
        target; ///< Thumb bit removed; nothing where it calls through a register or memory
};

/// The call that returns to `return_address` (a Thumb bit in it is ignored), if the instruction before it is
/// one. Direct calls: BL and BLX of Thumb and ARM, jal and auipc with jalr, call, BL of AArch64.
std::optional<CallInstruction> call_before(const FirmwareElf &elf, uint64_t return_address);

} // namespace unpaired
