"""Bad input: one clear line on stderr, exit 2, nothing left behind."""
import json
import os
import re
import shutil
import subprocess

from script import check, expect, harness, main, one_line, tried


@check
def no_command_names_the_first_one_to_use(t, folder):
    one_line(tried(t), "unpaired run -- PROGRAM")


@check
def unknown_commands_and_options_are_named(t, folder):
    one_line(tried(t, "frobnicate"), "frobnicate")
    for command in ("run", "record"):
        one_line(tried(t, command, "--frobnicate", "--", t.program), "--frobnicate", f"unpaired {command} --help")
    one_line(tried(t, "report", "--frobnicate"), "--frobnicate")


# What is refused, for each option of each command: a bad value, and what the line must say of it.
RECORDING = {
    "--locks": [("maybe", "there is no choice 'maybe'; known are off and on")],
    "--reachability": [("", "its value is missing"), ("maybe", "known are off and on")],
    "--every-event": [("yes", "it takes no value")],
    "--walk": [("dwarf", "there is no choice 'dwarf'; known are frame-pointers and rules"), ("", "its value is missing")],
    "--max-trace": [("3Q", "'3Q' is no size such as 512M"), ("0", "'0'"), ("", "its value is missing")],
    "--cycle": [("acept4", "'acept4'", "did you mean accept4 or accept?"), ("frobnicate", "unpaired resources lists them all")],
    "--owner": [("nonsense", "'nonsense'", "PATTERN=OWNER"), ("f*=TOOLONG", "TOOLONG"), ("=", "'='")],
}
FOLDERS = [("/nowhere", "there is no folder '/nowhere'"), ("/etc/passwd", "'/etc/passwd' is no folder")]
REPORT = {
    "--format": [("jsn", "there is no format 'jsn'; did you mean json?"), ("", "its value is missing")],
    "--output": [("nonsense", "FORMAT:FILE"), ("json:", "FORMAT:FILE"), ("json:/nowhere/report", "/nowhere/report"),
                 ("xml:x", "there is no format 'xml'")],
    "--links": [("maybe", "'maybe' is none of auto, on and off")],
    "--all": [("maybe", "it takes no value")],
    "--fail-on": [("everything", "there is no severity 'everything'; known are leak, note and suspect")],
    "--owner": RECORDING["--owner"],
    "--suppressions": [("/nowhere", "'/nowhere'", "No such file"), ("/", "folder")],
    "--limit": [("socket", "FAMILY=N"), ("=3", "FAMILY=N"), ("socket=x", "'x'"), ("socket=0", "'0'"),
                ("heap=3Q", "'3Q'"), ("socket=4K", "sockets are counted"),
                ("sokcet=4", "there is no family 'sokcet'; did you mean socket?"),
                ("frobnicate=4", "there is no family 'frobnicate'; ")],
    "--sysroot": FOLDERS, "--debug-path": FOLDERS,
    "--debuginfod": [("maybe", "it takes no value")],
}
NOT_OF_DIFF = {
    "--baseline": [("/nowhere", "there is no file '/nowhere'", "--output json:/nowhere")],
    "--source-root": FOLDERS,
}
REFUSED = {
    "run": RECORDING | REPORT | NOT_OF_DIFF | {
        "--format": [*REPORT["--format"], ("bogus", "there is no format 'bogus'; known are folded, html, ")],
        "--keep": [("3", "it takes no value")],
        "--error-exitcode": [("ten", "'ten' is no whole number from 0 to 255"), ("256", "'256'"), ("-1", "'-1'")],
    },
    "record": RECORDING | {"--output": [("/nowhere/trace", "/nowhere/trace"), ("/", "'/'")]},
    "report": REPORT | NOT_OF_DIFF | {
        "--cycle": RECORDING["--cycle"],
        "--follow": [("maybe", "it takes no value")],
        "--interval": [("x", "'x' is no number from 0.1 to 86400"), ("0", "'0'"), ("2", "--follow")],
        "--count": [("0", "'0' is no whole number from 1 "), ("2.5", "'2.5'"), ("2", "--follow")],
        "--elf": [("/nowhere", "/nowhere", "No such file")],
    },
    "diff": REPORT | {
        "--format": [("html", "there is no format of diff 'html'; known are json and text"), ("", "value is missing")],
        "--output": [("html:x", "there is no format of diff 'html'"), ("nonsense", "FORMAT:FILE")],
        "--elf": [("/nowhere", "/nowhere", "No such file")],
    },
    "postmortem": REPORT | NOT_OF_DIFF | {
        "--elf": [("/nowhere", "there is no file '/nowhere'"), ("/", "'/' is a folder")],
        "--base": [("here", "'here' is no address such as 0x20000000")],
        "--sp": [("here", "'here' is no address")],
        "--trace": [("/nowhere", "there is no file '/nowhere'")],
        "--limit": REPORT["--limit"][:6],  # families are those of the image, which is none here
    },
    "ctl": {},
    "resources": {
        "--for": [("device", "there is no target 'device'; known are preload and wrap")],
        "--user": [("/nowhere", "/nowhere")],
        "--families": [("heap-newlob", "there is no family 'heap-newlob'; did you mean heap-newlib?")],
        "--port": [("freertoss", "there is no port 'freertoss'; did you mean freertos?")],
        "--sink": [("usart", "there is no sink 'usart'; did you mean uart?")],
        "--output": [("/proc/x", "/proc/x")],
    },
    "verify": {
        "--fix": [("maybe", "it takes no value")],
        "--map": [("/nowhere", "there is no file '/nowhere'")],
        "--allow": [("", "value is missing")],
        "--format": [("xml", "there is no format 'xml'; known are json and text")],
    },
}


