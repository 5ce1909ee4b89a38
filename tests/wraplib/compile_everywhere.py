#!/usr/bin/env python3
"""The recorder's sources compile without a warning for each machine, with every table and at the ends of the settings.

    compile_everywhere.py WRAPLIB RESOURCES    the folder, and a .def file of a user's
Exit status: 0, 1 a file does not compile, 2 a compiler is missing.
"""
import pathlib
import subprocess
import sys
import tempfile

WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wshadow", "-Wpedantic", "-Wno-overlength-strings", "-Werror", "-Os"]
FIRMWARE = ["FREERTOS", "RTTHREAD", "LWIP", "LWIP_MEMORY", "ESP", "WAMR"]
HOST = ["LIBC", "PTHREAD", "PTHREAD_HELD", "LWIP", "WAMR"]
MACHINES = {
    "Cortex-M3, newlib": (["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"], ["NEWLIB", *FIRMWARE]),
    "Cortex-M0, newlib-nano": (["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb", "--specs=nano.specs"],
                               ["NEWLIB", *FIRMWARE]),
    "RV32, picolibc": (["riscv64-unknown-elf-gcc", "-march=rv32imac", "-mabi=ilp32", "--specs=picolibc.specs"],
                       ["LIBC", *FIRMWARE]),
    "RV64, picolibc": (["riscv64-unknown-elf-gcc", "-march=rv64imac", "-mabi=lp64", "-mcmodel=medany",
                        "--specs=picolibc.specs"], ["LIBC", *FIRMWARE]),
    "this machine, gcc": (["gcc"], HOST),
    "this machine, clang": (["clang"], HOST),
}
SETTINGS = [
    [],
    ["FRAMES=1", "HANDLES=0", "ANOMALIES=0", "MARKS=0"],
    ["FRAMES=31", "SITES=4094", "RING=256", "TASKS=8", "NESTING=2", "SEND_AT_ONCE=1"],
    ["SITES=1", "HANDLES=1", "ANOMALIES=1", "MARKS=1", "RING=1", "RAM_SECTION=__attribute__((section(\".noinit\")))"],
]


def main(arguments):
    wraplib, resources = (pathlib.Path(argument).resolve() for argument in arguments)
    sources = sorted((wraplib / "src").glob("*.c"))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
        for machine, (compiler, tables) in MACHINES.items():
            for settings in SETTINGS:
                macros = [f"-DUNPAIRED_TABLE_{table}" for table in tables]
                macros += [f"-DUNPAIRED_{setting}" for setting in settings]
                macros += [f'-DUNPAIRED_USER_RESOURCES_FILE="{resources}"']
                command = [*compiler, *WARNINGS, *macros, f"-I{wraplib / 'include'}", "-c", *map(str, sources)]
                try:
                    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
                except FileNotFoundError:
                    print(f"{compiler[0]} is missing; scripts/setup installs it", file=sys.stderr)
                    return 2
                if result.returncode != 0:
                    failed += 1
                    print(f"{machine}, {' '.join(settings) or 'defaults'}:\n{result.stderr}", file=sys.stderr)
    print(f"{len(MACHINES) * len(SETTINGS)} builds of {len(sources)} files, {failed} failed")
    return 1 if failed or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
