// Makes the RAM image of a device as the firmware recorder leaves it, and the ELF file that belongs to it.
#pragma once

#include "input/firmware_elf.h"
#include "input/read_ram.h"
#include "unpaired/ram_image.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace unpaired::test {

/// A device with 256 KiB of RAM at 0x20000000: .data and .bss with the variables g_state (256 bytes, at
/// `state`) and worker_stack (1 KiB), the recorder's tables, a heap behind them, the main stack on top.
class ImageBuilder {
public:
    static constexpr uint64_t base = 0x20000000, size = 0x40000;
    static constexpr uint64_t state = 0x20000100, worker_stack = 0x20000400, root = 0x20001000,
                              heap = 0x20004000, main_stack = 0x2003f000, ram_end = base + size;
    static constexpr uint64_t text = 0x8000, build_id_note = 0x100;

    ImageBuilder();

    /// Interns a call site; `function` is of the dictionary, `place` an address behind a call in .text.
    uint16_t site(const std::string &function, uint64_t place, const char *owner = "", uint32_t acquired = 0);
    /// A live block, at `at` or behind the last one; counts for its site. Returns its address.
    uint64_t block(uint16_t site, uint32_t size, const char *owner = "", uint64_t at = 0);
    /// Gives a block back: header wiped, contents left as they are.
    void release(uint64_t block);
    /// Writes a pointer.
    void point(uint64_t at, uint64_t to);
    void write(uint64_t at, const std::string &bytes);
    void handle(uint16_t site, uint32_t number, const char *space, const char *observed = nullptr,
                uint8_t failed = 0);
    void anomaly(unpaired_anomaly_kind kind, const char *function, uint16_t acquire_site, uint64_t place,
                 int16_t result, uint32_t count, const char *observed = nullptr);
    /// The next acquisitions are of the next cycle.
    void mark();
    uint32_t sequence() const { return root_.sequence; }

    unpaired_root_32 root_{}; ///< as it will be stored
    bool with_root = true;
    FirmwareElf elf;

    /// The bytes of the image, tables included.
    std::vector<uint8_t> bytes() const;

private:
    uint8_t function_id(const std::string &name) const;
    uint8_t space_id(const std::string &name) const;

    struct SiteEntry {
        unpaired_ram_site site{};
        uint32_t frame = 0;
    };
    std::vector<uint8_t> ram_;
    std::vector<SiteEntry> sites_;
    std::vector<unpaired_ram_handle_32> handles_;
    std::vector<unpaired_ram_anomaly_32> anomalies_;
    std::vector<uint32_t> marks_;
    uint64_t next_block_ = heap;
};

/// A file of these bytes in a folder of its own, gone with the object.
class TemporaryFile {
public:
    explicit TemporaryFile(const std::vector<uint8_t> &bytes, const std::string &name = "ram.bin");
    ~TemporaryFile();
    TemporaryFile(const TemporaryFile &) = delete;
    TemporaryFile &operator=(const TemporaryFile &) = delete;
    std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

/// What read_ram() makes of the image, at its base.
Remains remains_of(const ImageBuilder &builder, const RamHints &hints = {});

} // namespace unpaired::test