def with_what_it_needs(t, command, trace, option):
    """The command line of a command with a bad option, complete but for that."""
    if command in ("run", "record"):  # it would say what it got, had it been started
        return [command, option, "--", t.program, "state"]
    if command == "resources":
        needed = {"--families": ("--for=wrap",), "--port": ("--for=wrap", "--families=lwip"),
                  "--sink": ("--for=wrap", "--families=lwip"), "--user": ("--for=wrap",),
                  "--output": ("--for=wrap", "--families=lwip")}
        return [command, *needed.get(option.split("=")[0], ()), option]
    if command == "verify":
        return [command, t.program, option]
    return [command, *([trace] * (2 if command == "diff" else 1)), option]


@check
def each_option_of_each_command_refuses_a_bad_value_in_one_line_of_one_shape(t, folder):
    trace = os.path.join(folder, "good.trace")
    harness.run([t.unpaired, "record", "-o", trace, "--", t.program, "status", "0"])
    for command, refused in REFUSED.items():
        # given: all options that --help tells of
        page = harness.text(harness.run([t.unpaired, command, "--help"]).stdout)
        options = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", page, re.M)) - {"--help"}
        expect(options == set(refused), f"{command}: not tried, or not there: {options ^ set(refused)}")
        for option, values in refused.items():
            for value, *words in values:
                result = tried(t, *with_what_it_needs(t, command, trace, f"{option}={value}"), cwd=folder)
                one_line(result, *words)
                expect(harness.text(result.stderr).startswith(f"unpaired {command}: "), result.stderr)
                expect(len(result.stderr) < 300, f"too long to read: {result.stderr}")
    expect(os.listdir(folder) == ["good.trace"], f"left behind: {os.listdir(folder)}")


@check
def what_was_mistyped_is_told_with_what_was_meant(t, folder):
    one_line(tried(t, "reprot"), "there is no command 'reprot'; did you mean report?")
    one_line(tried(t, "frobnicate"), "known are ctl, diff, ")
    one_line(tried(t, "--versoin"), "unknown option '--versoin'; did you mean --version?")
    for arguments in (("report", "--fomat=json", "x"), ("run", "--fomat=json", "--", t.program)):
        one_line(tried(t, *arguments), "unknown option '--fomat'; did you mean --format?", f"unpaired {arguments[0]} --help")
    one_line(tried(t, "report", "x", "--format"), "--format: its value is missing")
    one_line(tried(t, "report", "x", "--format=json", "--format=text"), "--format: it is given more than once")
    one_line(tried(t, "ctl", "1", "mark", "a", "b"), "unpaired ctl: 'b' is one argument too many")
    one_line(tried(t, "diff", "a"), "unpaired diff: NEW is missing")


@check
def a_limit_of_an_unknown_family_is_told_with_what_was_recorded(t, folder):
    trace = os.path.join(folder, "a.trace")
    harness.run([t.unpaired, "record", "-o", trace, "--", t.program, "leak", "3"])
    one_line(tried(t, "report", trace, "--limit=frobnicate=3"), "--limit: there is no family 'frobnicate'; what was "
             "recorded is of ", "socket")


