#!/usr/bin/env python3
"""The recorder calls none of the functions that a program may have replaced."""
import argparse
import glob
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
import harness  # noqa: E402
from checks import check, expect, run_checks  # noqa: E402

# The library's imports, and the reason why a program's own definition is harmless.
IMPORTS = {
    "__errno_location": "errno is the program's, by whatever function it is found",
    "environ": "the program's environment, which exec functions pass on",
    "__environ": "the same variable",
    "_r_debug": "data of the loader; libc.cpp finds it otherwise if it is another's",
    "__getauxval": "aarch64: libgcc asks it for atomic instructions, once",
    "__cxa_finalize": "of the C start files, when the library is unloaded",
    "__gmon_start__": "of the C start files, weak",
    "_ITM_registerTMCloneTable": "of the C start files, weak",
    "_ITM_deregisterTMCloneTable": "of the C start files, weak",
}


@check
def the_library_imports_nothing_else(t, _folder):
    names = {line.split()[-1].split("@")[0] for line in
             harness.run(["nm", "-D", "--undefined-only", t.preload]).stdout.decode().splitlines()}
    expect("_r_debug" in names, f"nm shows {sorted(names)}")
    expect(names <= set(IMPORTS), f"imports {sorted(names - set(IMPORTS))}")


def faketime_library():
    found = glob.glob("/usr/lib/*/faketime/libfaketime.so.1")
    if not found:
        raise harness.Broken("libfaketime is missing; scripts/setup installs what the tests need")
    return found[0]


def report_under_faketime(t, folder, libraries, clock):
    """Returns the report of a run with these preloaded libraries, in this order."""
    trace = os.path.join(folder, "run.trace")
    env = dict(os.environ, LD_PRELOAD=":".join(libraries), UNPAIRED_OUTPUT=trace, FAKETIME=clock,
               FAKETIME_DONT_RESET="1")
    result = harness.run([t.program], env=env)
    expect(result.status == 0, f"status {result.status}: {harness.text(result.stderr)}")
    report = os.path.join(folder, "report.json")
    harness.run([t.unpaired, "report", "--output", f"json:{report}", trace])
    with open(report, encoding="utf-8") as file:
        image = json.load(file)["images"][0]
    os.unlink(trace)
    return image


def same_as_without_it(t, folder, order):
    for clock in ("+0 x100", "-1d", "@2000-01-01 00:00:00 x0.01"):
        image = report_under_faketime(t, folder, order, clock)
        leaks = {f["family"]: f["count"] for f in harness.counted(image) if f["severity"] == "leak"}
        told = harness.show_image(image)
        expect(leaks == {"heap": 40, "socket": 40}, f"FAKETIME={clock}: {leaks}\n{told}")
        expect(1 <= image["trace"]["duration_s"] < 20, f"FAKETIME={clock}: {image['trace']['duration_s']} s")
        expect(image["trace"]["cycles"] == 40, f"FAKETIME={clock}: {image['trace']['cycles']} cycles\n{told}")


@check
def libfaketime_preloaded_behind_the_recorder_changes_no_judgement(t, folder):
    same_as_without_it(t, folder, [t.preload, faketime_library()])


@check
def libfaketime_preloaded_before_the_recorder_changes_no_judgement(t, folder):
    same_as_without_it(t, folder, [faketime_library(), t.preload])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--program", required=True)
    run_checks(parser.parse_args())


harness.main(main)
