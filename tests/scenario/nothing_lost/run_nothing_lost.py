#!/usr/bin/env python3
"""What was recorded survives any death; where there is no room the program goes on, and the loss is told."""
import argparse
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness  # noqa: E402
from harness import Broken, Failed, plain_function, show_image  # noqa: E402

ENDS = {"kill": (137, "signal:9"), "abort": (134, "signal:6"), "_exit": (0, "exit"), "exit": (0, "exit")}
PARENT, CHILD = "acquire_in_parent", "acquire_in_child"


def acquired_by(image, function):
    """Counts and acquisitions of the heap blocks that `function` acquired, over all findings."""
    found = [f for f in image["findings"] if f["family"] == "heap" and f["rule"] == "never-released" and
             plain_function(f["blame"]["function"]) == function]
    return sum(f["count"] for f in found), sum(f["acquired"] for f in found), sum(f["bytes"] for f in found)


def image_with(report, function):
    for image in report["images"]:
        if acquired_by(image, function)[0]:
            return image
    raise Failed(f"no image with blocks from {function}:\n" + "\n".join(map(show_image, report["images"])))


def kept(n):
    return n - (n + 2) // 3


def exact(arguments):
    """Counts of parent and child, at random sizes, by each way to die."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    numbers = random.Random(seed)
    for end, (status, words) in ENDS.items():
        for _ in range(5):
            parent, child = numbers.randrange(3, 6000), numbers.randrange(3, 6000)
            command = [arguments.program, str(parent), str(child), end]
            result = harness.run_unpaired(arguments.unpaired, command)
            if result.status != status:
                raise Failed(f"{command}: status {result.status}, wanted {status}")
            if len(result.report["images"]) != 2:
                raise Failed(f"{command}: {len(result.report['images'])} images")
            for function, n, size in ((PARENT, parent, 20), (CHILD, child, 24)):
                image = image_with(result.report, function)
                found = acquired_by(image, function)
                if found != (kept(n), n, size * kept(n)) or image["trace"]["end"] != words:
                    raise Failed(f"{command}: {function} has {found} (count, acquired, bytes), wanted "
                                 f"{(kept(n), n, size * kept(n))}; end {image['trace']['end']}, wanted {words}")


def killed(arguments):
    """Killed from outside at any point: what each process had finished is in the report, to the block."""
    for attempt in range(12):
        with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
            path, report = os.path.join(folder, "progress"), os.path.join(folder, "report.json")
            with open(path, "wb") as file:
                file.write(bytes(4096))
            with open(path, "r+b") as file:
                shared = mmap.mmap(file.fileno(), 4096)
            process = subprocess.Popen([arguments.unpaired, "run", "--output", f"json:{report}", "--",
                                        arguments.program, "forever", path], stdin=subprocess.DEVNULL)
            try:
                kill_at(shared, random.randrange(0, 40000) if attempt else 0)
                process.wait(timeout=60)
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()
            import json
            with open(report, encoding="utf-8") as file:
                told = json.load(file)
            for index, function in ((0, PARENT), (1, CHILD)):
                _, begun, living, given_back = struct.unpack_from("4I", shared, 16 * index)
                image = image_with(told, function)
                count, acquired, _ = acquired_by(image, function)
                if not (living <= count <= living + 1 and living + given_back <= acquired <= begun):
                    raise Failed(f"{function}: the program kept {living} and gave back {given_back} of {begun} begun; "
                                 f"the report has {count} of {acquired}\n{show_image(image)}")
                if image["trace"]["end"] != "signal:9":
                    print(f"note: {function} ended {image['trace']['end']}")


def kill_at(shared, least):
    """Kills child, then parent, once both have begun `least` acquisitions."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        states = [struct.unpack_from("4I", shared, 16 * i) for i in range(2)]
        if all(pid and begun > max(least, 3) for pid, begun, _, _ in states):
            for pid, *_ in reversed(states):
                os.kill(pid, signal.SIGKILL)
            return
    raise Failed("the program did not acquire")


