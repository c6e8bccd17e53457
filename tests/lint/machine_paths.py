#!/usr/bin/env python3
"""No tracked file names a folder of somebody's machine."""
import re
import subprocess
import sys

import sources

# The brackets keep the patterns from finding themselves.
FOREIGN = re.compile(r"(?<![\w.}])/(?:[w]ork|[r]oot|[h]ome|tmp/[b]rief)/")


def main():
    if not (sources.ROOT / ".git").exists():
        print("skip: not a git tree, so nothing says which files are tracked")
        sys.exit(77)
    tracked = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "-z"], cwd=sources.ROOT,
                             check=True, capture_output=True, text=True).stdout.split("\0")
    tracked = [path for path in tracked if path and (sources.ROOT / path).is_file()]
    findings = []
    for path in tracked:
        text = (sources.ROOT / path).read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            if FOREIGN.search(line):
                findings.append(f"{path}:{number}: {line.strip()}")
    sources.finish("machine_paths", findings, len(tracked))


main()
