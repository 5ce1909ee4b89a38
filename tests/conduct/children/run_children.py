"""Programs that cannot load the recorder, started by a recorded one, run as they would alone."""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent.parent / "scenario"))
from checks import check, expect, run_checks  # noqa: E402
from harness import Failed  # noqa: E402

WAYS = ["execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "fexecve", "execveat", "number", "posix_spawn",
        "posix_spawnp", "vfork", "system", "replace"]
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
extern char **environ;
int main(void)
{
    const char *other = getenv("LD_PRELOAD");
    puts(other != NULL && strstr(other, "unpaired_preload") == NULL ? other : "-");
    for (char **entry = environ; *entry != NULL; entry++)
        if (strncmp(*entry, "OF_THE_PROGRAM=", 15) == 0)
            puts(*entry);
    return 42;
}
"""


def build(folder, name, *compiler):
    """Builds the same small program with another compiler."""
    source = Path(folder) / "program.c"
    source.write_text(SOURCE)
    if shutil.which(compiler[0]) is None:
        raise Failed(f"{compiler[0]} is missing: scripts/setup test")
    program = Path(folder) / name
    made = subprocess.run([*compiler, "-o", program, source], capture_output=True, text=True)
    expect(made.returncode == 0, f"{' '.join(compiler)} (scripts/setup test): {made.stderr}")
    return program


def run(t, command, recorded=True, environment=None):
    env = {**os.environ, "OF_THE_PROGRAM": "1 2", **(environment or {})}
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        report = Path(folder) / "report"
        launch = [t.unpaired, "run", "--output", f"text:{report}", "--"] if recorded else []
        ended = subprocess.run([*launch, *command], capture_output=True, text=True, env=env, timeout=60)
        return (ended.returncode, ended.stdout, ended.stderr), " ".join(report.read_text().split()) if recorded else ""


def runs_as_alone(t, program, folder, ways=WAYS):
    env = {"PATH": f"{folder}:{os.environ['PATH']}"}
    for way in ways:
        for name in [program, program.name] if way.endswith("p") or way == "execvpe" else [program]:
            alone, _ = run(t, [t.starter, way, name, "argument"], recorded=False, environment=env)
            recorded, report = run(t, [t.starter, way, name, "argument"], environment=env)
            expect(recorded == alone, f"{way} {name}: {recorded}, alone {alone}")
            if way != "system":
                expect("not recorded" in report, f"{way} {name}: the report does not say that it is not recorded")


@check
def a_program_on_musl_runs(t, folder):
    runs_as_alone(t, build(folder, "on_musl", "musl-gcc"), folder)


@check
def a_32_bit_program_runs_without_a_word_of_the_loader(t, folder):
    runs_as_alone(t, build(folder, "of_32_bit", "gcc", "-m32"), folder)


@check
def a_script_whose_interpreter_is_on_musl_runs(t, folder):
    interpreter = build(folder, "interpreter", "musl-gcc")
    between = Path(folder) / "between"
    between.write_text(f"#! {interpreter}\n")
    script = Path(folder) / "script"
    script.write_text(f"#!{between} -x\nanything\n")
    between.chmod(0o755)
    script.chmod(0o755)
    runs_as_alone(t, script, folder)


@check
def a_static_program_runs(t, folder):
    program = build(folder, "static", "gcc", "-static")
    for way in WAYS:
        alone, _ = run(t, [t.starter, way, program, "argument"], recorded=False)
        recorded, _ = run(t, [t.starter, way, program, "argument"])
        expect(recorded == alone, f"{way}: {recorded}, alone {alone}")


@check
def what_else_is_preloaded_stays(t, folder):
    program = build(folder, "on_musl", "musl-gcc")
    (Path(folder) / "other.c").write_text("int unused_by_all;")
    other = Path(folder) / "libother.so"
    subprocess.run(["gcc", "-shared", "-nostdlib", "-o", other, Path(folder) / "other.c"], check=True)
    for way in WAYS:
        (status, output, _), _ = run(t, [t.starter, way, program, "argument"], environment={"LD_PRELOAD": str(other)})
        expect((status, output) == (42, f"{other}\nOF_THE_PROGRAM=1 2\n"), f"{way}: {status}, {output}")


@check
def a_program_of_our_own_kind_is_still_recorded(t, folder):
    program = build(folder, "on_glibc", "gcc")
    for way in WAYS:
        (status, _, _), report = run(t, [t.starter, way, program, "argument"])
        expect(status == 42, f"{way}: {status}")
        expect("without the recorder" not in report, f"{way}: {report}")


@check
def the_launcher_says_in_one_line_why_it_cannot_record_such_a_program(t, folder):
    for program in [build(folder, "on_musl", "musl-gcc"), build(folder, "of_32_bit", "gcc", "-m32")]:
        ended = subprocess.run([t.unpaired, "run", "--", program], capture_output=True, text=True, timeout=60)
        expect(ended.returncode == 2, f"{program.name}: status {ended.returncode}")
        expect(len(ended.stderr.splitlines()) == 1 and program.name in ended.stderr, ended.stderr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--unpaired", required=True)
    parser.add_argument("--preload")
    parser.add_argument("--starter", required=True)
    run_checks(parser.parse_args())
