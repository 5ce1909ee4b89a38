#!/usr/bin/env python3
"""Resources that threads acquire and pass to each other are counted exactly, with many threads and after a kill.

--kills=N: number of processes to kill (default 40); by hand, 200 and more.
"""
import argparse
import json
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

FAMILIES = ("rwlock", "sem", "mapping", "stream", "heap")
LEDGER = 4096


class Counts:
    """The program's own counts of one kind: calls begun, and calls finished."""

    def __init__(self, acquiring, acquired, releasing, released):
        self.acquiring, self.acquired, self.releasing, self.released = acquiring, acquired, releasing, released

    def __add__(self, other):
        return Counts(self.acquiring + other.acquiring, self.acquired + other.acquired,
                      self.releasing + other.releasing, self.released + other.released)

    def __str__(self):
        return (f"begun {self.acquiring}, acquired {self.acquired}, releases begun {self.releasing}, "
                f"released {self.released}")


def read_ledger(data):
    kinds = {family: Counts(*struct.unpack_from("4Q", data, 32 * i)) for i, family in enumerate(FAMILIES)}
    kinds["mapping"] += Counts(1, 1, 0, 0)  # of the ledger itself
    return kinds


def new_ledger(folder):
    path = os.path.join(folder, "ledger")
    with open(path, "wb") as file:
        file.write(bytes(LEDGER))
    return path


def only_image(report):
    image, = report["images"]
    expect(image["trace"]["events_lost"] == 0, f"{image['trace']['events_lost']} events lost: {image['remarks']}")
    return image


def handed_over(t, folder, threads):
    """Checks that the program releases all, and that the report has its counts."""
    path = new_ledger(folder)
    result = harness.run_unpaired(t.unpaired, [t.program, str(threads), "2", path])
    expect(result.status == 0, f"status {result.status}")
    with open(path, "rb") as file:
        kinds = read_ledger(file.read())
    kinds["mapping"] += Counts(0, 0, 1, 1)
    totals = only_image(result.report)["totals"]
    for family in ("rwlock", "sem", "mapping", "stream"):
        own, told = kinds[family], totals[family]
        expect(own.acquired > 1000, f"only {own.acquired} of {family}")
        expect((told["acquired"], told["released"], told["unpaired"]) == (own.acquired, own.released, 0),
               f"{threads} threads, {family}: the program's counts: {own}; the report's: {told}")
    leaks = harness.all_counted(result.report)
    expect(not leaks, "\n".join(map(harness.show_finding, leaks)))


@check
def what_two_threads_hand_over_is_counted_exactly(t, folder):
    handed_over(t, folder, 2)


@check
def what_four_threads_hand_over_is_counted_exactly(t, folder):
    handed_over(t, folder, 4)


@check
def what_more_threads_than_processors_hand_over_is_counted_exactly(t, folder):
    handed_over(t, folder, 4 * (os.cpu_count() or 1) + 8)


def kill_at(shared, process, least):
    """Kills the process once it has begun `least` semaphores."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if read_ledger(shared)["sem"].acquiring > least:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return
    raise harness.Failed("the program did not acquire")


def sums_of_killed(t, folder, seed):
    path, trace, report = new_ledger(folder), os.path.join(folder, "run.trace"), os.path.join(folder, "report.json")
    env = dict(os.environ, LD_PRELOAD=t.preload, UNPAIRED_OUTPUT=trace)
    with open(path, "r+b") as file:
        shared = mmap.mmap(file.fileno(), LEDGER)
    # Kill the program, not its launcher: `run` cannot forward SIGKILL.
    process = subprocess.Popen([t.program, str(random.choice((2, 4, 12))), "60", path], env=env,
                               stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        kill_at(shared, process, random.randrange(0, 60000))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    kinds = read_ledger(shared)
    shared.close()
    harness.run([t.unpaired, "report", "--output", f"json:{report}", trace])

    with open(report, encoding="utf-8") as file:
        totals = only_image(json.load(file))["totals"]
    os.unlink(trace)
    for family in ("rwlock", "sem", "mapping", "stream"):
        own = kinds[family]
        told = totals.get(family, {"acquired": 0, "released": 0, "unpaired": 0})
        if not (own.acquired <= told["acquired"] <= own.acquiring and
                own.acquired - own.releasing <= told["unpaired"] <= own.acquiring - own.released):
            raise harness.Failed(f"seed {seed}, {family}: the program's counts: {own}; the report's: {told}")


@check
def what_killed_threads_had_acquired_and_released_is_in_the_report(t, folder):
    for _ in range(t.kills):
        seed = random.randrange(1 << 32)
        random.seed(seed)
        sums_of_killed(t, folder, seed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--kills", type=int, default=40)
    run_checks(parser.parse_args())


harness.main(main)
