// A folder of our own that traces are written into while a program runs.
#pragma once

#include <string>
#include <vector>

namespace unpaired {

/// A new folder, readable by this user alone, on tmpfs where there is one (/dev/shm; else TMPDIR, else /tmp).
/// Its name tells our pid. Removed with all it holds when the object goes, unless kept.
class PrivateFolder {
public:
    /// Throws Trouble if no place will have it.
    PrivateFolder();
    ~PrivateFolder();
    PrivateFolder(const PrivateFolder &) = delete;
    PrivateFolder &operator=(const PrivateFolder &) = delete;

    const std::string &path() const { return path_; }

    /// Paths of the traces in it, sorted by name.
    std::vector<std::string> traces() const;

    /// Leaves it to the user.
    void keep() { kept_ = true; }

    /// Removes it now; the destructor does nothing more.
    void remove();

private:
    std::string path_;
    bool kept_ = false;
};

} // namespace unpaired
