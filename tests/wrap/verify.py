"""verify finds every call that escapes the hooks, and what it says repairs it."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "commands"))
from script import check, expect, harness, main, one_line  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "verify")
WRAP = ["-Wl,--wrap=session_open", "-Wl,--wrap=session_close"]
BARE = ["-nostdlib", "-nostartfiles", "-ffreestanding", "-Wl,-e,_start"]
# name -> compiler, its options; all are linked without a C library, so that any compiler will do
MACHINES = {
    "thumb": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"],
    "thumb, addresses built by instructions": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", "-mslow-flash-data"],
    "arm": ["arm-none-eabi-gcc", "-mcpu=cortex-a9", "-marm"],
    "riscv": ["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "-misa-spec=2.2"],
    "riscv, 64 bits, no compressed instructions": ["riscv64-unknown-elf-gcc", "-march=rv64ima", "-mabi=lp64",
                                                   "-mcmodel=medany", "-misa-spec=2.2"],
    "riscv, not relaxed": ["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "-misa-spec=2.2",
                           "-Wl,--no-relax"],
    "x86-64": ["cc", "-static", "-fno-pie", "-no-pie"],
    "x86-64, position-independent": ["cc", "-static-pie", "-fPIE"],
}
AARCH64 = "aarch64"  # clang and lld, which wraps calls within an object too
ALL = {**MACHINES, AARCH64: ["clang", "--target=aarch64-none-elf", "-fuse-ld=lld"]}


def tool(name):
    if shutil.which(name) is None:
        raise harness.Broken(f"{name} is missing; scripts/setup installs what the tests need")
    return name


def shell(command, cwd):
    result = harness.run(command, cwd=cwd, timeout=120)
    expect(result.status == 0, f"{' '.join(command)}\n{harness.text(result.stderr)}")


class Program:
    """The small program of verify/, compiled for one machine into a folder."""

    def __init__(self, folder, machine, *, flags=("-O1",), uses=("STACK_USES_ITSELF",), special=None, extra=()):
        self.folder, self.elf = folder, os.path.join(folder, "program.elf")
        compiler, *self.options = ALL[machine]
        self.compiler = tool(compiler)
        self.options += ["-g", "-fno-stack-protector", "-ffunction-sections", *BARE]
        for source in ("stack", "application", "hooks", "start"):
            own = (special or {}).get(source, [])
            drop = ["-Wno-unused-command-line-argument"] if compiler == "clang" else []
            shell([self.compiler, *self.options, *drop, *flags, *own, *(f"-D{u}" for u in uses), *extra, "-c",
                   os.path.join(HERE, source + ".c"), "-o", source + ".o"], folder)

    def link(self, *more, wrap=True, objects=("stack.o", "application.o", "hooks.o", "start.o")):
        drop = ["-Wno-unused-command-line-argument"] if self.compiler == "clang" else []
        shell([self.compiler, *self.options, *drop, *objects, *(WRAP if wrap else []), *more, "-o", "program.elf"],
              self.folder)
        return self


def verify(t, program, *options):
    result = harness.run([t.unpaired, "verify", "--format=json", *options, program.elf], cwd=program.folder)
    expect(result.stderr == b"", harness.text(result.stderr))
    report = json.loads(result.stdout)
    expect(result.status == (1 if report["escapes"] else 0), f"status {result.status} with {report['escapes']}")
    return report


def edges(report):
    return sorted((e.get("caller", "?"), e["kind"], e["function"]) for e in report["escapes"])


CALLS = {("stack_probe", "call", "session_open"), ("stack_probe", "call", "session_close"),
         ("stack_last", "tail-call", "session_close"),
         ("stack_table", "word", "session_open"), ("stack_table", "word", "session_close")}


@check
def every_edge_within_an_object_is_found_on_every_machine_and_nothing_else(t, folder):
    for machine in MACHINES:
        for options in ([], ["-Wl,-q"]):
            place = os.path.join(folder, machine + "".join(options).replace(",", ""))
            os.mkdir(place)
            found = edges(verify(t, Program(place, machine, flags=["-O2"]).link(*options)))
            expect(set(found) == CALLS and len(found) == len(CALLS), f"{machine} {options}: {found}")


@check
def every_edge_is_found_on_aarch64(t, folder):
    program = Program(folder, AARCH64, flags=["-O2"])
    expect(not verify(t, program.link())["escapes"], "lld does wrap calls within an object")
    # not wrapped at all: then main's two calls escape too
    report = verify(t, program.link("-Wl,--defsym=__real_session_open=session_open",
                                    "-Wl,--defsym=__real_session_close=session_close", wrap=False))
    mine = {("main", "call", "session_open"), ("main", "call", "session_close"),
            ("main", "address", "session_open"), ("main", "address", "session_close")}
    found = set(edges(report))
    expect(CALLS <= found <= CALLS | mine and found & mine, f"{sorted(found)}")


@check
def a_program_that_calls_from_outside_only_is_clean_on_every_machine(t, folder):
    for machine in ALL:
        place = os.path.join(folder, machine)
        os.mkdir(place)
        report = verify(t, Program(place, machine, uses=()).link())
        expect(not report["escapes"], f"{machine}: {report['escapes']}")
        expect(report["linked"] == 2 and report["hooked"] == 2, f"{machine}: {report}")


@check
def lines_of_the_source_stand_with_the_calls(t, folder):
    report = verify(t, Program(folder, "thumb").link())
    with open(os.path.join(HERE, "stack.c"), encoding="utf-8") as file:
        lines = file.read().split("\n")
    for escape in report["escapes"]:
        if escape["kind"] in ("call", "tail-call"):
            expect(escape["file"].endswith("stack.c"), f"{escape}")
            expect(escape["function"] in lines[escape["line"] - 1], f"{escape}: {lines[escape['line'] - 1]}")


def apply(fixes, folder):
    """Runs the commands that --fix printed, as a shell would."""
    commands = [line for fix in fixes for line in fix if not line.startswith("#")]
    expect(commands, f"no command in {fixes}")
    for command in commands:
        result = subprocess.run(["sh", "-e", "-c", command], cwd=folder, capture_output=True, text=True, timeout=60,
                                check=False)
        expect(result.returncode == 0, f"{command}\n{result.stderr}")


@check
def the_printed_objcopy_lines_repair_an_object_file(t, folder):
    for machine in ("thumb", "arm", "riscv", "x86-64"):
        for sections in ("-ffunction-sections", "-fno-function-sections"):
            place = os.path.join(folder, machine + sections)
            os.mkdir(place)
            program = Program(place, machine, extra=[sections]).link("-Wl,-Map=program.map")
            report = verify(t, program, "--fix", "--map", "program.map")
            expect(report["escapes"], f"{machine}: nothing to repair")
            apply(report["fixes"], place)
            again = verify(t, program.link("-Wl,-Map=program.map"), "--fix", "--map", "program.map")
            expect(not again["escapes"] and again["fixes"] == [], f"{machine}: {again}")
            expect(again["hooked"] >= 7, f"{machine}: the repaired calls do not lead to the hooks: {again}")


@check
def the_printed_lines_repair_a_member_of_an_archive(t, folder):
    program = Program(folder, "thumb")
    shell([tool("arm-none-eabi-ar"), "rcs", "libvendor.a", "stack.o"], folder)
    os.remove(os.path.join(folder, "stack.o"))
    rest = ("application.o", "hooks.o", "start.o")
    program.link("-Wl,-Map=program.map", "libvendor.a", objects=rest)
    report = verify(t, program, "--fix", "--map", "program.map")
    expect("link stack.o too, before libvendor.a" in json.dumps(report["fixes"]), f"{report['fixes']}")
    apply(report["fixes"], folder)
    again = verify(t, program.link("libvendor.a", objects=("stack.o", *rest)))
    expect(not again["escapes"], f"{again}")


@check
def a_repaired_program_runs_through_the_hooks(t, folder):
    # the same on the machine the test runs on, with a C library: exit status is the number of hooked calls
    place = folder
    common = ["cc", "-static", "-fno-pie", "-no-pie", "-g", "-O1", "-DSTACK_USES_ITSELF"]
    for source in ("stack", "application", "hooks"):
        shell([*common, "-c", os.path.join(HERE, source + ".c"), "-o", source + ".o"], place)
    link = [*common, "stack.o", "application.o", "hooks.o", *WRAP, "-Wl,-Map=program.map", "-o", "program.elf"]
    shell(link, place)
    expect(harness.run(["./program.elf"], cwd=place).status == 2, "the calls within the object were hooked already")
    result = harness.run([t.unpaired, "verify", "--format=json", "--fix", "--map", "program.map", "program.elf"], cwd=place)
    apply(json.loads(result.stdout)["fixes"], place)
    shell(link, place)
    status = harness.run(["./program.elf"], cwd=place).status
    expect(status == 7, f"{status} of 7 calls came through the hooks")


@check
def without_a_map_the_lines_say_what_is_to_be_filled_in(t, folder):
    report = verify(t, Program(folder, "thumb").link(), "--fix")
    text = json.dumps(report["fixes"])
    expect("OBJECT" in text and "--map" in text and "stack.c" in text, text)


@check
def a_forgotten_linker_flag_is_named(t, folder):
    program = Program(folder, "thumb", uses=()).link("-Wl,--wrap=session_open", "-Wl,--defsym=__real_session_close=0",
                                                     wrap=False)
    report = verify(t, program, "--fix")
    expect([(e["function"], e["caller"], e["cause"]) for e in report["escapes"]] ==
           [("session_close", "main", "not-wrapped")], f"{report}")
    expect("-Wl,--wrap=session_close" in json.dumps(report["fixes"]), f"{report['fixes']}")


@check
def link_time_optimisation_is_named(t, folder):
    lto = ["-flto", "-O2"]
    program = Program(folder, "thumb", special={"stack": lto, "application": lto, "start": lto}).link("-flto", "-O2")
    report = verify(t, program, "--fix")
    expect(report["escapes"] and all(e["cause"] == "lto" for e in report["escapes"]), f"{report}")
    expect("-fno-lto" in json.dumps(report["fixes"]), f"{report['fixes']}")
    # and the advice is right: the application may keep LTO
    shutil.rmtree(folder)
    os.mkdir(folder)
    program = Program(folder, "thumb", uses=(), special={"application": lto, "start": lto}).link("-flto", "-O2")
    report = verify(t, program)
    expect(not report["escapes"] and report["hooked"] == 2, f"{report}")


@check
def what_link_time_optimisation_inlined_is_found(t, folder):
    lto = ["-flto", "-O2"]
    program = Program(folder, "thumb", uses=("STACK_MAY_BE_INLINED",),
                      special={"stack": lto, "application": lto, "start": lto}).link("-flto", "-O2")
    report = verify(t, program)
    expect(all(e["cause"] == "lto" for e in report["escapes"]), f"{report}")
    expect("inlined" in {e["kind"] for e in report["escapes"]}, f"{report}")
    expect({e["function"] for e in report["escapes"]} == {"session_open", "session_close"}, f"{report}")


@check
def what_its_own_file_inlined_is_found(t, folder):
    report = verify(t, Program(folder, "thumb", flags=["-O2"],
                               uses=("STACK_USES_ITSELF", "STACK_MAY_BE_INLINED")).link(), "--fix")
    inlined = [e for e in report["escapes"] if e["kind"] == "inlined"]
    expect(inlined and all(e["cause"] == "inlined" and e["file"].endswith("stack.c") for e in inlined), f"{report}")
    expect("noinline" in json.dumps(report["fixes"]), f"{report['fixes']}")


@check
def a_number_that_looks_like_an_address_is_told_apart_by_relocations(t, folder):
    program = Program(folder, "thumb", uses=()).link()
    symbols = subprocess.run(["arm-none-eabi-nm", program.elf], capture_output=True, text=True, check=True).stdout
    address = int(re.search(r"^([0-9a-f]+) . session_open$", symbols, re.M).group(1), 16) | 1
    with open(os.path.join(folder, "number.c"), "w", encoding="utf-8") as file:
        file.write(f"const unsigned number __attribute__((used)) = {address}u;\n")
    shell([program.compiler, *program.options, "-c", "number.c"], folder)
    objects = ("stack.o", "application.o", "hooks.o", "start.o", "number.o")
    expect(edges(verify(t, program.link(objects=objects))) == [("number", "word", "session_open")], "not suspected")
    report = verify(t, program.link("-Wl,-q", objects=objects))
    expect(not report["escapes"] and report["exact"], f"{report}")


@check
def callers_that_are_allowed_are_no_finding(t, folder):
    report = verify(t, Program(folder, "thumb").link(), "--allow=stack_*")
    expect(not report["escapes"] and report["allowed"] == len(CALLS), f"{report}")


@check
def without_a_dictionary_the_wrap_symbols_say_what_is_followed(t, folder):
    report = verify(t, Program(folder, "thumb", flags=["-O2"], extra=["-DNO_DICTIONARY"]).link())
    expect(set(edges(report)) == CALLS, f"{edges(report)}")


@check
def newlib_and_its_own_callers_are_hooked_completely(t, folder):
    with open(os.path.join(folder, "main.c"), "w", encoding="utf-8") as file:
        file.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
                   "char *text;\nint main(void) { text = strdup(\"a\"); text = realloc(text, 100); printf(\"%s\", text);\n"
                   "free(text); return fopen(\"x\", \"r\") != 0; }\n")
    made = harness.run([t.unpaired, "resources", "--for", "wrap", "--families", "heap-newlib", "-o", "unpaired"], cwd=folder)
    expect(made.status == 0, harness.text(made.stderr))
    with open(os.path.join(folder, "unpaired", "unpaired.mk"), encoding="utf-8") as file:
        sources = re.findall(r"^\S+\.o: (\S+\.c)", file.read(), re.M)
    for specs in (["--specs=nano.specs", "--specs=nosys.specs"], ["--specs=nosys.specs"]):
        shell([tool("arm-none-eabi-gcc"), "-mcpu=cortex-m3", "-mthumb", "-Os", "-g", "-ffunction-sections", *specs,
               f"-I{t.source}/wraplib/include", '-DUNPAIRED_CONFIG_FILE="unpaired/unpaired_config.h"', "-I.", "main.c",
               *sources, "-Wl,@unpaired/unpaired_wrap.rsp", "-Wl,--gc-sections", "-o", "program.elf"], folder)
        result = harness.run([t.unpaired, "verify", "program.elf"], cwd=folder)
        expect(result.status == 0, harness.text(result.stdout + result.stderr))


@check
def what_is_no_firmware_with_hooks_is_one_line(t, folder):
    with open(os.path.join(folder, "empty"), "wb"):
        pass
    with open(os.path.join(folder, "text"), "w", encoding="utf-8") as file:
        file.write("not a program\n")
    for arguments, word in ((["/bin/true"], "symbol table"), (["empty"], "empty"), (["text"], "not an ELF"),
                            (["nowhere.elf"], "No such file"), ([folder], "directory")):
        result = harness.run([t.unpaired, "verify", *arguments], cwd=folder)
        one_line(result, word)
    program = Program(folder, "thumb", uses=()).link()
    harness.run(["arm-none-eabi-objcopy", "-R", ".unpaired_dictionary", program.elf], cwd=folder)
    one_line(harness.run([t.unpaired, "verify", program.elf, "--map", "text"], cwd=folder), "no map")
    with open(os.path.join(folder, "plain.c"), "w", encoding="utf-8") as file:
        file.write("int main(void) { return 0; }\n")
    shell(["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", *BARE, "plain.c", os.path.join(HERE, "start.c"), "-o",
           "plain.elf"], folder)
    one_line(harness.run([t.unpaired, "verify", "plain.elf"], cwd=folder), "neither", "wraplib")


@check
def a_firmware_cut_or_damaged_anywhere_neither_crashes_nor_hangs(t, folder):
    program = Program(folder, "thumb").link("-Wl,-q")
    with open(program.elf, "rb") as file:
        whole = file.read()
    for i in range(60):
        data = bytearray(whole)
        if i % 2:
            del data[len(whole) * i // 60:]
        else:
            for k in range(0, 40):
                at = (i * 7919 + k * 104729) % len(data)
                data[at] ^= 1 << (i % 8)
        with open(os.path.join(folder, "damaged.elf"), "wb") as file:
            file.write(data)
        result = harness.run([t.unpaired, "verify", "--fix", "damaged.elf"], cwd=folder, timeout=60)
        expect(result.status in (0, 1, 2), f"case {i}: status {result.status}: {harness.text(result.stderr)}")


main()
