#!/usr/bin/env python3
"""Compiles every port and sink as strict C99 for each processor it is for; prints what the compiler says."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
WRAPLIB = HERE.parent.parent / "wraplib"
ARM, RISCV, HOST = "arm", "riscv", "host"
# file below wraplib/ports -> [(processor, options)]
CASES = {
    "bare_metal/port.c": [(ARM, []), (RISCV, ["-DUNPAIRED_BARE_METAL_MS=42u", "-DUNPAIRED_BARE_METAL_RAM=0x80000000u",
                                              "-DUNPAIRED_BARE_METAL_RAM_END=0x80010000u"])],
    "freertos/port.c": [(p, ["-Istubs/freertos_kernel", *o]) for p in (ARM, RISCV) for o in ([], ["-DUNPAIRED_PORT_LOCK"])],
    "rtthread/port.c": [(p, ["-Istubs/rtthread", *o]) for p in (ARM, RISCV)
                        for o in ([], ["-DUNPAIRED_PORT_LOCK"], ["-DSTUB_RTTHREAD_5"])],
    "espidf/port.c": [(RISCV, ["-Istubs/espidf", "-DUNPAIRED_PORT_LOCK"])],
    "zephyr/port.c": [(p, ["-Istubs/zephyr", *o]) for p in (ARM, RISCV) for o in ([], ["-DUNPAIRED_PORT_LOCK"])],
    "posix/port.c": [(HOST, []), (HOST, ["-DUNPAIRED_RING=64"])],
    "sinks/semihosting.c": [(ARM, []), (RISCV, [])],
    "sinks/uart.c": [(ARM, ["-DUNPAIRED_UART_CMSDK=0x40004000"]), (RISCV, ["-DUNPAIRED_UART_16550=0x10000000"]), (ARM, [])],
    "sinks/rtt.c": [(ARM, []), (RISCV, [])],
    "sinks/udp.c": [(HOST, []), (HOST, ["-DUNPAIRED_UDP_LWIP", "-DUNPAIRED_TABLE_LWIP", "-D_GNU_SOURCE", "-isystem/usr/include/lwip"])],
    "sinks/file.c": [(HOST, [])],
}
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-Os", "-c", f"-I{WRAPLIB}/include"]


def main():
    parser = argparse.ArgumentParser()
    for processor in (ARM, RISCV, HOST):
        parser.add_argument(f"--{processor}", required=True, help="compiler")
    arguments = vars(parser.parse_args())
    compilers = {ARM: [arguments[ARM], "-mcpu=cortex-m3", "-mthumb"],
                 RISCV: [arguments[RISCV], "-march=rv32imac", "-misa-spec=2.2", "-mabi=ilp32", "--specs=picolibc.specs"],
                 HOST: [arguments[HOST]]}
    ports = WRAPLIB / "ports"
    problems = [f"{source.relative_to(ports)}: no case in {__file__}" for source in sorted(ports.rglob("*.c"))
                if str(source.relative_to(ports)) not in CASES]
    with tempfile.TemporaryDirectory() as folder:
        for source, cases in CASES.items():
            for processor, options in cases:
                result = subprocess.run([*compilers[processor], *STRICT, *options, str(ports / source),
                                         "-o", f"{folder}/x.o"], cwd=HERE, capture_output=True, text=True, check=False)
                if result.returncode:
                    problems.append(f"{source} for {processor} {' '.join(options)}:\n{result.stderr}")
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
