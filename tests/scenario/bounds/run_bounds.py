#!/usr/bin/env python3
"""How much memory and room recording takes: a function of what is live, not of how long it goes on.

Measured with the program at rest: what its resident memory, private and of files, is larger by than the same program's
without us, and what the trace takes of its file system (its pages are the target's too).
"""
import argparse
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
from harness import Broken, Failed  # noqa: E402
from looks import bound, looks  # noqa: E402

KIB = 1024
TIMEOUT = 800


def look_at(command, environment, folder):
    """What is seen at the program's two rests: after a tenth, and at the end."""
    try:
        seen = list(looks(command, environment, folder, TIMEOUT))
    except subprocess.CalledProcessError as error:
        raise Failed(f"{error} (after {TIMEOUT} s it is killed)") from None
    if len(seen) != 2:
        raise Broken(f"{command} asked to be looked at {len(seen)} times")
    return seen


def added(arguments, with_us, without):
    """[(bytes added in all, of them trace)] after a tenth and at the end. `without`: arguments of the run alone, which may
    be shorter: what a program needs at rest does not depend on how long it ran."""
    if not os.path.isdir("/dev/shm"):
        raise Broken("no /dev/shm: the trace's pages could not be told from the program's")
    with tempfile.TemporaryDirectory(prefix="unpaired-test-", dir="/dev/shm") as folder:
        alone = max(look.memory for look in look_at([arguments.program, *without], {}, folder))
        seen = look_at([arguments.program, *with_us],
                       {"LD_PRELOAD": arguments.preload, "UNPAIRED_OUTPUT": f"{folder}/%p.trace"}, folder)
    if any(look.trace == 0 for look in seen):
        raise Broken("nothing was recorded")
    results = [(look.memory - alone + look.trace, look.trace) for look in seen]
    for when, (total, trace) in zip(("after a tenth", "at the end"), results):
        print(f"{when}: {total // KIB} KiB added, of them {trace // KIB} KiB in the trace")
    return results


def require_bound(results, threads, blocks, grows_by):
    """The bound holds, and the trace does not grow by more than `grows_by` bytes from the first look to the second."""
    most = bound(threads, blocks)
    print(f"bound: {most // KIB} KiB for {threads} threads and {blocks} blocks")
    for total, _ in results:
        if total > most:
            raise Failed(f"{total // KIB} KiB are added, more than {most // KIB} KiB")
    if results[1][1] > results[0][1] + grows_by:
        raise Failed(f"the trace grew from {results[0][1] // KIB} KiB after a tenth to {results[1][1] // KIB} KiB")


def soak(arguments):
    """Given 1,000 live blocks, half of them freed by another thread, when five million pairs go by, the trace is as large
    as after a tenth of them."""
    # a few blocks more may be on their way at once later than before: an extent of slots
    require_bound(added(arguments, (5_000_000, 1000), (30_000, 1000)), threads=3, blocks=1000, grows_by=64 * KIB)


def short_threads(arguments):
    """Given four threads at once, when a million have come and gone, what is added is as at first."""
    # pthread_join() returns a little before the kernel forgets the thread: on a busy machine one or two more than four
    # are there at once, some time or other, and the trace has a shard more for each, of 20 to 28 KiB
    require_bound(added(arguments, (1_000_000, 4, 30), (100_000, 4, 30)), threads=5, blocks=80, grows_by=64 * KIB)


def many_threads(arguments):
    """Given 64 threads at once, then 512, each with blocks of its own from many sites, the bound holds."""
    # 1,000 pairs: more than a thread keeps retired slots of. 512: what a thread may take weighs more than the base
    for at_once in (64, 512):
        run = (2 * at_once, at_once, 1000)
        require_bound(added(arguments, run, run), threads=at_once + 1, blocks=at_once * 20, grows_by=64 * KIB)


CASES = {"soak": soak, "short-threads": short_threads, "many-threads": many_threads}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("case", choices=sorted(CASES))
    arguments = parser.parse_args()
    CASES[arguments.case](arguments)


harness.main(main)
