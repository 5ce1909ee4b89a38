#!/usr/bin/env python3
"""Checks that what docs/field-cases.md quotes is what the report says.

A quotation is a fenced block that begins with its command, `$ unpaired run … -- …/PROGRAM`. The command is run, and the
words of the block must be in what it prints, in this order; a line `...` stands for words left out. Where a line ends is
not tested, and what differs from run to run is made equal on both sides first (VARYING). Each case of the page must have
a quotation.
"""
import argparse
import os
import re
import shlex
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
import services  # noqa: E402
from harness import Broken, Failed  # noqa: E402
from run_scenario import command_of, options_of, read_expectations  # noqa: E402

VARYING = (
    (r"process \d+", "process N"),
    (r", \d+\.\d s\b", ", N s"),  # how long the program ran
    (r",? after (?:about )?\d+(?:\.\d)? (?:s|min)\b", ""),  # told of a limit only if it took a while
    (r"\b0x[0-9a-f]+", "0xN"),  # where a library was loaded
    (r"\S*/(\w+\.(?:c|cpp|h):\d+)", r"\1"),  # the folder of a source
    (r"\s+", " "),  # columns are as wide as the longest of these
)
PROMPT = "$ unpaired "


class Quotation:
    """A fenced block of the page: the command and what it is said to print."""

    def __init__(self, case, number, lines):
        self.case, self.number = case, number
        self.command = shlex.split(lines[0][len("$ "):])
        self.passages = [passage for part in re.split(r"(?m)^\s*\.\.\.\s*$", "\n".join(lines[1:]))
                         if (passage := plain(part))]


def read_page(path):
    """The quotations, and the headings of the cases in their order."""
    quotations, cases, block = [], [], None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().split("\n"), 1):
            if line.startswith("```"):
                if block and block[1].startswith(PROMPT):
                    quotations.append(Quotation(cases[-1] if cases else "", block[0], block[1:]))
                block = None if block else [number]
            elif block:
                block.append(line)
            elif re.match(r"## \d+\. ", line):
                cases.append(line[3:])
    return quotations, cases


def plain(text):
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def not_printed(passages, printed):
    """The passages that the report has not, or not in this order."""
    missing, rest = [], plain(printed) + " "
    for passage in passages:
        before, found, after = rest.partition(passage + " ")
        if found:
            rest = after
        else:
            missing.append(passage)
    return missing


def report_of(quotation, unpaired, programs, sources):
    """The output of the quoted command, with the options and the service that the scenario has."""
    split = quotation.command.index("--")
    name = os.path.basename(quotation.command[split + 1])
    base = re.sub(r"_fixed$", "", name)
    source = next((path for suffix in (".c", ".cpp") if os.path.exists(path := os.path.join(sources, base + suffix))), None)
    if not source:
        raise Broken(f"line {quotation.number}: no scenario {base} in {sources}")
    words, _ = read_expectations(source, fixed=name != base)
    if quotation.command[2:split] != options_of(words, source):
        raise Failed(f"line {quotation.number}: the page runs `{shlex.join(quotation.command[1:split])}`, the scenario "
                     f"`run {words.get('run', '')}`")
    with services.serve(words.get("service", "")) as port:
        command = command_of(words, os.path.join(programs, name), port)
        result = harness.run([unpaired, "run", *quotation.command[2:split], "--", *command])
    return harness.text(result.stdout + result.stderr, limit=1 << 20)  # as on a terminal


def check(quotation, printed):
    if not quotation.passages:
        raise Failed(f"line {quotation.number}: nothing is quoted")
    missing = not_printed(quotation.passages, printed)
    if missing:
        raise Failed(f"line {quotation.number}: quoted, but not printed:\n" + "\n".join(missing) +
                     f"\n--- printed\n{printed}")
    for passage in quotation.passages:  # that this check can fail
        if not not_printed([passage.replace(" ", " other ", 1) + " and more"], printed):
            raise Broken(f"an altered passage was found: {passage}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--programs", required=True, help="the folder of the built scenarios")
    parser.add_argument("page")
    arguments = parser.parse_args()
    quotations, cases = read_page(arguments.page)
    without = [case for case in cases if not any(q.case == case for q in quotations)]
    if without or not cases:
        raise Failed(f"without a quotation: {without or arguments.page}")
    sources = os.path.dirname(os.path.abspath(__file__))
    for quotation in quotations:
        check(quotation, report_of(quotation, arguments.unpaired, arguments.programs, sources))
    print(f"{len(quotations)} quotations of {len(cases)} cases are as printed")


harness.main(main)