@check
def a_missing_program_is_not_127(t, folder):
    one_line(tried(t, "run"), "PROGRAM")
    one_line(tried(t, "run", "--"), "PROGRAM")
    one_line(tried(t, "run", "--", "no-such-program"), "no-such-program", "PATH")
    one_line(tried(t, "run", "--", "./no-such-program"), "./no-such-program")
    one_line(tried(t, "run", "--", folder), folder)
    one_line(tried(t, "record", "--", "no-such-program", cwd=folder), "no-such-program")
    expect(os.listdir(folder) == [], "a file was left behind")


@check
def names_with_newlines_and_escapes_stay_on_the_line(t, folder):
    for name in ("no\nsuch", "no\x1b[2Jsuch"):
        for arguments in (("run", "--", name), ("report", name), ("ctl", name, "status"), (name,),
                          ("run", "--" + name)):
            result = tried(t, *arguments)
            one_line(result, "no?")
            expect(b"\x1b" not in result.stderr, f"{result.stderr}")


@check
def a_file_that_may_not_be_executed_is_named(t, folder):
    path = os.path.join(folder, "plain")
    with open(path, "w", encoding="utf-8") as file:
        file.write("text\n")
    one_line(tried(t, "run", "--", path), path, "Permission denied")


def compiled(folder, name, *options):
    path = os.path.join(folder, name)
    subprocess.run(["cc", "-xc", "-", "-o", path, *options], input=b"int main(void) { return 0; }", check=True)
    return path


@check
def a_static_program_is_refused_with_what_to_do(t, folder):
    for options in (("-static",), ("-static-pie",)):
        program = compiled(folder, "static", *options)
        one_line(tried(t, "run", "--", program), program, "statically linked", "wraplib")
        one_line(tried(t, "record", "--", program, cwd=folder), "statically linked")


