"""Help, man page and completions tell the same options, and nothing that does not work yet."""
import os
import re
import subprocess

from script import check, expect, harness, main

COMMANDS = ("run", "record", "report", "postmortem", "ctl", "resources", "verify")
LATER = ("diff", "html", "sarif", "junit", "pprof", "--baseline", "--follow")


def help_of(t, *arguments):
    result = harness.run([t.unpaired, *arguments, "--help"])
    expect(result.status == 0 and result.stderr == b"", f"{arguments}: {result.status} {result.stderr}")
    return harness.text(result.stdout, 1 << 20)


def options_of(text):
    return set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", text, re.MULTILINE))


@check
def every_command_has_help_with_usage_and_examples(t, folder):
    top = help_of(t)
    for command in COMMANDS:
        expect(re.search(rf"^  {command} ", top, re.MULTILINE), f"{command} is not in: {top}")
        text = help_of(t, command)
        expect(f"Usage: unpaired {command}" in text and "Example" in text, text)
        expect(max(len(line) for line in text.splitlines()) <= 100, f"{command}: lines too long")


@check
def nothing_of_later_is_offered(t, folder):
    for arguments in ((), *((c,) for c in COMMANDS)):
        text = help_of(t, *arguments)
        for word in LATER:
            expect(not re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text), f"'{word}' in: {text}")


@check
def man_page_and_completions_have_every_option(t, folder):
    with open(os.path.join(t.source, "docs", "man", "unpaired.1"), encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-")
    with open(os.path.join(t.source, "completions", "unpaired.bash"), encoding="utf-8") as file:
        bash = file.read()
    with open(os.path.join(t.source, "completions", "_unpaired"), encoding="utf-8") as file:
        zsh = file.read()
    seen = set()
    for command in COMMANDS:
        options = options_of(help_of(t, command))
        seen |= options
        for option in options:
            for name, text in (("man page", manual), ("bash", bash), ("zsh", zsh)):
                expect(re.search(rf"{option}(?![\w-])", text), f"{option} of {command} is not in {name}")
    expect(len(seen) > 12, f"only {seen}")
    for name, text in (("bash", bash), ("zsh", zsh)):
        offered = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text)) - {"--version"}
        expect(offered <= seen, f"{name} offers what is not there: {offered - seen}")


@check
def bash_completes_commands_options_and_values(t, folder):
    def completed(line):
        script = f"""source {t.source}/completions/unpaired.bash
COMP_LINE={line!r} COMP_POINT={len(line)}
read -ra COMP_WORDS <<<"$COMP_LINE"
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_unpaired
printf '%s\\n' "${{COMPREPLY[@]}}" """
        return set(subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout.split())
    expect(completed("unpaired re") == {"record", "report", "resources"}, completed("unpaired re"))
    expect("--format=" in completed("unpaired run --f"), completed("unpaired run --f"))
    expect(completed("unpaired report --format=j") == {"json"}, completed("unpaired report --format=j"))
    expect(completed("unpaired ctl 1 s") == {"start", "stop", "snapshot", "status"}, completed("unpaired ctl 1 s"))


@check
def the_version_is_told(t, folder):
    result = harness.run([t.unpaired, "--version"])
    expect(re.fullmatch(rb"unpaired \d+\.\d+\.\d+\n", result.stdout) and result.status == 0, f"{result.stdout}")


main()
