#!/usr/bin/env python3
"""Usage: run_package.py --build DIR --consumer DIR --firmware DIR. See README.md."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile


def run(*command, **more):
    """Output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], text=True, capture_output=True, check=False, timeout=300,
                          stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(w) for w in command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--consumer", required=True, type=pathlib.Path)
    parser.add_argument("--firmware", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="unpaired-package.") as folder:
        folder = pathlib.Path(folder)
        # given: an installed tree that was moved afterwards, to a path with a blank in it
        run("cmake", "--install", arguments.build, "--prefix", folder / "first")
        prefix = folder / "moved here"
        (folder / "first").rename(prefix)

        # when: the command records a program from there
        report = json.loads(run(prefix / "bin/unpaired", "run", "--output=json:-", "--", "/bin/true", cwd=folder))
        # then: the recorder was found, loaded, and saw the program to its end
        images = [image["trace"] for image in report["images"]]
        if not images or images[0]["end"] != "exit" or not images[0]["program"].endswith("true"):
            sys.exit(f"/bin/true was not recorded by the moved tree: {report}")

        # when: a stranger's project looks for the package
        run("cmake", "-S", arguments.consumer, "-B", folder / "consumer", f"-DCMAKE_PREFIX_PATH={prefix}",
            "-DCMAKE_C_FLAGS=-std=c99 -Wall -Wextra -Werror", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror")
        run("cmake", "--build", folder / "consumer")
        # then: the headers it got work in C99 and in C++
        run(folder / "consumer/consumer_c")
        run(folder / "consumer/consumer_cpp")

        # when: a static program is linked with the archive of the package, and runs
        stream = folder / "static.stream"
        run(folder / "consumer/consumer_static", env={"UNPAIRED_OUTPUT": str(stream)})
        # then: its stream tells what it lost, and for whom
        report = json.loads(run("sh", "-c", '"$@" || [ $? = 1 ]', "sh", prefix / "bin/unpaired", "report", stream,
                                "--elf", folder / "consumer/consumer_static", "--format=json", "--all"))
        findings = {(f["family"], f["owner"], f["bytes"]) for f in report["images"][0]["findings"]}
        if not {("heap", "MQTT", 1234), ("mutex", "MQTT", 0)} <= findings:
            sys.exit(f"the static program's losses were not told: {findings}")
        # when: firmware for a microcontroller and a static program of this machine take the recorder from there
        firmware = folder / "firmware project"
        shutil.copytree(arguments.firmware, firmware)
        run("cmake", "-S", firmware, "-B", folder / "firmware", f"-DCMAKE_TOOLCHAIN_FILE={firmware}/cortex-m3.cmake",
            f"-DCMAKE_PREFIX_PATH={prefix}")
        static = folder / "static"
        run("cmake", "-S", arguments.consumer / "static", "-B", static, f"-DCMAKE_PREFIX_PATH={prefix}")
        # then: both build, and the moved command has checked that no call escapes
        for place in (folder / "firmware", static):
            output = run("cmake", "--build", place)
            if "no call escapes the hooks" not in output:
                sys.exit(f"nobody verified the program in {place}:\n{output}")
        # and: what the static program says is read by the moved command
        stream = folder / "stream.bin"
        run(static / "static_program", env={**os.environ, "UNPAIRED_OUTPUT": str(stream)})
        done = subprocess.run([prefix / "bin/unpaired", "report", stream, "--elf", static / "static_program"], text=True,
                              capture_output=True, check=False, timeout=60)
        if done.returncode != 1 or "3 of 3 heap blocks" not in done.stdout:
            sys.exit(f"the leak of the static program is not reported:\n{done.stdout}{done.stderr}")
    print("the moved tree records; find_package(unpaired) gives headers, archive and unpaired_wrap()")


if __name__ == "__main__":
    main()
