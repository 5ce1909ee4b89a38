"""resources shows the table, and turns a user's JSON into rows that compile."""
import json
import os
import re
import subprocess

from script import check, expect, harness, main, one_line

POOL = {"spaces": [{"name": "pool_slot", "kind": "NUMBERED"}],
        "families": [{"name": "pool_slot", "space": "pool_slot", "display": "pool slot"}],
        "acquire": [{"family": "pool_slot", "type": "void *", "function": "pool_take",
                     "parameters": [{"type": "void *", "name": "pool"}, {"type": "size_t", "name": "size"}],
                     "succeeded": "ret != 0", "handle": "ret", "bytes": "size"},
                    {"family": "pool_slot", "type": "int", "function": "pool_first", "parameters": [],
                     "succeeded": "ret >= 0", "handle": "ret"}],
        "release": [{"space": "pool_slot", "type": "int", "function": "pool_give",
                     "parameters": [{"type": "void *", "name": "slot"}],
                     "succeeded": "ret == 0", "gone": "ret == 0 || errno != EBUSY", "handle": "slot"},
                    {"space": "pool_slot", "type": "void", "function": "pool_drop",
                     "parameters": [{"type": "void *", "name": "slot"}], "handle": "slot"}],
        "observe": [{"space": "pool_slot", "type": "int", "function": "pool_touch",
                     "parameters": [{"type": "void *", "name": "slot"}], "handle": "slot"}]}
FUNCTIONS = ("pool_take", "pool_first", "pool_give", "pool_drop", "pool_touch")


