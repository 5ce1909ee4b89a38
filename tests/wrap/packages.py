"""The package files of other worlds are sound: they parse, name files that exist, and run under stubs of their tools."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "commands"))
from script import check, expect, harness, main  # noqa: E402

COMPILER = "arm-none-eabi-gcc"


def wraplib(t, *more):
    return os.path.join(t.source, "wraplib", *more)


def load(t, *name):
    with open(wraplib(t, *name), encoding="utf-8") as file:
        if name[-1].endswith(".json"):
            return json.load(file)
        try:
            import yaml
        except ImportError:
            raise harness.Broken("python3-yaml is missing; scripts/setup installs what the tests need") from None
        return yaml.safe_load(file)


def project_version(t):
    with open(os.path.join(t.source, "CMakeLists.txt"), encoding="utf-8") as file:
        return re.search(r"project\(unpaired VERSION ([0-9.]+)", file.read()).group(1)


@check
def manifests_parse_and_have_the_version_of_the_project(t, _):
    expect(load(t, "idf_component.yml")["version"] == project_version(t), "idf_component.yml")
    expect(load(t, "library.json")["version"] == project_version(t), "library.json")
    expect(load(t, "package.json")["enable"] == "PKG_USING_UNPAIRED", "package.json")


@check
def files_that_manifests_name_exist(t, _):
    build = load(t, "zephyr", "module.yml")["build"]
    expect(os.path.isfile(wraplib(t, build["cmake"], "CMakeLists.txt")), "module.yml: cmake")
    expect(os.path.isfile(wraplib(t, build["kconfig"])), "module.yml: kconfig")
    build = load(t, "library.json")["build"]
    expect(os.path.isfile(wraplib(t, build["extraScript"])), "library.json: extraScript")
    expect(os.path.isdir(wraplib(t, build["includeDir"])), "library.json: includeDir")


def wrapped(text):
    return set(re.findall(r"--wrap=(\w+)", text))


@check
def the_sconscript_of_rt_thread_builds_the_group(t, folder):
    for name in ("rtconfig", "building"):
        with open(os.path.join(folder, name + ".py"), "w", encoding="utf-8") as file:
            file.write(f"CC, EXEC_PATH = {COMPILER!r}, ''\n" if name == "rtconfig" else
                       "import glob, os\nfound = {}\nvalues = {'PKG_UNPAIRED_FAMILIES': '\"rtthread,lwip\"', "
                       "'PKG_UNPAIRED_SINK': '\"uart\"'}\n"
                       f"def GetCurrentDir(): return {wraplib(t)!r}\n"
                       "def GetDepend(name): return name in values\ndef GetConfigValue(name): return values[name]\n"
                       f"def Glob(pattern): return glob.glob(os.path.join({wraplib(t)!r}, pattern))\n"
                       "def DefineGroup(name, src, depend, **more): found.update(name=name, src=src, depend=depend, "
                       "**more); return found\ndef Return(name): pass\n")
    code = f"import json, building; exec(open({wraplib(t, 'SConscript')!r}).read(), {{}}); " \
           "print(json.dumps(building.found))"
    done = subprocess.run([sys.executable, "-B", "-c", code], env={**os.environ, "PYTHONPATH": folder}, text=True,
                          capture_output=True, check=False, timeout=60)
    expect(done.returncode == 0, done.stderr)
    group = json.loads(done.stdout)
    expect(group["name"] == "unpaired" and group["depend"] == ["PKG_USING_UNPAIRED"], f"{group}")
    expect({"rt_malloc", "rt_free", "lwip_socket"} <= wrapped(group["LINKFLAGS"]), f"{group['LINKFLAGS']}")
    for source in group["src"]:
        expect(os.path.isfile(wraplib(t, source)), f"no {source}")
    expect(any("ports/rtthread" in s for s in group["src"]) and any("sinks" in s for s in group["src"]), f"{group['src']}")
    expect("UNPAIRED_TABLE_RTTHREAD" in group["CPPDEFINES"], f"{group['CPPDEFINES']}")


@check
def the_script_of_platformio_sets_the_firmware_up(t, folder):
    with open(os.path.join(folder, "run.py"), "w", encoding="utf-8") as file:
        file.write(f"""import json, sys, types
class Env:
    def __init__(self): self.appended = {{}}
    def Dir(self, _): return self
    def srcnode(self): return self
    def get_abspath(self): return {wraplib(t)!r}
    def GetProjectOption(self, name, default): return {{"custom_unpaired_families": "newlib, freertos",
                                                        "custom_unpaired_port": "freertos"}}.get(name, default)
    def subst(self, _): return {COMPILER!r}
    def Append(self, **more): self.appended.update(more)
