#!/usr/bin/env python3
"""A resource of the user's own: the recorder is built with widgets.def as docs/adding-a-resource.md says, and a
program that leaves two of five widgets is told so. The trace carries its dictionary, so the report needs no rebuild."""
import argparse
import json
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "scenario"))
import harness  # noqa: E402
from harness import Broken, Failed  # noqa: E402


def step(command):
    result = harness.run(command, timeout=300)
    if result.status != 0:
        raise Broken(f"{' '.join(command)}: {result.status}\n{harness.text(result.stdout)}\n{harness.text(result.stderr)}")


def main():
    parser = argparse.ArgumentParser()
    for option in ("source", "build", "cmake", "unpaired", "program", "libunwind"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--launcher", default="")
    arguments = parser.parse_args()
    step([arguments.cmake, "-S", arguments.source, "-B", arguments.build, "-G", "Ninja", "-DUNPAIRED_TESTS=OFF",
          f"-DUNPAIRED_USER_RESOURCES={HERE}/widgets.def", f"-DUNPAIRED_LIBUNWIND_ROOT={arguments.libunwind}",
          f"-DCMAKE_C_COMPILER_LAUNCHER={arguments.launcher}", f"-DCMAKE_CXX_COMPILER_LAUNCHER={arguments.launcher}"])
    step([arguments.cmake, "--build", arguments.build, "--target", "unpaired_preload", "-j", "2"])
    preload = os.path.join(arguments.build, "lib", "libunpaired_preload.so")

    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        trace, report = os.path.join(folder, "widget.trace"), os.path.join(folder, "report.json")
        env = dict(os.environ, LD_PRELOAD=preload, UNPAIRED_OUTPUT=trace)
        ran = harness.run([arguments.program], env=env)
        if ran.status != 0:
            raise Failed(f"the program ended with {ran.status}: {harness.text(ran.stderr)}")
        told = harness.run([arguments.unpaired, "report", "--output", f"json:{report}", trace])
        if told.status != 1:
            raise Failed(f"report ended with {told.status}, wanted 1 (findings): {harness.text(told.stderr)}")
        with open(report, encoding="utf-8") as file:
            image = json.load(file)["images"][0]
    found = [f for f in image["findings"] if f["family"] == "widget"]
    never = [f for f in found if f["rule"] == "never-released"]
    if len(never) != 1 or (never[0]["function"], never[0]["count"], never[0]["acquired"], never[0]["released"],
                           never[0]["blame"]["function"]) != ("widget_open", 2, 5, 3, "paint"):
        raise Failed("wanted 2 of 5 widgets from paint, never released\n" + harness.show_image(image))
    totals = image["totals"]["widget"]
    if (totals["acquired"], totals["unpaired"]) != (5, 2):
        raise Failed(f"totals are {totals}")
    if not any(f["rule"] == "release-unknown" and f["function"] == "widget_close" for f in image["findings"]):
        raise Failed("the widget that was closed and never opened is not told\n" + harness.show_image(image))


harness.main(main)
