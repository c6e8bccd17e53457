#!/usr/bin/env python3
"""Calls that have no place here, or only one."""
import re

import sources

# name, what to use instead
BANNED = {
    "strcpy": "snprintf or strbuf", "strcat": "strbuf", "sprintf": "snprintf or strbuf",
    "strncpy": "snprintf", "strtok": "strtok_r or strchr", "gmtime": "model/instant.h",
    "localtime": "model/instant.h", "ctime": "model/instant.h", "atoi": "strtol with its end",
    "gets": "getline", "alloca": "the heap", "system": "posix_spawn", "popen": "posix_spawn",
}

# name, the files that may call it; a unit test neither sleeps nor measures time
CONFINED = {
    "time": r"$.",
    "clock_gettime": r"core/clock\.c|core/host/watchdog_main\.c|tests/.*(?<!_test)\.c",
    "gettimeofday": r"$.",
    "clock_nanosleep": r"core/clock\.c|tests/.*(?<!_test)\.c",
    "nanosleep": r"$.",
    "sleep": r"tests/.*(?<!_test)\.c",
    "usleep": r"tests/.*(?<!_test)\.c",
    "getenv": r"core/aws/aws_env\.c|cli/session\.c|tests/",
    "exit": r"tests/",
    "printf": r"cli/|tests/|bench/",
    "fprintf": r"core/host/frozen_record\.c|cli/|tests/|bench/",
    "puts": r"cli/|tests/|bench/",
    "perror": r"cli/|tests/|bench/",
    "goto": r"$.",
    "rand": r"$.",
    "srand": r"$.",
}

CALL = re.compile(r"(?<![\w.>])(" + "|".join([*BANNED, *CONFINED]) + r")\s*\(|\b(goto)\b")


def main():
    findings = []
    files = sources.paths(".c", ".h")
    for path in map(str, files):
        for number, line in enumerate(sources.code(path).splitlines(), 1):
            for call, jump in CALL.findall(line):
                name = call or jump
                if name in BANNED:
                    findings.append(f"{path}:{number}: {name}: use {BANNED[name]}")
                elif not re.match(CONFINED[name], path):
                    findings.append(f"{path}:{number}: {name} is not for this file")
    sources.finish("banned", findings, len(files))


main()
