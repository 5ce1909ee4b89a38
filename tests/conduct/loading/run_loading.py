#!/usr/bin/env python3
"""A library that a recorded program opens by name is the one that it opens alone, for every caller of dlopen(3)."""
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scenario"))
from checks import check, expect, run_checks  # noqa: E402
from harness import run, run_unpaired, text  # noqa: E402


def options():
    parser = argparse.ArgumentParser()
    for name in ("unpaired", "preload", "user", "leaving"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("program", "leaves"):
        parser.add_argument(f"--{name}", action="append", required=True)
    return parser.parse_args()


def environment(**more):
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", **more}


def same_as_alone(t, command, wanted=None, **more):
    alone = run(command, env=environment(**more))
    recorded = run_unpaired(t.unpaired, command, env=environment(**more))
    for what in ("status", "stdout"):
        expect(getattr(alone, what) == getattr(recorded, what),
               f"{command} {more}: alone {alone.status} {text(alone.stdout)}, recorded {recorded.status} "
               f"{text(recorded.stdout)} {text(recorded.stderr)}")
    if wanted is not None:
        expect(wanted in text(alone.stdout), f"{command} {more}: alone {text(alone.stdout)}")
    return recorded


@check
def the_run_path_of_the_program_counts(t, folder):
    for program in t.program:
        for how in ("here", "thread", "namespace"):
            same_as_alone(t, [program, how, "libwho.so"], wanted="of_program")


@check
def the_run_path_of_a_library_that_opens_others_counts(t, folder):
    for program in t.program:
        same_as_alone(t, [program, "relay", "libwho.so"])


@check
def folders_of_the_user_and_of_the_processor_come_first(t, folder):
    for program in t.program:
        for how in ("here", "relay", "thread"):
            same_as_alone(t, [program, how, "libwho.so"], LD_LIBRARY_PATH=t.user)


@check
def names_with_tokens_are_completed(t, folder):
    for program in t.program:
        same_as_alone(t, [program, "here", "$ORIGIN/of_relay/libwho.so"], wanted="of_relay")
        same_as_alone(t, [program, "here", "/usr/$LIB/libz.so.1"], wanted="loaded")
        same_as_alone(t, [program, "relay", "${ORIGIN}/of_relay/libwho.so"], wanted="of_relay")


@check
def the_loader_says_the_same_of_what_is_missing(t, folder):
    for program in t.program:
        for how in ("here", "noload", "namespace", "relay"):
            for name in ("libmissing.so", "./missing/libmissing.so", "$ORIGIN/libmissing.so", "/etc/passwd"):
                same_as_alone(t, [program, how, name])


@check
def a_constructor_that_is_left_ends_as_it_would_alone(t, folder):
    for program in t.leaves:
        for way, wanted in (("throw", None), ("pthread_exit", None), ("longjmp", "jumped back"),
                            ("backtrace", "is found")):
            same_as_alone(t, [program, way, t.leaving], wanted=wanted)


@check
def the_stack_of_a_constructor_has_the_frames_of_the_program_and_no_other(t, folder):
    for program in t.leaves:
        result = same_as_alone(t, [program, "leak", t.leaving])
        found = [f for f in result.report["images"][0]["findings"] if f.get("bytes") == 1234]
        expect(len(found) == 1, result.report_text)
        names = [frame.get("function") or "" for frame in found[0]["stack"]]
        at = [i for i, name in enumerate(names) if name.startswith("opens_the_library")]
        expect(len(at) == 1, names)
        expect(names[at[0] - 1].lstrip("_").startswith("dlopen"), names)


run_checks(options())