library, project = Env(), Env()
script = types.ModuleType("SCons.Script")
script.Import, script.DefaultEnvironment = lambda _: None, lambda: project
sys.modules["SCons"], sys.modules["SCons.Script"] = types.ModuleType("SCons"), script
exec(open({wraplib(t, 'platformio.py')!r}).read(), {{"env": library}})
print(json.dumps([library.appended, project.appended]))
""")
    done = subprocess.run([sys.executable, "-B", "run.py"], cwd=folder, text=True, capture_output=True, check=False,
                          timeout=60)
    expect(done.returncode == 0, done.stderr)
    library, project = json.loads(done.stdout)
    expect(library["CPPDEFINES"] == ["UNPAIRED_TABLE_NEWLIB", "UNPAIRED_TABLE_FREERTOS"], f"{library}")
    expect(library["SRC_FILTER"] == ["+<ports/freertos/*.c>"], f"{library}")
    expect({"_malloc_r", "pvPortMalloc"} <= wrapped(" ".join(project["LINKFLAGS"])), f"{project}")


def configure(folder, text):
    with open(os.path.join(folder, "CMakeLists.txt"), "w", encoding="utf-8") as file:
        file.write(text)
    with open(os.path.join(folder, "main.c"), "w", encoding="utf-8") as file:
        file.write("int main(void) { return 0; }\n")
    result = harness.run(["cmake", "-S", folder, "-B", os.path.join(folder, "build"), f"-DCMAKE_C_COMPILER={COMPILER}",
                          "-DCMAKE_SYSTEM_NAME=Generic", "-DCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY"], timeout=120)
    expect(result.status == 0, harness.text(result.stderr))
    return harness.text(result.stdout, 1 << 20)


def response_file(folder):
    for where, _, files in os.walk(os.path.join(folder, "build")):
        if "unpaired_wrap.rsp" in files:
            with open(os.path.join(where, "unpaired_wrap.rsp"), encoding="utf-8") as file:
                return file.read()
    raise harness.Failed("no unpaired_wrap.rsp was written")


@check
def the_component_of_esp_idf_configures_under_a_stub(t, folder):
    configure(folder, f"""cmake_minimum_required(VERSION 3.16)
project(stub C)
set(ESP_PLATFORM 1)
set(UNPAIRED_SINK uart CACHE STRING "")
macro(idf_component_register)
  cmake_parse_arguments(_c "" "" "SRCS;INCLUDE_DIRS;PRIV_REQUIRES" ${{ARGN}})
  set(COMPONENT_LIB __idf_unpaired)
  add_library(${{COMPONENT_LIB}} STATIC ${{_c_SRCS}})
  message("sources: ${{_c_SRCS}}")
endmacro()
add_subdirectory("{wraplib(t)}" unpaired)
add_executable(app main.c)
target_link_libraries(app __idf_unpaired)
""")
    expect({"heap_caps_malloc", "pvPortMalloc", "lwip_socket"} <= wrapped(response_file(folder)), response_file(folder))


@check
def the_module_of_zephyr_configures_under_a_stub(t, folder):
    configure(folder, f"""cmake_minimum_required(VERSION 3.16)
project(stub C)
set(CONFIG_UNPAIRED y)
set(CONFIG_UNPAIRED_FAMILIES "libc,pthread")
set(CONFIG_UNPAIRED_SINK uart)
foreach(setting SITES FRAMES HANDLES RING)
  set(CONFIG_UNPAIRED_${{setting}} 16)
endforeach()
function(zephyr_library_named name)
  add_library(${{name}} STATIC)
endfunction()
function(zephyr_library_sources)
  foreach(source ${{ARGN}})
    if(NOT EXISTS ${{source}})
      message(FATAL_ERROR "no ${{source}}")
    endif()
  endforeach()
  target_sources(unpaired PRIVATE ${{ARGN}})
endfunction()
function(zephyr_library_compile_definitions)
  target_compile_definitions(unpaired PRIVATE ${{ARGN}})
endfunction()
function(zephyr_library_compile_options)
  target_compile_options(unpaired PRIVATE ${{ARGN}})
endfunction()
function(zephyr_include_directories)
endfunction()
function(zephyr_compile_definitions)
endfunction()
function(zephyr_ld_options)
endfunction()
add_subdirectory("{wraplib(t, 'zephyr')}" unpaired)
""")
    expect({"malloc", "free", "pthread_mutex_init"} <= wrapped(response_file(folder)), response_file(folder))


@check
def every_setting_of_kconfig_is_one_of_the_recorder(t, _):
    with open(wraplib(t, "zephyr", "Kconfig"), encoding="utf-8") as file:
        names = re.findall(r"^config UNPAIRED_(\w+)\n\tint", file.read(), re.M)
    with open(wraplib(t, "include/unpaired/config.h"), encoding="utf-8") as file:
        config = file.read()
    expect(len(names) >= 4, f"{names}")
    for name in names:
        expect(f"#ifndef UNPAIRED_{name}\n" in config, f"config.h knows no UNPAIRED_{name}")


if shutil.which(COMPILER) is None:
    sys.exit(f"{COMPILER} is missing; scripts/setup installs what the tests need")
main()
