#!/usr/bin/env python3
"""Runs the end-to-end tests against a staged tree and writes a JUnit file.

usage: run.py STAGED-TREE RESULT.xml [test-name-part]
"""
import pathlib
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
STAGE = pathlib.Path(sys.argv[1]).resolve()


class Result(unittest.TextTestResult):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.suite = ElementTree.Element("testsuite", name="e2e")
        self.started = 0.0

    def startTest(self, test):
        self.started = time.monotonic()
        super().startTest(test)

    def record(self, test, kind=None, text=""):
        module, name = test.id().rsplit(".", 1)
        case = ElementTree.SubElement(self.suite, "testcase", classname=f"e2e.{module}", name=name,
                                      time=f"{time.monotonic() - self.started:.2f}")
        if kind:
            ElementTree.SubElement(case, kind).text = text

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record(test, "failure", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        self.record(test, "error", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skipped", reason)


def main():
    sys.path.insert(0, str(HERE))
    loader = unittest.TestLoader()
    if len(sys.argv) > 3:
        loader.testNamePatterns = [f"*{sys.argv[3]}*"]
    suite = loader.discover(str(HERE), pattern="test_*.py")
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    ElementTree.ElementTree(result.suite).write(sys.argv[2], encoding="unicode")
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
