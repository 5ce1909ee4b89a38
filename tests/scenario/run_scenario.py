#!/usr/bin/env python3
"""Runs one scenario: a program whose leading comment says what `unpaired run` must report. README.md has the words."""
import argparse
import json
import os
import re
import shlex
import sys

import harness
import services
from harness import Broken, Marks, assign, counted, difference, nearest, show_finding, show_image

ONE = {"scenario", "fixed", "build", "link", "plugin", "plugin2", "run", "args", "env", "status", "native", "needs",
       "before", "service"}
JSON = {"image", "totals", "expect", "note", "incident"}
MANY = {"remark", "output", "text"}
OF_BOTH_BUILDS = ("build", "link", "plugin", "plugin2", "before", "run", "args", "env", "needs", "service")


class Section:
    """What is expected of one process image."""

    def __init__(self, trace, anyone):
        self.trace, self.anyone = trace, anyone
        self.totals, self.expect, self.note, self.incident, self.remark = [], [], [], [], []


def read_expectations(source, fixed=False):
    """The words of the leading comment: single ones in a dictionary, and the sections in their order.

    What stands after `fixed:` is about the second build of the source, which is asked for by `fixed`: it has the first
    build's words that say how to run it, and none of its expectations.
    """
    words, sections = {"output": [], "text": []}, [Section({}, False)]
    explicit = False
    pending = ""
    with open(source, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
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
        if word == "fixed":
            if not fixed:
                break
            words = {name: words[name] for name in OF_BOTH_BUILDS if name in words}
            words |= {"scenario": body, "output": [], "text": []}
            sections, explicit = [Section({}, False)], False
        elif word in ONE:
            words[word] = body
        elif word in MANY:
            (sections[-1].remark if word == "remark" else words[word]).append(body)
        else:
            try:
                value = json.loads(body)
                pending = ""
            except ValueError:
                pending = f"{word}:{body}"  # goes on in the next line
                continue
            if word == "image":
                if not explicit:
                    sections.clear()
                    explicit = True
                sections.append(Section(value, True))
            else:
                getattr(sections[-1], word).append(value)
    if pending:
        raise Broken(f"{source}: not JSON: {pending}")
    if "scenario" not in words:
        raise Broken(f"{source}: the leading comment has no `scenario:` sentence")
    return words, sections


def command_of(words, program, port):
    """The command that a scenario runs; `{port}` in its arguments is its service's."""
    return [program, *shlex.split(words.get("args", "").replace("{port}", str(port)))]


def options_of(words, source):
    """The scenario's options of `unpaired run`."""
    here = os.path.dirname(os.path.abspath(source))
    return shlex.split(words.get("run", "").replace("{here}", here))


def problems_of(section, image, marks):
    """Everything in which the image differs from what its section expects."""
    problems = []
    problem = difference(section.trace, image["trace"], marks, "trace")
    if problem:
        problems.append(problem)
    for totals in section.totals:
        problem = difference(totals, image.get("totals", {}), marks, "totals")
        if problem:
            problems.append(problem)
    for rule, wanted, found in (("", section.expect, counted(image)),
                                ("note ", section.note, counted(image, ("note",)))):
        missing, extra = assign(wanted, found, marks)
        for w in missing:
            problems.append(f"missing {rule}{json.dumps(w)}")
            problems += nearest(w, extra, marks)[:12]
        if not rule:
            problems += ["not expected: " + show_finding(f) for f in extra]
    missing, extra = assign(section.incident, image.get("incidents", []), marks)
    problems += [f"missing incident {json.dumps(w)}" for w in missing]
    if section.incident:
        problems += [f"incident not expected: {json.dumps(i)}" for i in extra]
    for pattern in section.remark:
        if not any(re.search(pattern, r) for r in image.get("remarks", [])):
            problems.append(f"no remark like {pattern!r} in {image.get('remarks', [])}")
    return problems


def check_images(sections, images, marks):
    """The first section is the first program's; the others may be any image. Nothing else may have findings."""
    left = list(images)
    problems = []
    pids = {image["trace"].get("pid") for image in images}
    roots = [i for i in left if i["trace"].get("parent") not in pids]
    for index, section in enumerate(sections):
        candidates = roots if index == 0 and not section.anyone else left
        outcomes = [(problems_of(section, image, marks), image) for image in candidates if image in left]
        good = next((image for found, image in outcomes if not found), None)
        if good is not None:
            left.remove(good)
            continue
        name = f"image {index + 1}" + (f" {json.dumps(section.trace)}" if section.trace else "")
        if not outcomes:
            problems.append(f"{name}: no such image in the report")
            continue
        best = min(outcomes, key=lambda o: len(o[0]))
        problems.append(f"{name}:\n    " + "\n    ".join(best[0]))
        left.remove(best[1])
    for image in left:
        if counted(image):
            problems.append("an image with findings that nobody expected:\n" + show_image(image))
    return problems


def run_both(words, source, unpaired, program):
    """The program under `unpaired run`, and without us where both must be equal (else None)."""
    env = dict(os.environ)
    for setting in shlex.split(words.get("env", "")):
        name, _, value = setting.partition("=")
        env[name] = value
    with services.serve(words.get("service", "")) as port:
        command = command_of(words, program, port)
        ours = harness.run_unpaired(unpaired, command, env=env, options=options_of(words, source))
        alone = not words.get("native", "same").startswith("differs")
        return ours, harness.run(command, env=env) if alone else None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--fixed", action="store_true", help="the program is the source's second build")
    parser.add_argument("source", nargs="+")
    arguments = parser.parse_args()

    words, sections = read_expectations(arguments.source[0], arguments.fixed)
    marks = Marks(arguments.source)
    for need in words.get("needs", "").split():
        if not os.path.exists(need):
            raise Broken(f"{need} is missing; scripts/setup installs what the tests need")
    result, native = run_both(words, arguments.source[0], arguments.unpaired, arguments.program)

    problems = []
    if result.status != int(words.get("status", "0")):
        problems.append(f"status: wanted {words.get('status', '0')}, found {result.status}")
    if native is not None:
        if native.status != result.status:
            problems.append(f"status without us: {native.status}, with us: {result.status}")
        if native.stdout != result.stdout:
            problems.append(f"output without us:\n{harness.text(native.stdout)}\nwith us:\n"
                            f"{harness.text(result.stdout)}")
    for line in words["output"]:
        if line.encode() not in result.stdout:
            problems.append(f"no {line!r} in the output")
    report_text = " ".join(result.report_text.split())  # where a line ends is not what is tested
    problems += [f"no {line!r} in the text report:\n{result.report_text}"
                 for line in map(marks.with_lines, words["text"]) if line not in report_text]
    problems += [f"our own library is in the stack of {finding['rule']} {finding['function']}: {frame['function']}"
                 for image in result.report["images"] for finding in image["findings"] for frame in finding["stack"]
                 if frame["module"].endswith("/libunpaired_preload.so")]
    problems += check_images(sections, result.report["images"], marks)
    if problems:
        print(f"FAILED: {words['scenario']}\n")
        print("\n".join(problems))
        print("\nThe report had:")
        print("\n".join(show_image(image) for image in result.report["images"]))
        print(f"\nprogram's output:\n{harness.text(result.stdout, 1500)}\n"
              f"stderr:\n{harness.text(result.stderr, 3000)}")
        sys.exit(1)


if __name__ == "__main__":
    harness.main(main)
