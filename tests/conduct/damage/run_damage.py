#!/usr/bin/env python3
"""A stored trace with flipped bits, cut off, or with parts missing gives the same report or one that names the damage."""
import argparse
import json
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402

TIMEOUT = 120
SEED = 11


def recorded(t, folder, paths):
    trace = os.path.join(folder, f"{paths}.trace")
    subprocess.run([t.unpaired, "record", "-o", trace, "--", t.program, str(paths)], check=True,
                   capture_output=True, timeout=TIMEOUT)
    with open(trace, "rb") as file:
        return bytearray(file.read())


def reported(t, folder, content):
    """Returns (status, stdout, stderr) of the JSON report."""
    path = os.path.join(folder, "damaged.trace")
    with open(path, "wb") as file:
        file.write(content)
    done = subprocess.run([t.unpaired, "report", path, "--format=json"], capture_output=True, timeout=TIMEOUT,
                          check=False)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def remarks_of(report):
    document = json.loads(report)
    return document["remarks"] + [text for image in document["images"] for text in image["remarks"]]


def says_damage(status, report, stderr):
    if not report:
        return status == 2 and len(stderr.strip().splitlines()) >= 1
    return any(re.search("damage|truncated|missing|cannot", text) for text in remarks_of(report))


def is_certain(report):
    return any(f["severity"] == "leak" for image in json.loads(report)["images"] for f in image["findings"])


@check
def a_flipped_bit_gives_the_same_report_or_is_named(t, folder):
    whole = recorded(t, folder, 200)
    status, intact, _ = reported(t, folder, whole)
    expect(status == 1, f"status {status} of the intact trace")
    choice = random.Random(SEED)
    first, last = range(64 * 8), range((len(whole) - 400) * 8, len(whole) * 8)
    bits = {choice.choice(first) for _ in range(40)} | {choice.choice(last) for _ in range(60)}
    bits |= {choice.randrange(len(whole) * 8) for _ in range(t.flips)}
    for bit in sorted(bits):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        status, report, stderr = reported(t, folder, content)
        expect(status in (0, 1, 2), f"bit {bit}: status {status}")
        expect(report == intact or says_damage(status, report, stderr),
               f"bit {bit} of {len(whole) * 8} changes the report in silence")


@check
def a_trace_that_is_cut_off_anywhere_is_never_called_clean_or_certain(t, folder):
    whole = recorded(t, folder, 200)
    choice = random.Random(SEED)
    for length in sorted({len(whole) - 1, len(whole) - 300, 5, *(choice.randrange(len(whole)) for _ in range(30))}):
        status, report, stderr = reported(t, folder, whole[:length])
        expect(says_damage(status, report, stderr), f"cut to {length} of {len(whole)} bytes in silence")


@check
def one_damaged_part_of_several_leaves_the_others_readable(t, folder):
    whole = recorded(t, folder, 60000)
    status, intact, _ = reported(t, folder, whole)
    content = bytearray(whole)
    content[len(whole) // 2] ^= 1
    status, report, _ = reported(t, folder, content)
    expect(status == 1, f"status {status}")
    told = [text for text in remarks_of(report) if re.search(r"damaged: 1 of \d+ parts of the trace \(bytes", text)]
    expect(told, f"the damaged part is not named: {remarks_of(report)}")
    count = [sum(f["count"] for image in json.loads(text)["images"] for f in image["findings"])
             for text in (intact, report)]
    expect(count[1] > count[0] / 4, f"{count[1]} of {count[0]} blocks are left of the report")
    expect(not is_certain(report), "a finding of a damaged trace is called a leak")


@check
def the_first_part_may_be_the_damaged_one(t, folder):
    content = recorded(t, folder, 60000)
    for at in (1, 4, 40):
        damaged = bytearray(content)
        damaged[at] ^= 1
        status, report, stderr = reported(t, folder, damaged)
        expect(status == 1, f"byte {at}: status {status}: {stderr}")
        expect(says_damage(status, report, stderr), f"byte {at}: {remarks_of(report)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("unpaired", "preload", "program"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--flips", type=int, default=150, help="how many bits are flipped, one at a time")
    run_checks(parser.parse_args())