def rows(t, folder, target):
    path = os.path.join(folder, "pool.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(POOL, file)
    out = os.path.join(folder, "pool.def")
    result = harness.run([t.unpaired, "resources", "--for", target, "--user", path, "-o", out])
    expect(result.status == 0 and result.stdout == b"" and result.stderr == b"", f"{result.status} {result.stderr}")
    printed = harness.run([t.unpaired, "resources", "--for", target, "--user", path])
    with open(out, "rb") as file:
        expect(file.read() == printed.stdout, "the file differs from what is printed")
    return out


@check
def every_function_of_the_table_is_shown(t, folder):
    result = harness.run([t.unpaired, "resources"])
    expect(result.status == 0, f"{result.status}")
    text = harness.text(result.stdout, 1 << 20)
    definitions = os.path.join(t.source, "wraplib", "include", "unpaired", "resources")
    source = f'#define UNPAIRED_TABLE_LINUX\n#define UNPAIRED_TABLE_LWIP\n#define UNPAIRED_TABLE_LWIP_MEMORY\n' \
             f'#define UNPAIRED_EACH_FUNCTION(function) function\n#include "{definitions}/table.def"\n'
    names = subprocess.run(["cpp", "-P", "-I", os.path.join(t.source, "wraplib", "include")], input=source, text=True,
                           stdout=subprocess.PIPE, check=True).stdout.split()
    expect(len(names) > 150, f"only {len(names)} functions in the table")
    words = set(text.replace(",", " ").split())
    missing = [n for n in names if n not in words and not n.startswith("_Z")]
    expect(not missing, f"not shown: {missing}")
    expect("operator new" in text and "operator delete[]" in text, "the operators of C++ are not shown")


@check
def rows_expand_to_ids_in_c_and_cxx(t, folder):
    out = rows(t, folder, "preload")
    program = f'#define UNPAIRED_TABLE_LINUX\n#define UNPAIRED_USER_RESOURCES_FILE "{out}"\n' \
              '#include "unpaired/resource_ids.h"\n' + \
              "".join(f"int id_{f} = UNPAIRED_FUNCTION_{f};\n" for f in FUNCTIONS) + \
              "int family = UNPAIRED_FAMILY_pool_slot, space = UNPAIRED_SPACE_pool_slot;\n"
    for compiler in (["cc", "-std=gnu99", "-xc"], ["c++", "-std=c++17", "-xc++"]):
        done = subprocess.run([*compiler, "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I",
                               os.path.join(t.source, "wraplib", "include"), "-"], input=program, text=True,
                              stderr=subprocess.PIPE, check=False)
        expect(done.returncode == 0, done.stderr)


@check
def rows_for_wrap_tell_the_linker_flags(t, folder):
    with open(rows(t, folder, "wrap"), encoding="utf-8") as file:
        text = file.read()
    for function in FUNCTIONS:
        expect(f"-Wl,--wrap={function}\n" in text, f"no flag for {function} in {text}")


@check
def hooks_made_of_the_rows_compile_under_all_warnings(t, folder):
    out = rows(t, folder, "preload")
    program = """#include <cerrno>
#include <cstddef>
#define UNPAIRED_USER_RESOURCES_FILE "%s"
#define UNPAIRED_ACQUIRE(family, type, function, parameters, arguments, succeeded, handle) \\
    extern "C" type real_##function parameters; \\
    extern "C" type function parameters { type ret = real_##function arguments; \\
        return (succeeded) ? (void)(handle), ret : ret; }
#define UNPAIRED_ACQUIRE_SIZED(family, type, function, parameters, arguments, succeeded, handle, bytes) \\
    UNPAIRED_ACQUIRE(family, type, function, parameters, arguments, succeeded && (bytes) != 0, handle)
#define UNPAIRED_RELEASE(space, type, function, parameters, arguments, succeeded, gone, handle) \\
    extern "C" type real_##function parameters; \\
    extern "C" type function parameters { (void)(handle); type ret = real_##function arguments; \\
        return (succeeded) || (gone) ? ret : ret; }
#define UNPAIRED_RELEASE_VOID(space, function, parameters, arguments, handle) \\
    extern "C" void real_##function parameters; \\
    extern "C" void function parameters { (void)(handle); real_##function arguments; }
#define UNPAIRED_OBSERVE(space, type, function, parameters, arguments, handle) \\
    extern "C" type real_##function parameters; \\
    extern "C" type function parameters { (void)(handle); return real_##function arguments; }
#include "unpaired/resources/table.def"
""" % out
    done = subprocess.run(["c++", "-std=c++17", "-xc++", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I",
                           os.path.join(t.source, "wraplib", "include"), "-"], input=program, text=True,
                          stderr=subprocess.PIPE, check=False)
    expect(done.returncode == 0, done.stderr)


def families_of(t):
    with open(os.path.join(t.source, "wraplib", "include", "unpaired", "resources", "table.def"),
              encoding="utf-8") as file:
        return [name for name in re.findall(r"^#ifdef UNPAIRED_TABLE_(\w+)$", file.read(), re.M) if name != "LINUX"]


@check
def the_list_for_the_linker_is_the_table_of_each_family(t, folder):
    include = os.path.join(t.source, "wraplib", "include")
    for name in families_of(t):
        source = f'#define UNPAIRED_TABLE_{name}\n#define UNPAIRED_EACH_FUNCTION(f) --wrap=f\n' \
                 '#include "unpaired/resources/table.def"\n'
        expected = subprocess.run(["cpp", "-P", "-I", include], input=source, text=True, stdout=subprocess.PIPE,
                                  check=True).stdout.replace("= ", "=").split()
        expected = {word for word in expected if word.startswith("--wrap=")}
        result = harness.run([t.unpaired, "resources", "--for", "wrap", "--families",
                              name.lower().replace("_", "-"), "-o", folder])
        expect(result.status == 0, harness.text(result.stderr))
        with open(os.path.join(folder, "unpaired_wrap.rsp"), encoding="utf-8") as file:
            written = {line.strip() for line in file if line.startswith("--wrap=")}
        expect(written == expected and expected, f"{name}: {written ^ expected}")
        with open(os.path.join(folder, "unpaired_config.h"), encoding="utf-8") as file:
            expect(f"#define UNPAIRED_TABLE_{name}\n" in file.read(), f"{name} is not defined")


@check
def what_a_firmware_cannot_choose_is_one_line_with_what_it_can(t, folder):
    for arguments, words in ((["--families", "heap"], ("heap-newlib", "heap-libc")),
                             (["--families", "lwip,nothing"], ("nothing", "freertos")),
                             (["--families", "lwip", "--port", "vxworks"], ("vxworks", "bare_metal", "posix")),
                             (["--families", "lwip", "--sink", "smoke"], ("smoke", "none", "uart")),
                             (["--families", "lwip", "-o", "a b"], ("a b",)),
                             (["--families", "lwip", "-o", "/proc/none"], ("/proc/none",))):
        one_line(harness.run([t.unpaired, "resources", "--for", "wrap", *arguments], cwd=folder), *words)
    one_line(harness.run([t.unpaired, "resources", "--for", "preload", "--families", "lwip"]), "wrap")
    one_line(harness.run([t.unpaired, "resources", "--families", "lwip"]), "--for wrap")


@check
def a_sink_has_something_to_send_unless_told_otherwise(t, folder):
    for sink, settings in (("none", []), ("uart", ["UNPAIRED_RING 64", "UNPAIRED_SEND_AT_ONCE 1"])):
        result = harness.run([t.unpaired, "resources", "--for", "wrap", "--families", "lwip", "--sink", sink, "-o", sink],
                             cwd=folder)
        expect(result.status == 0, harness.text(result.stderr))
        with open(os.path.join(folder, sink, "unpaired_config.h"), encoding="utf-8") as file:
            config = file.read()
        expect(all(f"#define {setting}\n" in config for setting in settings), config)
        expect(("UNPAIRED_RING" in config) == bool(settings), config)


@check
def declared_resources_join_the_table_of_a_firmware(t, folder):
    with open(os.path.join(folder, "pool.json"), "w", encoding="utf-8") as file:
        json.dump(POOL, file)
    result = harness.run([t.unpaired, "resources", "--for", "wrap", "--families", "heap-libc", "--port", "posix",
                          "--user", "pool.json", "-o", "out"], cwd=folder)
    expect(result.status == 0, harness.text(result.stderr))
    with open(os.path.join(folder, "out", "unpaired_wrap.rsp"), encoding="utf-8") as file:
        wrapped = file.read().split()
    expect(all(f"--wrap={f}" in wrapped for f in FUNCTIONS), f"{wrapped}")
    with open(os.path.join(folder, "Makefile"), "w", encoding="utf-8") as file:
        file.write("CC = cc\nCFLAGS = -Os -ffunction-sections -Wall -Wextra -Werror\nall:\ninclude out/unpaired.mk\n"
                   "all: $(UNPAIRED_OBJECTS)\n")
    result = harness.run(["make", "-s"], cwd=folder)
    expect(result.status == 0, harness.text(result.stderr))
    names = "".join(subprocess.run(["nm", os.path.join(folder, "out", f)], text=True, stdout=subprocess.PIPE,
                                   check=True).stdout for f in os.listdir(os.path.join(folder, "out")) if f.endswith(".o"))
    expect(all(f" T __wrap_{f}\n" in names for f in FUNCTIONS), f"no hooks: {names}")


main()
