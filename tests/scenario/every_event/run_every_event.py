#!/usr/bin/env python3
"""What the report says is the same whether it is told by the ledger or by the log of every event."""
import argparse
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

COUNTS = ("count", "bytes", "acquired", "released", "owner", "severity")


def reports(t, *arguments):
    """The program's images by the ledger, and by the events, in the order in which they were begun."""
    both = []
    for options in ((), ("--every-event",)):
        # what the options are must not change how large the environment is: programs copy it
        env = dict(os.environ, PADDING="x" * (0 if options else len(" --every-event")))
        report = harness.run_unpaired(t.unpaired, [t.program, *arguments], options=options, env=env).report
        both.append(sorted(report["images"], key=lambda image: image["trace"]["pid"]))
    ledger, events = both
    expect(len(ledger) == len(events), f"{len(ledger)} images by the ledger, {len(events)} by the events")
    for image in ledger:
        expect("every_event" not in image["trace"], "told by events that nobody asked for")
    for image in events:
        expect(image["trace"].get("every_event"), f"not told by the events: {image['remarks']}")
    return zip(ledger, events)


def same(ledger, events, peaks_equal):
    expect(ledger["totals"] == events["totals"], f"totals:\n{ledger['totals']}\n{events['totals']}")
    expect(ledger["owners"] == events["owners"], f"owners:\n{ledger['owners']}\n{events['owners']}")
    expect(ledger["trace"]["events"] == events["trace"]["events"], "the number of events differs")
    expect(ledger["remarks"] == events["remarks"], f"remarks:\n{ledger['remarks']}\n{events['remarks']}")
    found, again = ({f["id"]: f for f in image["findings"]} for image in (ledger, events))
    expect(found.keys() == again.keys() and found, f"findings differ: {found.keys() ^ again.keys()}")
    for name, one in found.items():
        other = again[name]
        for member in COUNTS:
            expect(one[member] == other[member], f"{name}: {member} {one[member]}, by events {other[member]}")
        peak, by_events = one.get("peak_bytes", 0), other.get("peak_bytes", 0)
        expect(peak == by_events or (not peaks_equal and by_events < peak),
               f"{one['blame']['function']}: peak {peak}, by events {by_events}")
    return found


@check
def one_thread_is_told_the_same_by_the_ledger_and_by_the_events(t, folder):
    for ledger, events in reports(t, "single"):
        found = same(ledger, events, peaks_equal=True)
        rules = {f["rule"] for f in found.values()}
        expect({"never-released", "storage-freed-live", "reinitialised-live"} <= rules, f"too little happened: {rules}")
        peaks = [f["peak_bytes"] for f in found.values() if f["function"] == "mmap" and f.get("peak_bytes")]
        expect(max(peaks) == 16 * 4096, f"peaks of mappings: {peaks}")


@check
def forked_children_are_told_the_same(t, folder):
    images = list(reports(t, "forks"))
    expect(len(images) == 4, f"{len(images)} images")
    for ledger, events in images:
        same(ledger, events, peaks_equal=True)


@check
def threads_that_free_each_others_blocks_are_told_the_same_but_for_lower_peaks(t, folder):
    for ledger, events in reports(t, "threads"):
        found = same(ledger, events, peaks_equal=False)
        made = [f for f in found.values() if f["blame"]["function"].startswith("make_block")]
        expect(len(made) == 1 and made[0]["acquired"] == 19968 and made[0]["count"] == 4, f"{made}")


def report_of(t, trace):
    """Its images, and the exit status."""
    result = harness.run([t.unpaired, "report", "--format=json", trace])
    return harness.json.loads(result.stdout)["images"], result.status


@check
def killed_at_any_moment_the_events_fit_the_ledger(t, folder):
    for attempt in range(8):
        trace = os.path.join(folder, f"{attempt}.trace")
        env = dict(os.environ, LD_PRELOAD=t.preload, UNPAIRED_OUTPUT=trace, UNPAIRED_OPTIONS="--every-event")
        process = subprocess.Popen([t.program, "forever"], stdout=subprocess.PIPE, env=env)
        process.stdout.readline()
        try:  # no event to wait for: the point is that any moment will do
            process.wait(0.01 * (attempt + 1))
        except subprocess.TimeoutExpired:
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        images, _ = report_of(t, trace)
        expect(len(images) == 1 and images[0]["trace"].get("every_event"), f"not by the events: {images[0]['remarks']}")
        expect(not any("event" in remark for remark in images[0]["remarks"]), f"{images[0]['remarks']}")
        heap = images[0]["totals"]["heap"]
        expect(heap["acquired"] == heap["released"] + heap["unpaired"] > 1000, f"{heap}")


@check
def a_cut_or_damaged_file_is_told_by_the_ledger(t, folder):
    trace = os.path.join(folder, "whole.trace")
    harness.run([t.program, "many", "60000"],
                env=dict(os.environ, LD_PRELOAD=t.preload, UNPAIRED_OUTPUT=trace, UNPAIRED_OPTIONS="--every-event"))
    with open(trace, "rb") as file:
        content = file.read()
    content = content[:int.from_bytes(content[128:132], "little") * 4096]
    events = [at for at in range(4096, len(content), 4096)
              if content[at:at + 6] == b"UNTX\x05\x00" and content[at + 96] != 0]
    expect(len(events) >= 3, f"{len(events)} extents of events")
    images, _ = report_of(t, trace)
    expect(images[0]["trace"].get("every_event"), "the whole file is not told by the events")
    before = images[0]["totals"]["heap"]

    def without_events(changed, what):
        path = os.path.join(folder, "changed.trace")
        with open(path, "wb") as file:
            file.write(changed)
        images, _ = report_of(t, path)
        expect("every_event" not in images[0]["trace"], f"{what}: told by the events")
        expect(images[0]["remarks"], f"{what}: nothing is said")
        return images[0]["totals"]["heap"]

    damaged = bytearray(content)
    damaged[events[1] + 2000:events[1] + 2040] = b"\x01" * 40
    expect(without_events(damaged, "damaged") == before, "the ledger does not say what it said")
    missing = bytearray(content)
    missing[events[1]:events[1] + 4096] = bytes(4096)
    expect(without_events(missing, "missing") == before, "the ledger does not say what it said")
    without_events(content[:events[-1] + 200], "cut")


@check
def what_finds_no_room_is_counted_and_the_ledger_tells_the_rest(t, folder):
    trace = os.path.join(folder, "small.trace")
    options = "--every-event --max-trace=4M --reachability=off"
    harness.run([t.program, "churn", "400"],
                env=dict(os.environ, LD_PRELOAD=t.preload, UNPAIRED_OUTPUT=trace, UNPAIRED_OPTIONS=options))
    images, _ = report_of(t, trace)
    expect("every_event" not in images[0]["trace"], "told by events that are not all there")
    expect(any("events found no room in the log of every event" in remark for remark in images[0]["remarks"]),
           f"{images[0]['remarks']}")
    heap = images[0]["totals"]["heap"]
    expect(heap["unpaired"] == 3 * 400 and images[0]["trace"]["events_lost"] == 0, f"{heap} {images[0]['trace']}")


parser = argparse.ArgumentParser()
for name in ("unpaired", "preload", "program"):
    parser.add_argument(f"--{name}", required=True)
run_checks(parser.parse_args())
