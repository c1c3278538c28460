"""Tests of images: what a description demands, held against an image that was built.

`run_tests` gives a value for each test: passed, failed, or not run and why. Nothing is raised for
a test that fails, and nothing that could not be run counts as passed.
"""

from nixgen.imagetest.result import TestReport, TestResult, Verdict
from nixgen.imagetest.suite import Choice, ImageUnderTest, run_tests

__all__ = [
    "Choice",
    "ImageUnderTest",
    "TestReport",
    "TestResult",
    "Verdict",
    "run_tests",
]
