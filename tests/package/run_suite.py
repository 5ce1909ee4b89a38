#!/usr/bin/env python3
"""Usage: run_suite.py --build DIR --suite DIR. CTest tests of a stranger's project, with the build tree's package and
with the installed one's: which pass, which fail, and what their output says."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

# test: (passes, what its output must say, what it must not say)
EXPECTED = {
    "clean, and fine": (True, ["program: no leaks"], []),
    "leaks: 3/3": (False, ["3 of 3 descriptors never closed: dup in connect_to_broker, program.c:6"],
                   ["the program itself failed"]),
    "clean_and_fails": (False, ["program: no leaks"], ["the program itself failed"]),
    "leaks_and_fails": (False, ["never closed", "the program itself failed, with status 5; the exit status 99"], []),
    "crashes": (False, ["killed by SIGABRT", "the program itself failed, killed by SIGABRT"], []),
    "suppressed": (True, ["1 finding suppressed", "1 suppression matched nothing:", "leak:no_longer_there"], []),
    "fails_on_leaks_alone": (True, ["never closed"], []),
    "as_in_the_baseline": (True, ["nothing new", "1 finding as in the baseline"], ["never closed"]),
    "more_than_in_the_baseline": (False, ["dup in connect_again", "1 finding as in the baseline"],
                                  ["dup in connect_to_broker"]),
    "options_and_folder": (True, ["cmake: no leaks"], []),
    "existing_clean": (True, ["existing: no leaks"], []),
    "existing_leak": (False, ["dup in connect_again", "1 finding suppressed"], []),
    "existing_suppressed": (True, ["1 finding suppressed"], []),
    "Discovered.clean": (True, ["discovered: no leaks"], []),
    "Discovered.leaks": (False, ["dup in main, discovered.c:11"], []),
}


def run(*command, statuses=(0,), **more):
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL, **more)
    if done.returncode not in statuses:
        sys.exit(f"{' '.join(str(w) for w in command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done


def check_suite(unpaired, package, suite, folder):
    """Builds and runs the suite with the package; returns what is wrong."""
    build = folder / "suite build"
    run("cmake", "-S", suite, "-B", build, f"-Dunpaired_DIR={package}")
    run("cmake", "--build", build)
    run(unpaired, "run", f"--output=json:{build}/baseline.json", "--", build / "program", "leak", "0")
    run("ctest", "--test-dir", build, "--output-junit", build / "results.xml", statuses=(8,), cwd=folder)

    problems, seen = [], set()
    for case in xml.etree.ElementTree.parse(build / "results.xml").getroot().iter("testcase"):
        name, output = case.get("name"), case.findtext("system-out") or ""
        passes, wanted, unwanted = EXPECTED[name]
        seen.add(name)
        if passes != (case.get("status") == "run"):
            problems.append(f"{name}: {case.get('status')}")
        problems += [f"{name}: no '{text}' in\n{output}" for text in wanted if text not in output]
        problems += [f"{name}: '{text}' in\n{output}" for text in unwanted if text in output]
    problems += [f"{name}: did not run" for name in EXPECTED.keys() - seen]

    # the saved reports of single tests are one report again
    saved = sorted((build / "reports").iterdir())
    if [path.name for path in saved] != ["leaks_3_3.json", "suppressed.json"]:
        problems.append(f"saved: {saved}")
    joined = json.loads(run(unpaired, "report", *saved, "--format=json", statuses=(1,)).stdout)
    if [len(image["findings"]) > 0 for image in joined["images"]] != [True, True]:
        problems.append(f"joined: {joined}")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--suite", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unpaired-suite.") as folder:
        folder = pathlib.Path(folder)
        run("cmake", "--install", arguments.build, "--prefix", folder / "first")
        installed = folder / "moved here"
        (folder / "first").rename(installed)
        problems = []
        for name, prefix in (("build tree", arguments.build), ("installed tree", installed)):
            package = next(prefix.glob("lib*/**/cmake/unpaired/unpairedConfig.cmake")).parent
            place = folder / name
            place.mkdir()
            problems += [f"{name}: {problem}" for problem in
                         check_suite(prefix / "bin/unpaired", package, arguments.suite, place)]
    if problems:
        sys.exit("\n".join(problems))
    print(f"{len(EXPECTED)} tests do as they should, with the build tree and with the installed one")


if __name__ == "__main__":
    main()
