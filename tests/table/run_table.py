#!/usr/bin/env python3
"""Runs an executable of cases under `unpaired run` and holds the report against the resource table.

  coverage  each function of the table has a case, and each case a function
  release   what each case acquires and releases is paired
  leave     the one thing each case keeps is found, with its function, family and counts
  symbols   the executable calls each function by its name; with --wide, by its large-file and fortified name
"""
import argparse
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario"))
import harness  # noqa: E402
from harness import Failed, plain_function, show_finding  # noqa: E402

TIMES = 3  # cases.h


def lines(program, mode):
    result = harness.run([program, mode])
    if result.status != 0:
        raise Failed(f"{program} {mode}: status {result.status}\n{harness.text(result.stderr)}")
    return result.stdout.decode().splitlines()


class Table:
    def __init__(self, program):
        self.role, self.family, self.space = {}, {}, {}
        for line in lines(program, "--table"):
            role, function, family, space = line.split()
            self.role[function] = role
            self.family[function] = family
            self.space[function] = space
        self.cases = lines(program, "--cases")
        demangled = harness.run(["c++filt", *self.role]).stdout.decode().splitlines()
        self.spelled = dict(zip(demangled, self.role))

    def name(self, finding):
        """The table's name of a finding's function, which the report writes as C++ does."""
        return self.spelled.get(finding["function"], finding["function"])


def narrow(function):
    """`__open64_2`, `open64` → `open`: functions that the large-file and fortified headers put for one another."""
    return re.sub(r"^__(\w+?)_2$", r"\1", function).replace("64", "")


def used_by(finding):
    """The case that a finding comes from, or None: tcpip threads and start-up are nobody's case."""
    for frame in finding.get("stack", []):
        name = plain_function(frame.get("function"))
        if name.startswith("use_"):
            return name[4:]
    return None


def run(arguments, mode):
    result = harness.run_unpaired(arguments.unpaired, [arguments.program, mode])
    if result.status != 0:
        raise Failed(f"{mode}: status {result.status}\n{harness.text(result.stderr)}")
    program = os.path.basename(arguments.program)
    images = [i for i in result.report["images"] if os.path.basename(i["trace"]["program"] or "") == program
              and i["trace"]["parent"] not in {j["trace"]["pid"] for j in result.report["images"]}]
    if len(images) != 1:
        raise Failed(f"{len(images)} images of {program} in the report")
    return images[0]


def coverage(arguments, table):
    wanted = {f for f, role in table.role.items() if role != "lifecycle"}
    found = set(table.cases)
    if wanted != found or len(table.cases) != len(found):
        raise Failed(f"functions without a case: {sorted(wanted - found)}; "
                     f"cases without a function: {sorted(found - wanted)}; "
                     f"twice: {sorted(f for f in found if table.cases.count(f) > 1)}")
    with open(arguments.lifecycle, encoding="utf-8") as file:
        scenario = file.read()
    uncalled = [f for f, role in table.role.items() if role == "lifecycle" and not re.search(rf"\b{f}\(", scenario)]
    if uncalled:
        raise Failed(f"not called in {arguments.lifecycle}: {uncalled}")


def of_space(finding, space, table):
    """Whether the finding is about this space (a case may also show what libraries keep for later)."""
    return table.space.get(table.name(finding)) == space


def release(arguments, table):
    image = run(arguments, "--release")
    problems = []
    for finding in image["findings"]:
        case = used_by(finding)
        if case and of_space(finding, table.space[case], table):
            problems.append(f"{case}: {show_finding(finding)}")
    for function in table.cases:
        if table.role[function] != "acquirer":
            continue
        family = table.family[function]
        totals = image["totals"].get(family)
        if totals is None or totals["acquired"] < TIMES:
            problems.append(f"{function}: the family {family} was not seen: {totals}")
        elif totals["released_unseen"] or totals["failed_releases"]:
            problems.append(f"{function}: the family {family} has {totals}")
    if problems:
        raise Failed("\n".join(dict.fromkeys(problems)))


def leave(arguments, table):
    image = run(arguments, "--leave")
    by_case = {}
    for finding in image["findings"]:
        case = used_by(finding)
        if case and of_space(finding, table.space[case], table):
            by_case.setdefault(case, []).append(finding)
    problems, as_others = [], set()
    for function in table.cases:
        found = by_case.get(function, [])
        role = table.role[function]
        if role == "acquirer":
            own = [f for f in found if table.name(f) == function or
                   (arguments.wide and narrow(table.name(f)) == narrow(function))]
            as_others |= {table.name(f) for f in own if table.name(f) != function}
            good = len(own) == 1 and own[0]["count"] == 1 and own[0]["family"] == table.family[function] and \
                own[0]["acquired"] >= TIMES and own[0]["acquired"] - own[0]["released"] == 1
        else:
            good = sum(f["count"] for f in found) == 1 and \
                all(f["acquired"] - f["released"] == f["count"] for f in found)
        if not good:
            problems.append(f"{function} ({role}): {len(found)} findings\n" + "\n".join(map(show_finding, found)))
    if problems:
        raise Failed("\n".join(problems))
    if arguments.wide and not {"open64", "fopen64", "mmap64"} & as_others:
        raise Failed(f"the large-file build did not call the large-file names: {sorted(as_others)}")


def symbols(arguments, table):
    """Each case calls its function; with the large-file headers, the wide name where one exists."""
    listed = harness.run(["nm", "-u", arguments.program])
    called = {line.split()[-1].split("@")[0] for line in listed.stdout.decode().splitlines()}
    if not arguments.wide:
        if missing := sorted(set(table.cases) - called):
            raise Failed(f"not called at all: {missing}")
        return
    narrow_left = sorted(f for f in called if f"{f}64" in table.role)
    if narrow_left:
        raise Failed(f"called by their narrow names: {narrow_left}")
    missing = sorted(f for f in table.cases if f not in called and f"{f}64" not in table.role and
                     f.replace("_2", "64_2") not in called)
    if missing:
        raise Failed(f"not called at all: {missing}")
    if not {"__open64_2", "__openat64_2"} <= called:
        raise Failed("open() with flags that are not constant was not fortified")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("check", choices=["coverage", "release", "leave", "symbols"])
    parser.add_argument("--unpaired")
    parser.add_argument("--program", required=True)
    parser.add_argument("--lifecycle")
    parser.add_argument("--wide", action="store_true")
    arguments = parser.parse_args()
    globals()[arguments.check](arguments, Table(arguments.program))


harness.main(main)
