#!/usr/bin/env python3
"""Prints what a ctest run did, from its JUnit file; the last line is read by machines."""
import sys
import xml.etree.ElementTree as xml


def reason(case):
    """The test's own last line about skipping, or its last line."""
    lines = [line.strip() for line in (case.findtext("system-out") or "").splitlines()]
    lines = [line for line in lines if line]
    said = [line for line in lines if "skip" in line.lower()]
    return (said or lines or ["gave no reason"])[-1]


def verdict(case):
    skipped = case.find("skipped")
    if case.get("status") == "run":
        return "passed"
    # ctest also calls a test skipped whose program is missing: that is a failure.
    if skipped is not None and skipped.get("message", "").startswith(("SKIP_", "Disabled")):
        return "skipped"
    return "failed"


def main(path):
    try:
        cases = xml.parse(path).getroot().findall("testcase")
    except (OSError, xml.ParseError) as error:
        print(f"no result of ctest: {error}", file=sys.stderr)
        return 1
    by_verdict = {"passed": [], "failed": [], "skipped": []}
    for case in cases:
        by_verdict[verdict(case)].append(case)
    print()
    for case in by_verdict["skipped"]:
        print(f"skipped: {case.get('name')}: {reason(case)}")
    for case in by_verdict["failed"]:
        print(f"failed: {case.get('name')}")
    print(", ".join(f"{len(cases)} {word}" for word, cases in by_verdict.items()))
    return 1 if by_verdict["failed"] or not by_verdict["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
