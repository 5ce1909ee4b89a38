// unpaired ctl PID snapshot: who holds what, in a process that runs.
#pragma once

#include "commands/live_trace.h"
#include "input/model.h"
#include "report.h"

#include <string>
#include <vector>

namespace unpaired {

/// What one process held at the moment of a snapshot.
struct Snapshot {
    Image image;
    Reached reached;
};

/// Looks twice at the memory of each of `images`, processes that record into `live`, which `trace` was read from, and
/// writes what it found into the trace. Throws Trouble or InputError, one line, where one of them may not be looked
/// at.
std::vector<Snapshot> take_snapshot(LiveTrace &live, const Trace &trace, const std::vector<Image> &images);

/// "snapshot: 30 blocks lost (960 B), 3 possibly (96 B)": of all of them.
std::string snapshot_line(const std::vector<Snapshot> &snapshots);

/// Prints what was found, and what is lost by site, as a report of now has it.
void print_snapshot(const LiveTrace &live, const std::vector<Snapshot> &snapshots);

} // namespace unpaired
