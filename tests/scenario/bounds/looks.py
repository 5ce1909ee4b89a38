"""A program that says `look` when it is at rest, and the bound of the memory that recording may add to it: for the tests
here and for scripts/bench."""
import os
import pathlib
import subprocess
import threading
from typing import NamedTuple

BASE, PER_THREAD, PER_BLOCK = 4 << 20, 64 << 10, 96  # bytes


def bound(threads, blocks):
    """Bytes that may be added to a program with so many threads and blocks at once."""
    return BASE + threads * PER_THREAD + blocks * PER_BLOCK


class Look(NamedTuple):
    """`memory`: resident, private and of mapped files, the trace not among them (its file lies in memory: RssShmem).
    `trace`: what the files of its folder take. `written`: to storage, so far. All in bytes."""
    memory: int
    trace: int
    written: int


def looks(command, environment, folder, timeout=threading.TIMEOUT_MAX):
    """A Look each time the program says `look`; it goes on only then. Not to end with status 0, or to be killed after
    `timeout` s, is a subprocess.CalledProcessError."""
    command = [str(word) for word in command]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, **environment})
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    try:
        for line in process.stdout:
            if line == "look\n":
                yield Look(resident(process.pid, "RssAnon", "RssFile"), bytes_in(folder), bytes_written(process.pid))
                process.stdin.write("\n")
                process.stdin.flush()
        if process.wait() != 0:
            raise subprocess.CalledProcessError(process.returncode, command)
    finally:
        timer.cancel()
        process.kill()
        process.wait()


def resident(pid, *kinds):
    """Bytes, as /proc/PID/status tells them under these names."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        fields = dict(line.split(":", 1) for line in file)
    return sum(int(fields[kind].split()[0]) * 1024 for kind in kinds)


def bytes_in(folder):
    """Bytes that the files in a folder take, holes not counted."""
    return sum(file.stat().st_blocks * 512 for file in pathlib.Path(folder).rglob("*") if file.is_file())


def bytes_written(pid):
    with open(f"/proc/{pid}/io", encoding="utf-8") as file:
        return int(dict(line.split(":") for line in file)["write_bytes"])
