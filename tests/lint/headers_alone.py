#!/usr/bin/env python3
"""Every header compiles by itself, and twice.
usage: headers_alone.py COMPILER GENERATED_INCLUDES"""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import sources

MODULES = ["libcurl", "libxml-2.0", "json-c", "libpq", "gsl", "sqlite3", "inih", "libmicrohttpd"]


def main():
    compiler, generated = sys.argv[1:]
    flags = subprocess.run(["pkg-config", "--cflags", *MODULES], check=True, capture_output=True,
                           text=True).stdout.split()
    command = [compiler, "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror",
               f"-I{sources.ROOT}", f"-I{generated}", *flags, "-fsyntax-only", "-x", "c", "-"]

    def complaint(path):
        include = f'#include "{path}"\n'
        done = subprocess.run(command, input=include * 2, capture_output=True, text=True)
        return None if done.returncode == 0 else f"{path} does not compile alone:\n{done.stderr}"

    headers = sources.paths(".h")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(complaint, headers) if text]
    sources.finish("headers_alone", findings, len(headers))


main()
