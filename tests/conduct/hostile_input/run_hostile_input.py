#!/usr/bin/env python3
"""Files that declare far more than they contain: each reader stays within 2 GiB of address space and ends soon."""
import argparse
import os
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402

TIMEOUT = 120
LIMIT = 2 << 30
PAGE = 4096


def header(pages, capacity=1 << 30):
    head = bytearray(PAGE)
    struct.pack_into("<8sHHIQHBBI", head, 0, b"UNPAIRED", 1, 2, PAGE, capacity, 62, 1, 8, 1)
    struct.pack_into("<I", head, 128, pages)
    return bytes(head)


def extent(kind, pages, body, used=0, shard=1):
    return struct.pack("<IHHIIII", 0x58544e55, kind, 1, pages, used or len(body), shard, 0).ljust(64, b"\0") + body


def reported(t, path, *arguments, environment=None):
    done = subprocess.run(["prlimit", f"--as={LIMIT}", t.unpaired, "report", path, *arguments], capture_output=True,
                          timeout=TIMEOUT, check=False, env={**os.environ, **(environment or {})})
    stderr = done.stderr.decode(errors="replace").strip()
    expect(done.returncode in (0, 1, 2), f"{os.path.basename(path)}: status {done.returncode}: {stderr}")
    expect(done.returncode != 2 or len(stderr.splitlines()) == 1, f"{os.path.basename(path)}: {stderr}")
    expect("bad_alloc" not in stderr and "out of memory" not in stderr, f"{os.path.basename(path)}: {stderr}")
    return done.returncode, done.stdout.decode(errors="replace"), stderr


def written(folder, name, *pieces):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        for piece in pieces:
            file.write(piece)
    return path


@check
def an_extent_that_says_it_has_4_billion_pages(t, folder):
    for kind in range(1, 6):
        path = written(folder, f"extent{kind}", header(2), extent(kind, 0xffffffff, b"\1" * 200))
        os.truncate(path, 6 << 30)
        reported(t, path)


@check
def events_of_acquisitions_that_never_end(t, folder):
    body = (struct.pack("<IIQQQ", 0, 0, 0, 0, 0) + b"\x05\x05" * 5000).ljust(64 * PAGE - 64, b"\x05")
    pages = 64 * 400
    path = written(folder, "events", header(1 + pages), *[extent(5, 64, body) for _ in range(400)])
    reported(t, path)


@check
def a_bomb_of_zstd_where_there_is_no_room_to_unpack_it(t, folder):
    bomb = os.path.join(folder, "bomb")
    with open(bomb, "wb") as out:
        packer = subprocess.Popen(["zstd", "-q", "-c", "-1"], stdin=subprocess.PIPE, stdout=out)
        packer.stdin.write(header(1))
        for _ in range(700):
            packer.stdin.write(b"UNTX" * (1 << 20))
        packer.stdin.close()
        packer.wait()
    _, report, stderr = reported(t, bomb, environment={"TMPDIR": os.path.join(folder, "missing")})
    expect("no room" in report + stderr, report[:500] + stderr)


@check
def a_report_in_JSON_that_is_mostly_nesting_or_tiny_findings(t, folder):
    head = b'{"schema": "unpaired-report/1", "images": ['
    reported(t, written(folder, "deep.json", head, b"[" * 5_000_000))
    reported(t, written(folder, "wide.json", head, b"0," * 20_000_000, b"0]}"))
    _, report, _ = reported(t, written(folder, "tiny.json", head, b'{"findings": [', b"{}," * 3_000_000, b"{}]}]}"))
    expect("left out" in report, report[-500:])


@check
def suppressions_that_are_no_text(t, folder):
    trace = os.path.join(folder, "t.trace")
    subprocess.run([t.unpaired, "record", "-o", trace, "--", t.program, "10"], check=True, capture_output=True)
    reported(t, trace, "--suppressions", written(folder, "long", b"leak:" + b"*a" * 5_000_000))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("unpaired", "preload", "program"):
        parser.add_argument(f"--{option}", required=True)
    run_checks(parser.parse_args())
