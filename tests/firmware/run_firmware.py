#!/usr/bin/env python3
"""Runs one firmware image in QEMU and checks what `unpaired` says of what it left.

The leading comment of the image's source says what must be seen; README.md has the words.
"""
import argparse
import json
import os
import re
import shlex

from machine import BOARDS, run_machine
from harness import Broken, Failed, Marks, main, run, text
from run_scenario import Section, problems_of, show_image

ONE = {"firmware", "board", "libc", "families", "config", "with", "build", "link", "status", "dies",
       "icount", "report", "postmortem", "library", "sink", "escapes", "runs"}
JSON = {"totals", "expect", "note", "stack", "trace"}
MANY = {"remark", "output"}


class Expectation(Section):
    """What one of the two commands must say, and its options."""

    def __init__(self, options):
        super().__init__({}, False)
        self.options = options
        self.stack = []  # whole stacks, by function names


def read_words(source):
    """The words of the leading comment, and the expectations of `report:` and `postmortem:` by that name."""
    words, parts, current, pending = {"output": []}, {}, None, ""
    with open(source, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for line in lines:
        if not line.startswith("//"):
            break
        body = line[2:].strip()
        if pending:
            word, body = pending.split(":", 1)[0], pending.split(":", 1)[1] + " " + body
        else:
            word, colon, body = body.partition(":")
            word = word.strip()
            if not colon or word not in ONE | JSON | MANY:
                continue  # a sentence for the reader
        body = body.strip()
        if word in ("report", "postmortem"):
            current = parts[word] = Expectation(shlex.split(body))
        elif word == "output":
            words["output"].append(body)
        elif word in ONE:
            words[word] = body
        elif current is None:
            raise Broken(f"{source}: `{word}:` stands before `report:` and `postmortem:`")
        elif word == "remark":
            current.remark.append(body)
        else:
            try:
                value = json.loads(body)
                pending = ""
            except ValueError:
                pending = f"{word}:{body}"  # goes on in the next line
                continue
            if word == "trace":
                current.trace.update(value)
            else:
                getattr(current, word).append(value)
    if pending:
        raise Broken(f"{source}: not JSON: {pending}")
    return words, parts


def ask_unpaired(command):
    """The JSON report of `unpaired report` or `unpaired postmortem`."""
    result = run([*command, "--format=json"])
    if result.status not in (0, 1):
        raise Failed(f"{' '.join(command)}: status {result.status}\n{text(result.stderr)}")
    try:
        return json.loads(result.stdout)
    except ValueError:
        raise Failed(f"{' '.join(command)}: no JSON\n{text(result.stdout)}\n{text(result.stderr)}") from None


def plain(name):
    """A function's name without parameters, clones, and the C library's inner spelling."""
    name = re.sub(r"\(.*$", "", name or "?")
    return re.sub(r"\.(isra|part|constprop|cold)\.?\d*$", "", name)


def problems_of_stacks(stacks, image):
    """Each `stack:` is {"of": acquirer, "frames": [...]}: a finding of that function has exactly these frames
    first, innermost first. "+" in front of the last says that frames may follow."""
    for wanted in stacks:
        found = [[plain(f["function"]) for f in finding["stack"]] for finding in image["findings"]
                 if finding["function"] == wanted["of"]]
        frames = wanted["frames"]
        if frames not in [stack[:len(frames)] for stack in found]:
            shown = "\n      ".join(" < ".join(stack) for stack in found) or "nothing acquired by it"
            yield f"no stack {' < '.join(frames)} of {wanted['of']}; there are\n      {shown}"


def check(expectation, command, marks, runs):
    """Every run of the device, each an image of the report, must be as expected."""
    report = ask_unpaired(command + expectation.options)
    if len(report["images"]) != runs:
        return [f"{command[1]}: {len(report['images'])} runs of the device, {runs} expected"]
    problems = []
    for image in report["images"]:
        found = problems_of(expectation, image, marks) + list(problems_of_stacks(expectation.stack, image))
        if found:
            problems += [f"{' '.join(command)}:", *("    " + p for p in found), show_image(image), ""]
    return problems


def problems_of_hooks(unpaired, image, allowed):
    """What `unpaired verify` finds: nothing, but calls of the functions that `escapes:` names."""
    result = run([unpaired, "verify", image])
    escaping = set(re.findall(r"^  0x[0-9a-f]+ (\S+) ", result.stdout.decode("utf-8", "replace"), re.M))
    if result.status != (1 if allowed else 0) or escaping != set(allowed):
        yield (f"unpaired verify: status {result.status}, escapes in {sorted(escaping)}, expected in {allowed}\n"
               f"{text(result.stdout, 2000)}{text(result.stderr)}")


def test():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--image", required=True, help="the ELF file")
    parser.add_argument("--folder", required=True, help="where what it leaves is kept")
    parser.add_argument("source")
    arguments = parser.parse_args()
    words, parts = read_words(arguments.source)
    marks = Marks([arguments.source])
    board = words.get("board", "cortex-m3")
    os.makedirs(arguments.folder, exist_ok=True)

    left = run_machine(board, arguments.image, arguments.folder, counted="icount" in words)

    console = "\n".join(left.console)
    problems = []
    wanted = None if "dies" in words else int(words.get("status", "0"))
    if left.status != wanted:
        problems.append(f"the image ended with {left.status}, {wanted} expected (None: it died)")
    problems += [f"no {line!r} on the console" for line in words["output"] if line not in left.console]
    if parts:
        problems += problems_of_hooks(arguments.unpaired, arguments.image, words.get("escapes", "").split())
    if not problems:
        for name, expectation in parts.items():
            stream = left.uart
            if words.get("sink") == "semihosting":
                stream = os.path.join(arguments.folder, "unpaired.stream")
            command = [arguments.unpaired, name, stream, "--elf", arguments.image]
            if name == "postmortem":
                command = [arguments.unpaired, name, left.ram, "--elf", arguments.image,
                           "--base", hex(BOARDS[board][1])]
            problems += check(expectation, command, marks, int(words.get("runs", "1")))
    if problems:
        print("\n".join(problems))
        raise Failed(f"{words.get('firmware')}\nconsole:\n{text(console, 3000)}")


if __name__ == "__main__":
    main(test)
