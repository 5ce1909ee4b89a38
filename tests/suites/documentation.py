"""docs/test-suites.md says what is true: its examples run, in the order they stand there, and give what it shows."""
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scenario", "commands"))
from script import blocks, check, expect, harness, main  # noqa: E402


def page_of(t):
    with open(os.path.join(t.source, "docs", "test-suites.md"), encoding="utf-8") as file:
        return file.read()


def need(*names):
    for name in names:
        if shutil.which(name) is None:
            raise harness.Broken(f"{name} is missing; scripts/setup installs what the tests need")


def write(folder, name, text):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text)


def environment(t):
    return {**os.environ, "PATH": os.path.dirname(t.unpaired) + os.pathsep + os.environ["PATH"]}


def ran(t, folder, *command, statuses=(0,)):
    """Output of a command, both streams."""
    done = subprocess.run(command, cwd=folder, env=environment(t), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    expect(done.returncode in statuses, f"status {done.returncode} of {' '.join(command)}\n{done.stdout}")
    return done.stdout


def compiled(t, folder):
    """The page's program in the folder, and the text of the page."""
    page = page_of(t)
    source, = blocks(page, "c")
    write(folder, "server_test.c", source)
    ran(t, folder, "sh", "-e", "-c", blocks(page, "sh")[0])
    return page


def package_of(t):
    """Where the CMake package of the tree is that the command belongs to."""
    root = os.path.dirname(os.path.dirname(t.unpaired))
    package, = (place for place, _, files in os.walk(os.path.join(root, "lib")) if "unpairedConfig.cmake" in files)
    return package


@check
def the_commands_run_one_after_the_other_and_give_what_the_page_shows(t, folder):
    need("cc", "meson", "ninja")
    page = compiled(t, folder)
    write(folder, "meson.build", "project('suite', 'c')\n"
          "test('server', executable('server_test', 'server_test.c'))\n")
    commands, output = blocks(page, "sh"), []
    expect(len(commands) == 7, f"{len(commands)} blocks of commands")
    for block in commands[1:]:
        output.append(ran(t, folder, "sh", "-e", "-c", block))
    wanted = {0: "10 of 10 sockets never closed: socket in main, server_test.c:6",
              2: "1 suppression matched nothing:\n  known.supp:3  leak:libancient.so",
              4: "10 of 10 sockets", 5: "server_test: 1 grown (baseline.json -> suite.json)"}
    for number, text in wanted.items():
        expect(text in output[number], f"no '{text}' in the output of\n{commands[number + 1]}\n{output[number]}")
    expect(re.search(r"1/1 server +ERROR .*exit status 99", output[3]), f"Meson: {output[3]}")
    shown, = blocks(page, "")
    pattern = re.sub(r"process\\ \d+", r"process \\d+", re.escape(shown)).replace(r"0\.0\ s", r"[\d.]+ s")
    expect(re.search(pattern, output[1]), f"not as shown:\n{output[1]}")


@check
def the_cmake_examples_make_a_project(t, folder):
    need("cmake", "ctest")
    page = compiled(t, folder)
    first, second = blocks(page, "cmake")
    write(folder, "CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(suite LANGUAGES C)\n" + first + second)
    write(folder, "known.supp", "socket:main max=10\n")
    ran(t, folder, "unpaired", "run", "--output", "json:baseline.json", "--", "./server_test")
    ran(t, folder, "cmake", "-S", ".", "-B", "b", f"-Dunpaired_DIR={package_of(t)}", "-DCMAKE_BUILD_TYPE=Debug")
    ran(t, folder, "cmake", "--build", "b")
    expect("3 tests passed" in ran(t, folder, "ctest", "--test-dir", "b").replace("0 tests failed out of 3", "3 tests passed"),
           "not all three pass")
    with open(os.path.join(folder, "b", "results", "server_as_before.json"), encoding="utf-8") as file:
        finding, = json.load(file)["images"][0]["findings"]
    expect(finding["baseline"] == {"count": 10, "bytes": 0, "per_cycle": 0.0, "grown": False}, f"{finding}")
    # and: JUnit's file has it as a test that was skipped
    suites = xml.etree.ElementTree.parse(os.path.join(folder, "b", "results", "server_as_before.xml")).getroot()
    skipped = [case.get("name") for case in suites.iter("testcase") if case.find("skipped") is not None]
    expect(len(skipped) == 1 and "socket" in skipped[0] and not list(suites.iter("failure")), f"{skipped}")


@check
def a_test_that_fails_leaves_junit_and_sarif_files_with_paths_of_the_checkout(t, folder):
    need("cmake", "ctest")
    compiled(t, folder)
    os.mkdir(os.path.join(folder, "src"))
    shutil.move(os.path.join(folder, "server_test.c"), os.path.join(folder, "src"))
    write(folder, "CMakeLists.txt", "cmake_minimum_required(VERSION 3.25)\nproject(suite LANGUAGES C)\n"
          "find_package(unpaired REQUIRED)\nenable_testing()\nadd_executable(server_test src/server_test.c)\n"
          'unpaired_add_test(NAME "it serves" COMMAND server_test JUNIT results SARIF results)\n')
    ran(t, folder, "cmake", "-S", ".", "-B", "b", f"-Dunpaired_DIR={package_of(t)}", "-DCMAKE_BUILD_TYPE=Debug")
    ran(t, folder, "cmake", "--build", "b")
    expect("10 of 10 sockets" in ran(t, folder, "ctest", "--test-dir", "b", "--output-on-failure", statuses=(8,)), "passed")
    results = os.path.join(folder, "b", "results")
    expect(sorted(os.listdir(results)) == ["it_serves.sarif", "it_serves.xml"], f"{os.listdir(results)}")
    failure, = xml.etree.ElementTree.parse(os.path.join(results, "it_serves.xml")).getroot().iter("failure")
    expect("10 of 10 sockets" in failure.get("message"), f"{failure.attrib}")
    with open(os.path.join(results, "it_serves.sarif"), encoding="utf-8") as file:
        result, = json.load(file)["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    expect(place["artifactLocation"] == {"uri": "src/server_test.c", "uriBaseId": "SRCROOT"}, f"{place}")
    expect(place["region"]["startLine"] == 6, f"{place}")


@check
def the_conftest_fails_the_test_whose_program_leaks(t, folder):
    need("pytest-3")
    page = compiled(t, folder)
    conftest, tests = blocks(page, "python")
    write(folder, "conftest.py", conftest)
    write(folder, "test_programs.py", tests)
    output = ran(t, folder, "pytest-3", "-p", "no:cacheprovider", statuses=(1,))
    expect("1 failed, 1 passed" in output, output)
    expect("10 of 10 sockets never closed: socket in main, server_test.c:6" in output, output)
    expect("FAILED test_programs.py::test_server" in output, output)


@check
def the_workflow_is_yaml_and_uploads_one_file(t, folder):
    import yaml
    text, = blocks(page_of(t), "yaml")
    steps = yaml.safe_load(text)["jobs"]["test"]["steps"]
    upload, = (step for step in steps if "upload-sarif" in step.get("uses", ""))
    expect(upload["with"]["sarif_file"] == "unpaired.sarif", f"{upload}")
    report, = (step["run"] for step in steps if "sarif:" in step.get("run", ""))
    expect("sarif:" + upload["with"]["sarif_file"] in report, report)


main()
