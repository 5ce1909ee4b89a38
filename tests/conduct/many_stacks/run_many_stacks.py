#!/usr/bin/env python3
"""Reports of a program with many call sites: memory stays within a limit, and time grows in proportion to the sites."""
import argparse
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402

TIMEOUT = 500
LIMIT = 700 << 20  # bytes of address space


def recorded(t, folder, paths, times=1):
    trace = os.path.join(folder, f"{paths}x{times}.trace")
    subprocess.run([t.unpaired, "record", "-o", trace, "--", t.program, str(paths), str(times)], check=True,
                   capture_output=True, timeout=TIMEOUT)
    return trace


def within_limit(t, *arguments):
    return subprocess.run(["prlimit", f"--as={LIMIT}", t.unpaired, *arguments], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)


def user_seconds(command):
    """Returns CPU time in user mode, which other work of the machine changes little."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
    expect(done.returncode == 1, f"status {done.returncode}: {done.stderr.decode()}")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


@check
def every_format_of_40000_call_sites_is_written_within_700_MiB(t, folder):
    trace = recorded(t, folder, 40000)
    for form in ["text", "json", "html", "sarif", "junit", "folded", "pprof"]:
        out = os.path.join(folder, form)
        done = within_limit(t, "report", trace, "--format", "folded", "--output", f"{form}:{out}")
        expect(done.returncode == 1, f"{form}: status {done.returncode}: {done.stderr.decode()}")
        os.unlink(out)


@check
def four_times_the_call_sites_take_about_four_times_as_long(t, folder):
    for times in (1, 20):  # a site with 20 calls could look like a cycle
        few, many = (user_seconds([t.unpaired, "report", recorded(t, folder, paths, times), "--format=pprof"])
                     for paths in (15000, 60000))
        expect(many < 9 * few + 0.5, f"{times} calls each: {few} s of 15,000 sites, {many} s of 60,000")


@check
def a_saved_report_of_15000_call_sites_is_compared_within_700_MiB(t, folder):
    trace, saved = recorded(t, folder, 15000), os.path.join(folder, "saved.json")
    within_limit(t, "report", trace, "--format=folded", "--output", f"json:{saved}")
    expect(os.path.getsize(saved) > 50e6, f"the saved report has {os.path.getsize(saved)} bytes")
    done = within_limit(t, "report", trace, "--baseline", saved)
    expect(done.returncode == 0, f"status {done.returncode}: {done.stderr.decode()}")
    expect(b"nothing new" in done.stdout, done.stdout[:300].decode())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("unpaired", "preload", "program"):
        parser.add_argument(f"--{option}", required=True)
    run_checks(parser.parse_args())