def told_or_complete(report, program, must_lose, expected=30000):
    """Either all blocks that are left, half of the program's, are in the report, or it says what it could not record."""
    images = [i for i in report["images"] if os.path.basename(i["trace"]["program"]) == program]
    if not images:
        if any("record" in r for r in report.get("remarks", [])) and must_lose:
            return
        raise Failed(f"no image of {program} and no word about it: {report.get('remarks')}")
    image = images[0]
    left = sum(f["count"] for f in image["findings"]
               if any(frame["function"] == "deep" for frame in f["stack"]))
    lost = image["trace"]["events_lost"]
    print(f"{left} of {expected} in the report, {lost} events lost; {image['remarks']}")
    if left == expected and not must_lose:
        return
    if left > expected or lost == 0 or not image["remarks"]:
        raise Failed(f"{left} of {expected} are in the report, {lost} events told as lost\n{show_image(image)}")


def same_as_native(native, ours, what):
    if (native.status, native.stdout) != (ours.status, ours.stdout):
        raise Failed(f"{what}: without us {native.status} {native.stdout!r}, with us {ours.status} {ours.stdout!r}\n"
                     f"{harness.text(ours.stderr)}")


def limited(arguments, option, must_lose):
    """Under a resource limit, set by prlimit(1) in between."""
    if not shutil.which("prlimit"):
        raise Broken("prlimit (util-linux) is missing")
    command = [shutil.which("prlimit"), option, arguments.program]
    native = harness.run(command)
    ours = harness.run_unpaired(arguments.unpaired, command)
    same_as_native(native, ours, option)
    told_or_complete(ours.report, os.path.basename(arguments.program), must_lose)


def full_disk(arguments):
    """On a disk that fills up: a small tmpfs in a mount namespace of its own."""
    native = harness.run([arguments.program])
    for size in ("16k", "200k", "1000k"):
        with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
            script = """mount -t tmpfs -o size=$1 tmpfs "$2/disk" || exit 125
                        UNPAIRED_OUTPUT="$2/disk/%e.trace" LD_PRELOAD="$3" "$4"; status=$?
                        "$5" report --output "json:$2/report.json" "$2"/disk/*.trace >"$2/said" 2>&1
                        exit $status"""
            os.mkdir(os.path.join(folder, "disk"))
            namespace = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
            ours = harness.run([*namespace, "sh", "-c", script, "sh", size, folder, arguments.preload,
                                arguments.program, arguments.unpaired])
            if ours.status == 125:
                raise Broken(f"cannot mount a tmpfs in a namespace: {ours.stderr.decode()}")
            same_as_native(native, ours, f"disk of {size}")
            report = os.path.join(folder, "report.json")
            if not os.path.exists(report):
                if size == "16k":
                    continue  # not even room for the first pages: the program ran unrecorded
                with open(os.path.join(folder, "said"), encoding="utf-8") as said:
                    raise Failed(f"disk of {size}: no report: {said.read()}")
            import json
            with open(report, encoding="utf-8") as file:
                told_or_complete(json.load(file), os.path.basename(arguments.program), must_lose=True)


def locked(arguments):
    """With all memory locked: what the trace does not use is not filled in."""
    command = [arguments.program, "mlockall"]
    native = harness.run(command)
    if native.status != 7:
        raise Broken(f"mlockall is not permitted here: {native.stderr.decode()}")
    ours = harness.run_unpaired(arguments.unpaired, command)
    same_as_native(native, ours, "mlockall")
    told_or_complete(ours.report, os.path.basename(arguments.program), must_lose=False)


def locked_without_right(arguments):
    """The kernel then counts all address space against the limit: the unused part of the trace must not be in the way."""
    if os.geteuid() != 0:
        print("skipped: only root can give up CAP_IPC_LOCK for this test")
        sys.exit(77)
    command = ["setpriv", "--bounding-set=-ipc_lock", "--inh-caps=-ipc_lock", arguments.program, "mlockall", "3000"]
    native = harness.run(command)
    if native.status != 7:
        raise Broken(f"mlockall is not permitted here: {native.stderr.decode()}")
    ours = harness.run_unpaired(arguments.unpaired, command)
    same_as_native(native, ours, "mlockall")
    told_or_complete(ours.report, os.path.basename(arguments.program), must_lose=False, expected=1500)


CASES = {
    "exact": exact,
    "killed": killed,
    "full-disk": full_disk,
    "file-size": lambda a: limited(a, "--fsize=1000000", must_lose=True),
    "address-space": lambda a: limited(a, "--as=200000000", must_lose=False),
    "little-address-space": lambda a: limited(a, "--as=16000000", must_lose=False),
    "mlockall": locked,
    "mlockall-without-right": locked_without_right,
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("case", choices=sorted(CASES))
    arguments = parser.parse_args()
    CASES[arguments.case](arguments)


harness.main(main)
