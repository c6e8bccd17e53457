#!/usr/bin/env python3
"""A header is a document: it opens with what its noun is, its guard is DIR_FILE_H, and every
prototype has a comment right above it, or above the unbroken lines it stands in."""
import re

import sources

ENOUGH_PERCENT = 95
DECLARATION = re.compile(r"^(?!#|\s|typedef\b|\}|extern \"C\")[^;{}#]*?\([^;{}]*\)[^;{}()]*(?:;|\{)",
                         re.MULTILINE | re.DOTALL)
NAME = re.compile(r"(\w+)\s*\(")


def names(code):
    """Line number and name of each prototype or inline function."""
    found = []
    for match in DECLARATION.finditer(code):
        words = [word for word in NAME.findall(match.group(0)) if word.islower()]
        words = [word for word in words if not word.startswith("__")]
        if words:
            found.append((code.count("\n", 0, match.start()) + 1, words[0]))
    return found


def without_macros(code):
    """Macros and their continuation lines blanked out."""
    return re.sub(r"^#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m.group(0).count("\n"), code,
                  flags=re.MULTILINE)


def opening(path, lines):
    guard = re.sub(r"\W", "_", str(path)).upper()
    if not lines[0].startswith(f"/* {path.name}: "):
        yield f"{path}:1: opens without '/* {path.name}: what it is'"
    if f"#ifndef {guard}" not in lines or f"#define {guard}" not in lines:
        yield f"{path}: the guard is not {guard}"


def documented(lines, number):
    """True if a comment ends right above the lines without a gap that line `number` is in."""
    above = number - 2
    while above >= 0 and lines[above].strip() and not lines[above].startswith("#"):
        if lines[above].rstrip().endswith("*/") and not lines[above][0].isalpha():
            return True
        above -= 1
    return False


def main():
    findings, bare = [], []
    count = 0
    for path in sources.paths(".h"):
        lines = sources.text(path).splitlines()
        findings += opening(path, lines)
        for number, name in names(without_macros(sources.code(path))):
            count += 1
            if not documented(lines, number):
                bare.append(f"{path}:{number}: {name} has no comment above")
    share = 100 * (count - len(bare)) / max(count, 1)
    print("\n".join(bare))
    print(f"documented prototypes: {share:.1f} % of {count}, wanted {ENOUGH_PERCENT}")
    if share < ENOUGH_PERCENT:
        findings.append("too many prototypes without a comment")
    sources.finish("documented", findings, count)


main()
