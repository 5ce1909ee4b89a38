// The mapped file: room for extents and log records.
#pragma once

#include "state.h"

namespace unpaired {

/// Opens, sizes and maps the trace for a new program; false when that cannot be done (the program then runs on
/// unrecorded). `path` has %p and %e; a file that exists is left alone and a number inserted before the extension.
bool map_trace(const char *path, uint64_t max_bytes);

/// An extent of `pages`, readable and writable, of this image; nullptr when there is no room. Any thread, any time.
unpaired_extent *new_extent(unpaired_extent_kind kind, uint32_t pages, uint32_t shard);

/// Appends a record: `fixed` bytes, then up to three tails, padded to 8. Returns the payload in the file, or
/// nullptr when there was no room (counted). Lock-free; from signal handlers too.
struct Tail {
    const void *data;
    size_t size;
};
void *append(unpaired_record_type type, const void *fixed, size_t fixed_size, Tail a = {}, Tail b = {},
             Tail c = {});

template <class Record>
void *append(unpaired_record_type type, const Record &record, Tail a = {}, Tail b = {})
{
    return append(type, &record, sizeof record, a, b);
}

/// Makes room that can be used without a system call: blocks of the disk, and the right to write them. For seal().
void keep_trace_ready();

/// Unmaps what the trace does not use, but for `reserve` bytes; from then on that is all there is. For a process whose
/// address space counts (setrlimit(2), mlockall(2)). False if there was nothing to give.
bool give_back_address_space(uint64_t reserve);

/// Writes the IMAGE record if it is still due.
void announce_image();

/// The image's number, for a record that is about to be written; announces the image if that is still due.
inline uint16_t own_image()
{
    announce_image();
    return process.image;
}

} // namespace unpaired
