"""The C files of the tree, and their code without comments and strings."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("model", "core", "cli", "tests", "bench")

TOKEN = re.compile(
    r"""/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL)


def paths(*suffixes):
    """Our files with one of the suffixes, relative to the root, in order."""
    found = []
    for folder in FOLDERS:
        for suffix in suffixes:
            found += (ROOT / folder).rglob(f"*{suffix}")
    return sorted(path.relative_to(ROOT) for path in found)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code(path):
    """The text with comments and literals blanked out; lines and columns stay."""
    return TOKEN.sub(blank, text(path))


def finish(name, findings, checked):
    """Prints the findings and ends the program with the verdict."""
    for finding in findings:
        print(finding)
    print(f"{name}: {checked} checked, {len(findings)} wrong")
    sys.exit(1 if findings or not checked else 0)
