"""unpaired report of what a firmware sent."""
import os
import subprocess

from script import check, expect, harness, main, one_line, tried


def golden(t, extension):
    return os.path.join(t.source, "tests", "golden", f"stream-v1.{extension}")


def written(folder, name, content):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(content)
    return path


@check
def a_stream_and_its_elf_file_give_a_report(t, folder):
    result = tried(t, "report", golden(t, "stream"), "--elf", golden(t, "elf"))
    text = harness.text(result.stdout, 1 << 16)
    expect(result.status == 1 and result.stderr == b"", f"{result.status} {result.stderr}")
    expect("6 of 12 heap blocks of 20 B (120 B) never freed, 1 per connect: malloc in" in text, text)
    expect("2 events were lost on the way" in text, text)


@check
def a_compressed_stream_reads_as_well(t, folder):
    packed = os.path.join(folder, "uart.bin.zst")
    subprocess.run(["zstd", "-q", "-o", packed, golden(t, "stream")], check=True)
    plain = tried(t, "report", golden(t, "stream"), "--elf", golden(t, "elf"))
    expect(tried(t, "report", packed, "--elf", golden(t, "elf")).stdout == plain.stdout, "another report")


@check
def of_several_elf_files_the_one_is_taken_that_the_stream_belongs_to(t, folder):
    with open(golden(t, "elf"), "rb") as file:
        content = file.read()
    at = content.index(b"GNU\0") + 4
    other = written(folder, "other.elf", content[:at] + bytes(20) + content[at + 20:])
    plain = tried(t, "report", golden(t, "stream"), "--elf", golden(t, "elf"))
    both = tried(t, "report", golden(t, "stream"), "--elf", other, "--elf", golden(t, "elf"))
    expect(both.stdout == plain.stdout, harness.text(both.stdout + both.stderr))
    one_line(tried(t, "report", golden(t, "stream"), "--elf", other), "build-id", other)


@check
def without_its_elf_file_a_stream_says_what_to_give(t, folder):
    one_line(tried(t, "report", golden(t, "stream")), "stream-v1.stream", "--elf")


@check
def what_is_no_firmware_is_named(t, folder):
    stream = golden(t, "stream")
    one_line(tried(t, "report", stream, "--elf", "/no/such.elf"), "/no/such.elf")
    one_line(tried(t, "report", stream, "--elf", folder), folder, "directory")
    one_line(tried(t, "report", stream, "--elf", stream), "not an ELF file")
    one_line(tried(t, "report", stream, "--elf", t.program), t.program, "wraplib")


@check
def noise_is_no_stream(t, folder):
    noise = written(folder, "noise.bin", bytes(range(256)) * 500)
    one_line(tried(t, "report", noise, "--elf", golden(t, "elf")), noise, "holds no record of a stream")
    one_line(tried(t, "report", written(folder, "empty.bin", b""), "--elf", golden(t, "elf")), "empty.bin")


@check
def an_elf_file_is_not_wanted_for_traces_of_programs(t, folder):
    trace = os.path.join(t.source, "tests", "golden", "v1.0.trace")
    one_line(tried(t, "report", trace, "--elf", golden(t, "elf")), "--elf", "leave it out")


main()
