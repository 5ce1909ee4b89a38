#!/usr/bin/env python3
"""The search of memory at exit: the limits of its cost, and the remarks of skipped searches."""
import argparse
import json
import os
import re
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402

TIMEOUT = 300


def recorded_children(t, folder, *arguments):
    """Returns the images of the program's children."""
    report = os.path.join(folder, "report.json")
    subprocess.run([t.unpaired, "run", "--output", f"json:{report}", "--", t.program, *arguments], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
    with open(report, encoding="utf-8") as file:
        images = json.load(file)["images"]
    pids = {image["trace"]["pid"] for image in images}
    return [image for image in images if image["trace"]["parent"] in pids]


def findings(image, *severities):
    return [f for f in image["findings"] if f["severity"] in severities]


def remark(image, pattern):
    return any(re.search(pattern, text) for text in image["remarks"])


@check
def of_many_children_that_acquire_little_the_first_are_searched(t, folder):
    children = recorded_children(t, folder, "children", "60")
    expect(len(children) == 60, f"{len(children)} children in the report")
    skipped = [image for image in children if remark(image, "its memory was not searched")]
    expect(40 <= len(skipped) <= 50, f"{len(skipped)} of 60 children were not searched")
    for image in children:
        if image in skipped:
            expect(not findings(image, "leak", "suspect"), f"a child that was not searched has findings: {image}")
        else:
            leaks = findings(image, "leak")
            expect([leak["count"] for leak in leaks] == [3], f"a child that was searched has the leaks {leaks}")


@check
def a_search_reads_memory_in_large_pieces(t, folder):
    counts = os.path.join(folder, "counts")
    subprocess.run(["strace", "-f", "-c", "-o", counts, "-e", "trace=process_vm_readv", t.program, "children", "1"],
                   check=True, timeout=TIMEOUT, stdout=subprocess.DEVNULL,
                   env={**os.environ, "LD_PRELOAD": t.preload, "UNPAIRED_OUTPUT": f"{folder}/%p.trace"})
    with open(counts, encoding="utf-8") as file:
        lines = [line.split() for line in file if line.rstrip().endswith("process_vm_readv")]
    expect(len(lines) == 1, "memory was not searched at all")
    expect(int(lines[0][3]) <= 300, f"{lines[0][3]} calls for 5,020 blocks, twice")


@check
def the_small_child_of_a_large_process_is_not_searched(t, folder):
    child, = recorded_children(t, folder, "large-parent", "500")
    expect(remark(child, r"not searched.*\(no search: it would take some \d+ ms, and \d+ ms is its share"),
           f"the child's remarks are {child['remarks']}")
    expect(not findings(child, "leak", "suspect"), "it has findings")


def processor_time(t, folder, name, reachability):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([t.program, "blocks", "5000000"], check=True, timeout=TIMEOUT,
                   env={**os.environ, "LD_PRELOAD": t.preload, "UNPAIRED_OUTPUT": f"{folder}/{name}.trace",
                        "UNPAIRED_OPTIONS": f"--reachability={reachability}"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@check
def five_million_blocks_are_searched_within_4_s(t, folder):
    without = processor_time(t, folder, "off", "off")
    os.remove(f"{folder}/off.trace")
    added = processor_time(t, folder, "on", "on") - without
    print(f"the search took {added:.1f} s")
    report = subprocess.run([t.unpaired, "report", "--format=json", f"{folder}/on.trace"], timeout=TIMEOUT,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    leaks = findings(json.loads(report.stdout)["images"][0], "leak")
    lost = [leak["reached"]["lost"]["count"] for leak in leaks]
    expect(lost == [500_000], f"blocks that are lost: {lost}")
    expect(added <= 4, f"the search took {added:.1f} s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("unpaired", "preload", "program"):
        parser.add_argument(f"--{name}", required=True)
    run_checks(parser.parse_args())


if __name__ == "__main__":
    main()
