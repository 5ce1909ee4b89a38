"""Help, man page and completions tell the same options."""
import os
import re
import subprocess

from script import check, expect, harness, main

COMMANDS = ("run", "record", "report", "diff", "postmortem", "ctl", "resources", "verify")
REPORTING = ("run", "report", "postmortem")


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


def formats_of(text):
    """The names in the list of formats."""
    found = re.search(r"^Formats:\n((?:  .*\n)+)", text, re.MULTILINE)
    expect(found, f"no list of formats in: {text}")
    return re.findall(r"^  (\w+)", found.group(1), re.MULTILINE)


@check
def man_page_and_completions_have_the_formats_that_help_lists(t, folder):
    formats = formats_of(help_of(t, "report"))
    expect(len(formats) >= 7 and formats[0] == "text", f"{formats}")
    for command in REPORTING:
        expect(formats_of(help_of(t, command)) == formats, f"{command} lists others")
    with open(os.path.join(t.source, "docs", "man", "unpaired.1"), encoding="utf-8") as file:
        manual = file.read().replace("\\-", "-")
    expect(f".BR --format = {' | '.join(formats)}" in manual, "the man page's --format lists others")
    with open(os.path.join(t.source, "completions", "_unpaired"), encoding="utf-8") as file:
        zsh = re.findall(r"formats=\((.*)\)", file.read())
    expect(zsh and zsh[0] == " ".join(formats), f"zsh offers {zsh}")
    expect(completed(t, "unpaired report --format=") == set(formats), completed(t, "unpaired report --format="))
    expect(completed(t, "unpaired run --output=") == {f"{name}:" for name in formats}, completed(t, "unpaired run --output="))
    for command in ("verify", "diff"):
        offered = completed(t, f"unpaired {command} --format=")
        expect(offered == {"text", "json"}, f"{command}: {offered}")


def completed(t, line):
    """What bash offers at the end of the line."""
    script = f"""source {t.source}/completions/unpaired.bash
COMP_LINE={line!r} COMP_POINT={len(line)}
read -ra COMP_WORDS <<<"$COMP_LINE"
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
compopt() {{ :; }}
_unpaired
printf '%s\\n' "${{COMPREPLY[@]}}" """
    return set(subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout.split())


@check
def bash_completes_commands_options_and_values(t, folder):
    expect(completed(t, "unpaired re") == {"record", "report", "resources"}, completed(t, "unpaired re"))
    expect("--format=" in completed(t, "unpaired run --f"), completed(t, "unpaired run --f"))
    expect(completed(t, "unpaired report --format=js") == {"json"}, completed(t, "unpaired report --format=js"))
    expect(completed(t, "unpaired ctl 1 s") == {"start", "stop", "snapshot", "status"}, completed(t, "unpaired ctl 1 s"))


@check
def a_real_zsh_offers_every_option_of_every_command(t, folder):
    # an interactive zsh on a pseudo-terminal (zpty): it lists at TAB, and says FINISHED at Ctrl-X
    script = r"""
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "fpath=($1/completions \$fpath); autoload -U compinit; compinit -D -u; LISTMAX=1000; stty rows 200;"
zpty -w inner "bindkey '^I' list-choices; tell() { print FINI''SHED; }; zle -N tell; bindkey '^X' tell; print REA''DY"
zpty -r inner shown '*READY*'
for command in ${@:2}; do
    zpty -n -w inner "unpaired $command --"$'\t\x18'
    zpty -r inner shown '*FINISHED*'
    print -r -- "COMMAND $command $shown"
    zpty -n -w inner $'\x15'
done
zpty -d inner
"""
    result = harness.run(["zsh", "-f", "-c", script, "zsh", t.source, *COMMANDS], timeout=120)
    parts = re.split(r"^COMMAND ", harness.text(result.stdout, 1 << 20), flags=re.MULTILINE)[1:]
    expect(len(parts) == len(COMMANDS), f"{result.status} {harness.text(result.stdout)} {harness.text(result.stderr)}")
    for part in parts:
        command, shown = part.split(" ", 1)
        missing = options_of(help_of(t, command)) - set(re.findall(r"--[a-z][a-z-]*", shown))
        expect(not missing, f"zsh does not offer {missing} of {command}: {shown}")


@check
def the_version_is_told(t, folder):
    result = harness.run([t.unpaired, "--version"])
    expect(re.fullmatch(rb"unpaired \d+\.\d+\.\d+\n", result.stdout) and result.status == 0, f"{result.stdout}")


main()
