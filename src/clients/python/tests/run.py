"""Runs all tests of this folder; the last line says how many passed, failed and were skipped."""

from __future__ import annotations

import faulthandler
import sys
import time
import unittest
from typing import Any

LIMIT_SECONDS = 180
SLOW_SECONDS = 1.5


class Result(unittest.TextTestResult):
    """Counts what passed, which unittest does not."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.failed = set()  # type: ignore[var-annotated]
        self._began = 0.0

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._began = time.monotonic()

    def stopTest(self, test: Any) -> None:
        super().stopTest(test)
        took = time.monotonic() - self._began
        if took > SLOW_SECONDS:
            print(f"slow: {test.id()} took {took:.1f} s")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed.add(test.id())

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.failed.add(test.id())

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.failed.add(test.id())

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.failed.add(test.id())


def main() -> int:
    """Runs them; 0 where all passed."""
    faulthandler.dump_traceback_later(LIMIT_SECONDS, exit=True)
    loader = unittest.TestLoader()
    names = sys.argv[1:]
    suite = loader.loadTestsFromNames(names) if names else loader.discover("tests", top_level_dir=".")
    runner = unittest.TextTestRunner(resultclass=Result, verbosity=1, warnings="error")
    result: Result = runner.run(suite)  # type: ignore[assignment]
    skipped = len(result.skipped)
    for test, reason in result.skipped:
        print(f"SKIPPED {test}: {reason}")
    failed = len(result.failed)
    faulthandler.cancel_dump_traceback_later()
    print(f"{max(0, result.testsRun - failed - skipped)} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or result.testsRun == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
