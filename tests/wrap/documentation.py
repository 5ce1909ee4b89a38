"""docs/firmware.md says what is true: its shell blocks run, one after the other, and give what it shows."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "commands"))
from script import blocks, check, expect, harness, main  # noqa: E402


def page_of(t):
    with open(os.path.join(t.source, "docs", "firmware.md"), encoding="utf-8") as file:
        return file.read()


@check
def the_commands_of_the_page_run_in_the_example_and_give_what_it_shows(t, folder):
    for name in ("arm-none-eabi-gcc", "qemu-system-arm", "gdb-multiarch", "make"):
        if shutil.which(name) is None:
            raise harness.Broken(f"{name} is missing; scripts/setup installs what the tests need")
    place = os.path.join(folder, "firmware")
    shutil.copytree(os.path.join(t.source, "examples", "firmware"), place)
    environment = {**os.environ, "PATH": os.path.dirname(t.unpaired) + os.pathsep + os.environ["PATH"]}
    page, output = page_of(t), ""
    commands = blocks(page, "sh")
    expect(len(commands) >= 6, f"only {len(commands)} blocks of commands")
    for block in commands:
        done = subprocess.run(["sh", "-e", "-c", block], cwd=place, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        expect(done.returncode == 0, f"status {done.returncode} of\n{block}\n{done.stdout}")
        output += done.stdout
    shown = [block for block in blocks(page, "") if "firmware.elf" in block]
    expect(len(shown) == 2, f"{len(shown)} blocks of output on the page")
    for block in shown:
        for line in filter(None, block.split("\n")):
            # addresses move with every change of the recorder, and so do the functions of the table
            pattern = re.sub(r"\d+ functions followed, \d+ of them in the image, \d+ references",
                             ".*", re.sub(r"0x[0-9a-f]{8}", "0x[0-9a-f]{8}", re.escape(line).replace(r"\ ", " ")))
            expect(re.search(pattern, output), f"not printed: {line}\n{harness.text(output[-6000:])}")
    expect("no call escapes the hooks" in output, f"the repairs of the page do not repair:\n{output}")
    # lines are wrapped where they must be
    expect(len(re.findall(r"subscribe,\s+device\.c", output)) >= 4, f"not found again in the RAM:\n{output}")


@check
def the_lines_for_a_makefile_are_those_of_the_example(t, _):
    with open(os.path.join(t.source, "examples", "firmware", "Makefile"), encoding="utf-8") as file:
        makefile = file.read()
    for block in blocks(page_of(t), "make"):
        expect(block in makefile, f"not in the example's Makefile:\n{block}")


@check
def every_family_of_the_table_is_named(t, _):
    with open(os.path.join(t.source, "wraplib/include/unpaired/resources/table.def"), encoding="utf-8") as file:
        names = re.findall(r"^#ifdef UNPAIRED_TABLE_(\w+)$", file.read(), re.M)
    page = page_of(t)
    for name in names:
        family = name.lower().replace("_", "-")
        family = f"heap-{family}" if family in ("newlib", "libc") else family
        expect(family == "linux" or f"`{family}`" in page, f"the page does not name {family}")
        done = harness.run([t.unpaired, "resources", "--for", "wrap", "--families", family])
        expect(family == "linux" or done.status == 0, f"{family}: {harness.text(done.stderr)}")


main()
