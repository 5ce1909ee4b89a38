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

/// Prepares pages that can be used without a system call: reserves blocks of the disk, and makes the pages writable.
/// For seal().
void keep_trace_ready();

/// Unmaps the unused part of the trace's mapping except `reserve` bytes, and limits the trace to the rest. For a
/// process with a limit of address space or locked memory (setrlimit(2), mlockall(2)). Returns false if no part was
/// unused.
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
