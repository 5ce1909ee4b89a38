"""Bad input: one clear line on stderr, exit 2, nothing left behind."""
import json
import os
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


@check
def values_of_options_are_checked_before_anything_starts(t, folder):
    for option, word in (("--locks=maybe", "maybe"), ("--max-trace=3Q", "3Q"), ("--format=xml", "xml"),
                         ("--output=nonsense", "FORMAT:FILE"), ("--output=json:/nowhere/report", "/nowhere/report"),
                         ("--owner=nonsense", "nonsense"), ("--owner=f*=TOOLONG", "TOOLONG"),
                         ("--fail-on=everything", "everything"), ("--suppressions=/nowhere", "/nowhere"),
                         ("--limit=socket", "FAMILY=N"), ("--limit=socket=x", "'x'"), ("--limit=socket=0", "'0'"),
                         ("--limit=heap=3Q", "'3Q'"), ("--limit=socket=4K", "sockets are counted"),
                         ("--limit=sockt=4", "lwip_socket"), ("--error-exitcode=ten", "ten"), ("--sysroot=/nowhere", "/nowhere")):
        # It would say what it got, had it been started.
        one_line(tried(t, "run", option, "--", t.program, "state"), word)


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
    one_line(tried(t, "ctl", str(os.getpid()), "mark"), "name")
    one_line(tried(t, "ctl", str(os.getpid()), "start", "now"), "now")


main()
