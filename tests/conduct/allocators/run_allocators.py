#!/usr/bin/env python3
"""Programs on another allocator than the C library's run as they would alone, and their leaks are found; or the heap is
left alone, and the report says so."""
import argparse
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402
from harness import all_counted, run, run_unpaired, show_image, text  # noqa: E402

LIBRARIES = ("libjemalloc.so.2", "libtcmalloc_minimal.so.4", "libmimalloc.so.2", "libc_malloc_debug.so.0")


def options():
    parser = argparse.ArgumentParser()
    for name in ("unpaired", "preload", "plain", "jemalloc", "tcmalloc", "mimalloc", "pool", "static"):
        parser.add_argument(f"--{name}", required=True)
    return parser.parse_args()


def environment(**more):
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **more}


def same_as_alone(what, alone, recorded):
    expect(alone.status == 0, f"{what}: does not run alone: {alone.status} {text(alone.stdout)} {text(alone.stderr)}")
    expect((recorded.status, recorded.stdout) == (alone.status, alone.stdout),
           f"{what}: alone {alone.status} {text(alone.stdout)}, recorded {recorded.status} {text(recorded.stdout)} "
           f"{text(recorded.stderr)}")


def expect_the_leak(what, report):
    found = all_counted(report)
    image = report["images"][0]
    expect(len(found) == 1, f"{what}: {len(found)} findings\n{show_image(image)}")
    blame = found[0]["blame"]["function"]
    expect("leak" in blame and 95 <= found[0]["count"] <= 100 and found[0]["acquired"] == 100,
           f"{what}\n{show_image(image)}")


@check
def a_program_linked_to_another_allocator_runs_and_its_leak_is_found(t, folder):
    for name in ("plain", "jemalloc", "tcmalloc", "mimalloc", "pool"):
        program = getattr(t, name)
        alone = run([program], env=environment())
        recorded = run_unpaired(t.unpaired, [program], env=environment())
        same_as_alone(name, alone, recorded)
        expect_the_leak(name, recorded.report)


@check
def so_it_does_with_an_allocator_preloaded_behind_the_recorder(t, folder):
    for library in LIBRARIES:
        alone = run([t.plain], env=environment(LD_PRELOAD=library))
        recorded = run_unpaired(t.unpaired, [t.plain], env=environment(LD_PRELOAD=library))
        same_as_alone(library, alone, recorded)
        expect_the_leak(library, recorded.report)


@check
def the_heap_is_left_alone_where_an_allocator_comes_before_the_recorder(t, folder):
    for library in LIBRARIES[:3]:
        trace = os.path.join(folder, f"{library}.%p.trace")
        alone = run([t.plain], env=environment(LD_PRELOAD=library))
        recorded = run([t.plain], env=environment(LD_PRELOAD=f"{library}:{t.preload}", UNPAIRED_OUTPUT=trace))
        same_as_alone(library, alone, recorded)
        traces = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(library)]
        report = json.loads(run([t.unpaired, "report", "--format", "json", *traces]).stdout)
        expect_left_alone(library, report, "its own malloc")


@check
def so_it_is_where_the_allocator_is_part_of_the_program(t, folder):
    alone = run([t.static], env=environment())
    recorded = run_unpaired(t.unpaired, [t.static], env=environment())
    same_as_alone("static", alone, recorded)
    expect_left_alone("static", recorded.report, "its own malloc")


def expect_left_alone(what, report, words):
    for image in report["images"]:
        expect(any(words in remark for remark in image.get("remarks", [])), f"{what}\n{show_image(image)}")
        expect("heap" not in image["totals"] or image["totals"]["heap"]["acquired"] == 0,
               f"{what}\n{show_image(image)}")


run_checks(options())
