"""ctl talks to a recording that goes on."""
import json

from recording import Recording
from script import check, expect, harness, main, one_line, tried


def blocks(image):
    """Blocks of 32 bytes of the program's own, by what is counted of them."""
    return next((f for f in image["findings"] if f["blame"].get("function") == "acquire"), None)


@check
def status_tells_what_is_recorded_and_live(t, folder):
    recording = Recording(t, folder)
    recording.acquire(7)
    text = recording.ctl("status")
    for word in (str(recording.pid), t.program, "recording", "1  socket", "heap blocks", " used"):
        expect(word in text, f"no '{word}' in: {text}")
    recording.finish()


@check
def while_stopped_acquisitions_are_not_recorded(t, folder):
    recording = Recording(t, folder)
    recording.acquire(3)
    recording.ctl("stop")
    expect("stopped" in recording.ctl("status"), "status does not say stopped")
    recording.acquire(100)
    recording.ctl("start")
    recording.acquire(2)
    image = recording.finish()
    expect(blocks(image) and blocks(image)["count"] == 5, f"not 5 but {blocks(image)}")


@check
def marks_make_cycles_and_growth_over_them_is_a_leak(t, folder):
    recording = Recording(t, folder)
    for number in range(1, 6):
        said = recording.ctl("mark", f"cycle-{number}")
        expect(f"cycle {number}" in said, said)
        recording.acquire(2)
    image = recording.finish()
    expect(image["trace"]["cycles"] == 5, f"cycles {image['trace']['cycles']}")
    finding = blocks(image)
    expect(finding["severity"] == "leak" and finding["growth"] == "linear" and finding["per_cycle"] == 2,
           f"{finding['severity']} {finding.get('growth')} {finding.get('per_cycle')}")


@check
def the_trace_file_can_be_named_instead_of_the_process(t, folder):
    recording = Recording(t, folder)
    path = recording.live_trace()
    expect("recording" in recording.ctl("status", target=path), "no status by file")
    recording.ctl("mark", "by-file", target=path)
    image = recording.finish()
    expect(image["trace"]["cycles"] == 1, "the mark was lost")


@check
def a_trace_at_rest_is_not_talked_to(t, folder):
    recording = Recording(t, folder)
    recording.finish()
    one_line(tried(t, "ctl", recording.trace, "stop"), recording.trace)


@check
def a_report_of_a_running_recording_is_as_of_now(t, folder):
    recording = Recording(t, folder)
    recording.acquire(7)
    path = recording.live_trace()
    result = harness.run([t.unpaired, "report", "--format=json", "--all", path])
    image = json.loads(result.stdout)["images"][0]
    expect(image["trace"]["end"] == "running", f"end {image['trace']['end']}")
    expect(blocks(image) and blocks(image)["count"] == 7, f"{blocks(image)}")
    recording.finish()


main()
