"""unpaired_wrap() links the recorder into a target, and a call that escapes fails the build."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "commands"))
from script import check, expect, harness, main  # noqa: E402

ADD_FOLDER = 'add_subdirectory("{source}/wraplib" unpaired)'
ADD_ALL = 'add_subdirectory("{source}" unpaired)'
FETCH = 'include(FetchContent)\nFetchContent_Declare(unpaired SOURCE_DIR "{source}" SOURCE_SUBDIR wraplib)\n' \
        'FetchContent_MakeAvailable(unpaired)'


def project(t, folder, wrap, *, way=ADD_FOLDER, options="", vendor="vendor_sockets.c"):
    """The example's firmware as a CMake project; returns its folder."""
    place = os.path.join(folder, "project")
    if not os.path.isdir(place):
        shutil.copytree(os.path.join(t.source, "examples", "firmware"), place)
    with open(os.path.join(place, "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write(f"""cmake_minimum_required(VERSION 3.16)
project(device C)
add_executable(firmware.elf device.c {vendor} startup.c)
target_compile_options(firmware.elf PRIVATE -mcpu=cortex-m3 -mthumb -Os -g -ffunction-sections {options})
target_link_options(firmware.elf PRIVATE -mcpu=cortex-m3 -mthumb -nostartfiles --specs=nano.specs
  -T ${{CMAKE_CURRENT_SOURCE_DIR}}/mps2_an385.ld -Wl,--gc-sections {options})
target_compile_definitions(firmware.elf PRIVATE UNPAIRED_UART_CMSDK=0x40004000)
{way.format(source=t.source)}
{wrap}
""")
    return place


def configure(t, place, *options, executable=True, generator="Ninja"):
    found = [f"-DUNPAIRED_EXECUTABLE={t.unpaired}"] if executable else ["-DUNPAIRED_EXECUTABLE=UNPAIRED_EXECUTABLE-NOTFOUND"]
    return harness.run(["cmake", "-S", place, "-B", os.path.join(place, "b"), "-G", generator,
                        f"-DCMAKE_TOOLCHAIN_FILE={place}/cortex-m3.cmake", *found, *options], timeout=120,
                       env={**os.environ, "PATH": "/usr/bin:/bin"})


def build(place):
    return harness.run(["cmake", "--build", os.path.join(place, "b")], timeout=240)


def built(t, place, *options):
    result = configure(t, place, *options)
    expect(result.status == 0, harness.text(result.stderr))
    result = build(place)
    expect(result.status == 0, harness.text(result.stdout + result.stderr))
    return result


WRAP = "unpaired_wrap(firmware.elf FAMILIES heap lwip SINK uart RING 64 SEND_AT_ONCE 1 {})"


@check
def every_way_to_add_it_builds_a_firmware_whose_leak_is_reported(t, folder):
    for name, way in (("folder", ADD_FOLDER), ("repository", ADD_ALL), ("fetch", FETCH)):
        own = os.path.join(folder, name)
        os.mkdir(own)
        place = project(t, own, WRAP.format("ALLOW vendor_is_reachable"), way=way)
        result = built(t, place)
        expect(b"no call escapes the hooks" in result.stdout, harness.text(result.stdout))
        uart = os.path.join(own, "uart.bin")
        harness.run(["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial",
                     f"file:{uart}", "-semihosting-config", "enable=on,target=native", "-kernel",
                     f"{place}/b/firmware.elf"], timeout=60)
        report = harness.run([t.unpaired, "report", uart, "--elf", f"{place}/b/firmware.elf"])
        expect(report.status == 1 and b"8 of 8 heap blocks" in report.stdout,
               harness.text(report.stdout + report.stderr))


@check
def a_missed_edge_fails_the_build_and_the_next_build_too(t, folder):
    for generator in ("Ninja", "Unix Makefiles"):
        own = os.path.join(folder, generator)
        os.mkdir(own)
        place = project(t, own, WRAP.format(""))
        expect(configure(t, place, generator=generator).status == 0, "does not configure")
        for _ in range(2):
            result = build(place)
            shown = harness.text(result.stdout + result.stderr)
            expect(result.status != 0 and "vendor_is_reachable calls lwip_socket itself" in shown, f"{generator}: {shown}")
            expect("objcopy --redefine-sym lwip_socket=__wrap_lwip_socket" in shown, shown)
    place = project(t, folder, WRAP.format("NO_VERIFY"))
    built(t, place)


@check
def lto_of_the_target_leaves_the_recorder_alone_and_is_named_where_it_hides_calls(t, folder):
    place = project(t, folder, WRAP.format(""), options="-flto")
    expect(configure(t, place).status == 0, "does not configure")
    shown = harness.text(build(place).stdout)
    expect("LTO resolved it before the linker could wrap it" in shown and "-fno-lto" in shown, shown)


@check
def the_build_id_is_in_the_image_and_the_recorder_knows_where(t, folder):
    place = project(t, folder, WRAP.format("ALLOW vendor_is_reachable"))
    built(t, place)
    elf = f"{place}/b/firmware.elf"
    symbols = subprocess.run(["arm-none-eabi-nm", elf], capture_output=True, text=True, check=True).stdout
    sections = subprocess.run(["arm-none-eabi-readelf", "-SW", elf], capture_output=True, text=True, check=True).stdout
    symbol = re.search(r"^([0-9a-f]+) . unpaired_build_id_note$", symbols, re.M)
    note = re.search(r"\.note\.gnu\.build-id +NOTE +([0-9a-f]+) .* A ", sections)
    expect(symbol and note and symbol.group(1) == note.group(1) != "00000000", f"{symbols}\n{sections}")


@check
def the_list_follows_the_table_and_the_c_library(t, folder):
    wrap = "unpaired_wrap(firmware.elf FAMILIES heap NO_VERIFY)"
    place = project(t, folder, wrap)
    expect(configure(t, place).status == 0, "does not configure")
    with open(f"{place}/b/unpaired/firmware.elf/wrap.rsp", encoding="utf-8") as file:
        newlib = set(file.read().split())
    expect("--wrap=_malloc_r" in newlib and "--wrap=malloc" not in newlib, f"{newlib}")
    project(t, folder, wrap, options="--specs=picolibc.specs")
    expect(configure(t, place).status == 0, "does not configure")
    with open(f"{place}/b/unpaired/firmware.elf/wrap.rsp", encoding="utf-8") as file:
        picolibc = set(file.read().split())
    expect("--wrap=malloc" in picolibc and "--wrap=_malloc_r" not in picolibc, f"{picolibc}")


@check
def wrong_names_are_told_with_those_that_are(t, folder):
    for wrap, words in (("unpaired_wrap(firmware.elf FAMILIES heaps)", ("heaps", "heap, newlib", "lwip")),
                        ("unpaired_wrap(firmware.elf FAMILIES lwip PORT vxworks)", ("vxworks", "freertos")),
                        ("unpaired_wrap(firmware.elf FAMILIES lwip SINK smoke)", ("smoke", "none", "uart")),
                        ("unpaired_wrap(firmware.elf FAMILIES lwip SITES many)", ("SITES", "many")),
                        ("unpaired_wrap(firmware.elf FAMILIES lwip CONFIG nowhere.h)", ("nowhere.h",)),
                        ("unpaired_wrap(firmware.elf FAMILIES lwip SPEED 9)", ("SPEED",)),
                        ("unpaired_wrap(firmware.elf)", ("FAMILIES",)),
                        ("unpaired_wrap(nobody FAMILIES lwip)", ("nobody", "no such target"))):
        result = configure(t, project(t, folder, wrap))
        shown = " ".join(harness.text(result.stderr).split())
        expect(result.status != 0 and all(word in shown for word in words), f"{wrap}: {shown}")


@check
def settings_and_a_port_of_ones_own_reach_the_recorder(t, folder):
    place = project(t, folder, "unpaired_wrap(firmware.elf FAMILIES lwip PORT my_port.c CONFIG my_config.h SITES 5 "
                               "ALLOW vendor_is_reachable)")
    with open(f"{place}/my_port.c", "w", encoding="utf-8") as file:
        file.write('#include "unpaired/port.h"\n#if UNPAIRED_SITES != 5 || UNPAIRED_FRAMES != 3\n#error settings\n#endif\n'
                   "uint32_t unpaired_port_time_ms(void) { return 7; }\n")
    with open(f"{place}/my_config.h", "w", encoding="utf-8") as file:
        file.write("#define UNPAIRED_FRAMES 3\n")
    built(t, place)


@check
def without_the_program_unpaired_nobody_checks_and_cmake_says_so(t, folder):
    place = project(t, folder, WRAP.format(""))
    result = configure(t, place, executable=False)
    shown = " ".join(harness.text(result.stderr).split())
    expect(result.status == 0 and "NOBODY CHECKS" in shown and "UNPAIRED_EXECUTABLE" in shown, shown)
    expect(build(place).status == 0, "does not build")


main()
