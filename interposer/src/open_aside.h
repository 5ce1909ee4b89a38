// Opening files without taking a descriptor that the program may want, and where it has none left.
#pragma once

#include "scratch.h"

namespace unpaired {

/// Opens a file for reading under a number that programs do not use. Where all are taken and the limit is a soft one,
/// it is raised for the moment of the open. −errno if that is not enough.
long open_aside(const char *path);

/// A place where files can be opened though the program has used up its descriptors and may not have more: a thread
/// with a table of descriptors of its own, empty.
class DescriptorsOfItsOwn {
public:
    /// Calls `work` there, and returns when it is done; false, without having called it, if there is no such place.
    bool call(void (*work)(void *argument), void *argument);

    /// The memory that `work` has its stack in: what stands there says nothing about the program.
    uint64_t stack_start() const { return stack_.first_byte(); }
    uint64_t stack_end() const { return stack_.last_byte(); }

private:
    ScratchArray<uint8_t> stack_;
};

} // namespace unpaired
