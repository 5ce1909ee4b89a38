"""Named checks: what the scripts share that hold several of them, and say which do not hold."""
import sys
import tempfile
import traceback

from harness import Failed

checks = []


def check(function):
    """Marks a function as a check; its name, blanks for underscores, is the sentence."""
    checks.append(function)
    return function


def expect(condition, what):
    if not condition:
        raise Failed(what)


def run_checks(t, clean_up=lambda: None):
    """Calls each check with `t` and an empty folder of its own, then `clean_up`; ends with status 1 if one fails."""
    failed = 0
    for function in checks:
        sentence = function.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory(prefix="unpaired-test-") as folder:
            try:
                function(t, folder)
                print(f"ok      {sentence}")
            except Failed as problem:
                failed += 1
                print(f"FAILED  {sentence}\n        {problem}")
            except Exception:  # the check itself is broken: that is a failure too
                failed += 1
                print(f"BROKEN  {sentence}\n{traceback.format_exc()}")
            finally:
                clean_up()
    print(f"{len(checks) - failed} of {len(checks)} hold")
    sys.exit(1 if failed or not checks else 0)
