#!/usr/bin/env python3
"""Addresses that no allocator returned: a recorded program dies, or survives, as it would alone."""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402
from harness import Broken, run, run_unpaired  # noqa: E402

# A few of them get a report; the others run with the recorder alone.
REPORTED = {("free", "stack"), ("free", "middle"), ("free", "twice_merged"), ("realloc", "middle_far"),
            ("delete", "unmapped"), ("usable_size", "end_of_map")}


def options():
    parser = argparse.ArgumentParser()
    for name in ("unpaired", "preload", "program"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


def names(t, kind):
    lines = run([t.program, "--list"]).stdout.decode().split("\n")
    found = [line.split()[1] for line in lines if line.startswith(kind + " ")]
    if not found:
        raise Broken(f"the program lists no {kind}")
    return found


def environment(**more):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNPAIRED_")}
    return {**kept, "LC_ALL": "C", **more}


def outcome(result):
    # The report of `run` goes to a file here; addresses differ from run to run.
    return (result.status, result.stdout.decode(), re.sub(r"0x[0-9a-f]+", "0x…", result.stderr.decode()))


def compare(t, folder, *, calls=None, where=(), **more):
    trace = os.path.join(folder, "%p.trace")
    wrong, n, repeated = [], 0, 0
    for call in calls or names(t, "call"):
        for address in names(t, "address"):
            command = [t.program, call, address, *where]
            alone = outcome(run(command, env=environment(**more)))
            recorded = outcome(run(command, env=environment(
                LD_PRELOAD=":".join([t.preload, *filter(None, [more.get("LD_PRELOAD")])]), UNPAIRED_OUTPUT=trace,
                **{name: value for name, value in more.items() if name != "LD_PRELOAD"})))
            n += 1
            # The meaning of an address near other memory depends on the memory layout of this run.
            ends = {alone}
            while recorded not in ends and len(ends) < 9 and repeated < 40:
                repeated += 1
                ends.add(outcome(run(command, env=environment(**more))))
            if recorded not in ends:
                wrong.append(f"{call} of {address}: alone {alone}, recorded {recorded}")
            left = os.listdir(folder)
            if len(left) != 1:
                wrong.append(f"{call} of {address}: {len(left)} traces")
            for name in left:
                os.unlink(os.path.join(folder, name))
    expect(not wrong, f"{len(wrong)} of {n} differ:\n        " + "\n        ".join(wrong[:20]))


@check
def a_release_of_any_address_ends_as_it_would_alone(t, folder):
    compare(t, folder)


@check
def so_it_does_in_a_thread_with_an_arena_of_its_own(t, folder):
    compare(t, folder, calls=("free", "realloc", "usable_size"), where=("thread",))


@check
def a_fault_is_at_the_address_where_it_would_be_alone(t, folder):
    compare(t, folder, calls=("free", "realloc", "usable_size", "delete_sized"), where=("handler",))


@check
def so_it_ends_where_blocks_are_found_by_their_address(t, folder):
    compare(t, folder, calls=("free", "realloc", "delete_sized"), LD_PRELOAD="libc_malloc_debug.so.0",
            GLIBC_TUNABLES="glibc.malloc.check=3")


@check
def the_report_survives_such_a_death(t, folder):
    for call, address in sorted(REPORTED):
        alone = run([t.program, call, address], env=environment())
        recorded = run_unpaired(t.unpaired, [t.program, call, address], env=environment())
        expect(recorded.status == alone.status, f"{call} of {address}: {recorded.status}, alone {alone.status}")
        expect(len(recorded.report["images"]) == 1, f"{call} of {address}: {recorded.report_text}")


run_checks(options())
