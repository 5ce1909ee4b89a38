#!/usr/bin/env python3
"""What is left of a device is seldom whole. One image's real RAM, cut, shifted, filled, and with another program: each
must give one clear line and status 2, or a report that says what it rests on, within the time of a person's patience.
"""
import argparse
import json
import os
import random

from machine import BOARDS, run_machine
from harness import Failed, main, run, text


def test():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--image", required=True, help="heap/leak_per_cycle.c")
    parser.add_argument("--other", required=True, help="another program")
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    base = BOARDS["cortex-m3"][1]
    with open(run_machine("cortex-m3", arguments.image, arguments.folder).ram, "rb") as file:
        ram = file.read()
    dice = random.Random(7)
    problems = []

    def postmortem(name, data, *, elf=arguments.image, at=base, refused=None, leaks=None):
        """`refused`: status 2 with one line that contains this. `leaks`: blocks of mqtt_subscribe at most (None: 6)."""
        path = os.path.join(arguments.folder, "damaged_ram.bin")
        with open(path, "wb") as file:
            file.write(data)
        result = run([arguments.unpaired, "postmortem", path, "--elf", elf, "--base", hex(at), "--format=json"])
        error = result.stderr.decode("utf-8", "replace")
        if result.status == 2:
            lines = [line for line in error.split("\n") if line.strip()]
            if refused is None:
                problems.append(f"{name}: refused: {error}")
            elif len(lines) != 1 or refused not in lines[0]:
                problems.append(f"{name}: not one line with {refused!r}: {text(error, 600)}")
            return
        if result.status not in (0, 1):
            problems.append(f"{name}: status {result.status}: {text(error, 600)}")
            return
        if refused == "" or leaks is not None or refused is None:
            image = json.loads(result.stdout)["images"][0]
            found = sum(f["count"] for f in image["findings"] if f["blame"]["function"] == "mqtt_subscribe")
            others = [f["blame"]["function"] for f in image["findings"] if f["blame"]["function"] != "mqtt_subscribe"]
            if others:
                problems.append(f"{name}: blocks that never were, of {others}")
            if found > 6 or (leaks is not None and found != leaks):
                problems.append(f"{name}: {found} blocks, {leaks} expected")
            if data != ram and not image.get("remarks"):
                problems.append(f"{name}: does not say what the report rests on")
        else:
            problems.append(f"{name}: was not refused")

    postmortem("whole", ram, leaks=6)
    postmortem("an empty file", b"", refused="empty")
    postmortem("not RAM of ours", bytes(len(ram)), refused="")
    postmortem("noise", dice.randbytes(200_000), refused="")
    postmortem("another program's ELF file", ram, elf=arguments.other, refused="build")
    for cut in (16, 1000, 4096, 20_000, 100_000):
        postmortem(f"the first {cut} bytes", ram[:cut], refused="")
    postmortem("without the stack", ram[:0x200000], leaks=6)
    if problems:
        raise Failed(f"{len(problems)} images were misread:\n" + "\n".join(problems))


if __name__ == "__main__":
    main(test)