@check
def a_script_is_judged_by_its_interpreter(t, folder):
    program = compiled(folder, "static", "-static")
    script = os.path.join(folder, "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"#!{program} -x\n")
    os.chmod(script, 0o755)
    one_line(tried(t, "run", "--", script), "statically linked", "script")
    with open(script, "w", encoding="utf-8") as file:
        file.write("#!/no/such/interpreter\n")
    one_line(tried(t, "run", "--", script), "/no/such/interpreter")


@check
def a_program_of_another_machine_or_class_is_refused(t, folder):
    program = compiled(folder, "other")
    with open(program, "r+b") as file:
        file.seek(18)  # e_machine
        file.write((8).to_bytes(2, "little"))  # MIPS
    one_line(tried(t, "run", "--", program), program, "MIPS")
    program = compiled(folder, "narrow")
    with open(program, "r+b") as file:
        file.seek(4)  # EI_CLASS
        file.write(b"\x01")
    one_line(tried(t, "run", "--", program), program)


@check
def a_program_on_musl_is_refused(t, folder):
    program = compiled(folder, "musl", "-Wl,--dynamic-linker=/lib/ld-musl-x86_64.so.1")
    one_line(tried(t, "run", "--", program), program, "musl")


@check
def a_program_that_gains_rights_is_refused(t, folder):
    # As root nothing is gained by a file of root's: one of somebody else's is needed, and whoever is not root
    # needs one of root's.
    program = os.path.join(folder, "privileged")
    shutil.copy(t.program, program)
    if os.getuid() == 0:
        os.chown(program, 65534, 65534)
        os.chmod(program, 0o4755)
    else:
        program = shutil.which("su") or "/usr/bin/su"
    if os.statvfs(program).f_flag & os.ST_NOSUID:
        print("        (this mount ignores set-user-ID, so the program gains nothing: only that it runs is checked)")
        expect(harness.run([t.unpaired, "run", "--", program, "status", "0"]).status == 0, "it should have run")
        return
    one_line(tried(t, "run", "--", program, "status", "0"), program, "set-user-ID")


@check
def files_that_are_no_traces_are_named(t, folder):
    empty = os.path.join(folder, "empty.trace")
    open(empty, "w", encoding="utf-8").close()
    text = os.path.join(folder, "text.trace")
    with open(text, "w", encoding="utf-8") as file:
        file.write("UNPAIRED but not really\n" * 1000)
    packed = os.path.join(folder, "packed.trace")
    with open(packed, "wb") as file:
        file.write(b"\x28\xb5\x2f\xfd" + b"\x00" * 64)
    for path in (empty, text, packed, "/etc/passwd", folder, os.path.join(folder, "none.trace"), "/dev/null"):
        one_line(tried(t, "report", path), path)
    one_line(tried(t, "report"), "TRACE")
    if os.getuid() != 0:
        os.chmod(text, 0)
        one_line(tried(t, "report", text), text, "Permission denied")


@check
def a_trace_of_a_newer_major_version_is_refused(t, folder):
    trace = os.path.join(folder, "newer.trace")
    with open(trace, "wb") as file:
        file.write(b"UNPAIRED" + (99).to_bytes(2, "little") + bytes(4086))
    one_line(tried(t, "report", trace), trace, "99")


@check
def resources_in_json_are_refused_for_the_first_thing_that_is_wrong(t, folder):
    whole = {"spaces": [{"name": "gadget", "kind": "NUMBERED"}],
             "families": [{"name": "gadget", "space": "gadget", "display": "gadget"}],
             "acquire": [{"family": "gadget", "type": "int", "function": "gadget_open", "parameters": [],
                          "succeeded": "ret >= 0", "handle": "ret"}],
             "release": [{"space": "gadget", "type": "void", "function": "gadget_close",
                          "parameters": [{"type": "int", "name": "id"}], "handle": "id"}]}

    def refused(change, *words):
        document = json.loads(json.dumps(whole))
        change(document)
        path = os.path.join(folder, "user.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        out = os.path.join(folder, "out.def")
        one_line(tried(t, "resources", "--for", "preload", "--user", path, "-o", out), path, *words)
        expect(not os.path.exists(out), "rows were written all the same")

    refused(lambda d: d.pop("release"), "gadget", "releases")
    refused(lambda d: d.pop("acquire"), "gadget", "acquires")
    refused(lambda d: d["release"][0].update(space="gizmo"), "gizmo")
    refused(lambda d: d["acquire"][0].update(family="gizmo"), "gizmo")
    refused(lambda d: d["acquire"][0].update(function="no good"), "no good")
    refused(lambda d: d["acquire"][0].update(function="malloc"), "malloc", "already")
    refused(lambda d: d["acquire"][0].update(succeeded="(ret >= 0"), "succeeded")
    refused(lambda d: d["acquire"][0].update(handle="ret, 1"), "handle")
    refused(lambda d: d["acquire"][0].update(handle="ret); system(0"), "handle")
    refused(lambda d: d["acquire"][0].pop("handle"), "handle")
    refused(lambda d: d["acquire"][0].update(hundle="ret"), "hundle")
    refused(lambda d: d["spaces"][0].update(kind="HAUNTED"), "HAUNTED")
    refused(lambda d: d["spaces"][0].update(name="fd"), "fd", "already")
    refused(lambda d: d.update(spaces={}), "spaces")
    refused(lambda d: d.update(acquire="gadget_open"), "acquire")
    refused(lambda d: d.update(release=[42]), "release[0]")
    path = os.path.join(folder, "broken.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"spaces": [')
    one_line(tried(t, "resources", "--for", "wrap", "--user", path), path, "JSON")
    one_line(tried(t, "resources", "--for", "wrap", "--user", "/nowhere.json"), "/nowhere.json")
    one_line(tried(t, "resources", "--for", "wrap"), "--user")
    one_line(tried(t, "resources", "--user", path), "--for")


@check
def ctl_names_what_it_cannot_talk_to(t, folder):
    one_line(tried(t, "ctl"), "TARGET")
    one_line(tried(t, "ctl", "4194999", "status"), "4194999")
    one_line(tried(t, "ctl", str(os.getpid()), "status"), str(os.getpid()), "not being recorded")
    one_line(tried(t, "ctl", "/etc/passwd", "status"), "/etc/passwd")
    one_line(tried(t, "ctl", folder, "status"), folder)
    one_line(tried(t, "ctl", str(os.getpid()), "explode"), "explode")
    for name in ((), ("",), (" \t",)):
        one_line(tried(t, "ctl", str(os.getpid()), "mark", *name), "a mark wants a name", "ctl PID mark NAME")
    for name, shown in (("two\nlines", "two?lines"), ("\x1b[2Jx", "?[2Jx"), ("tab\there", "tab?here")):
        one_line(tried(t, "ctl", str(os.getpid()), "mark", name), f"'{shown}'")
    one_line(tried(t, "ctl", str(os.getpid()), "mark", "x" * 256), "255 bytes", "256")
    one_line(tried(t, "ctl", str(os.getpid()), "start", "now"), "now")


main()
