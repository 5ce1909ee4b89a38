#!/usr/bin/env python3
"""Cuts and damages the stream of one image in many ways, and reads each. Whatever happened to it on the line, `unpaired
report` must come to an end with a report or one clear line, must call nothing a leak that is none, and must say
that something is missing where something is.

The image is heap/leak_per_cycle.c: its only leak is mqtt_subscribe's, six blocks.
"""
import argparse
import concurrent.futures
import json
import os
import random

from machine import run_machine
from harness import Failed, counted, main, run, show_image, text

LEAK, TIMES = "mqtt_subscribe", 6
SEED = 20240229


def cuts_and_damages(stream):
    """(name, bytes, whether something in the middle is missing) for every case."""
    dice = random.Random(SEED)
    size = len(stream)
    for length in [0, 1, 7, 8, 9, size - 9, size - 8, size - 1, *dice.sample(range(size), 40)]:
        yield f"the first {length} bytes", stream[:length], False
    for start in [1, 7, 8, *dice.sample(range(size), 40)]:
        yield f"all but the first {start} bytes", stream[start:], False
    for _ in range(50):
        damaged = bytearray(stream)
        places = sorted(dice.sample(range(size), dice.choice([1, 1, 2, 5, 40])))
        for place in places:
            damaged[place] ^= 1 << dice.randrange(8)
        yield f"bits flipped at {places}", bytes(damaged), True
    for _ in range(30):
        start = dice.randrange(size)
        end = min(size, start + dice.randrange(1, 300))
        yield f"without the bytes {start} to {end}", stream[:start] + stream[end:], end < size
    for _ in range(10):
        start = dice.randrange(size)
        noise = dice.randbytes(dice.randrange(1, 200))
        yield f"with {len(noise)} bytes of noise at {start}", stream[:start] + noise + stream[start:], False
    yield "noise alone", dice.randbytes(5000), False
    yield "twice: the device started again", stream + stream, False


def read(unpaired, elf, path):
    result = run([unpaired, "report", path, "--elf", elf, "--format=json"])
    return result.status, result.stdout, result.stderr.decode("utf-8", "replace")


def judge(name, gap, outcome):
    """What is wrong with what was said, in lines."""
    status, out, err = outcome
    if status == 2:
        if len([line for line in err.split("\n") if line.strip()]) == 1:
            return []
        return [f"{name}: status 2 without one clear line: {text(err, 800)}"]
    if status not in (0, 1):
        return [f"{name}: status {status}: {text(err, 800)}"]
    problems = []
    report = json.loads(out)
    for image in report["images"]:
        for finding in counted(image):
            # a capture that does not tell a call site tells the blocks all the same
            if finding["blame"]["function"] not in (LEAK, "") or finding["count"] > TIMES:
                problems.append(f"{name}: a false leak\n{show_image(image)}")
        remarks = " ".join(image.get("remarks", []))
        if gap and not image["trace"]["events_lost"] and not any(
                word in remarks for word in ("damage", "missing", "lost", "skipped", "does not begin")):
            problems.append(f"{name}: does not say that something is missing; remarks: {remarks!r}")
    return problems


def test():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--image", required=True)
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    left = run_machine("cortex-m3", arguments.image, arguments.folder)
    with open(left.uart, "rb") as file:
        stream = file.read()
    if len(stream) < 1000:
        raise Failed(f"a stream of {len(stream)} bytes: too short to be cut")

    def case(item):
        number, (name, data, gap) = item
        path = os.path.join(arguments.folder, f"damaged_{number}.bin")
        with open(path, "wb") as file:
            file.write(data)
        problems = judge(name, gap, read(arguments.unpaired, arguments.image, path))
        if not problems:
            os.remove(path)  # those that fail stay, to be looked at
        return [f"{problem}\n    ({path})" for problem in problems]

    whole = read(arguments.unpaired, arguments.image, left.uart)
    found = [(f["blame"]["function"], f["count"]) for image in json.loads(whole[1] or b'{"images": []}')["images"]
             for f in counted(image)]
    if found != [(LEAK, TIMES)]:
        raise Failed(f"the undamaged stream gives {found}; {text(whole[2], 800)}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        problems = sum(pool.map(case, enumerate(cuts_and_damages(stream))), [])
    if problems:
        raise Failed(f"{len(problems)} streams were misread; the first ones:\n" + "\n".join(problems[:5]))


if __name__ == "__main__":
    main(test)
