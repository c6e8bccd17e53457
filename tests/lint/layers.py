#!/usr/bin/env python3
"""Who may include whom. cli -> core -> model; inside core the engine knows only the waists, and
what implements a waist knows neither the engine nor its neighbours."""
import re

import sources

WAISTS = ("core/clock.h", "core/cloud.h", "core/config.h", "core/counter.h", "core/log.h",
          "core/quiesce.h", "core/store.h", "core/wire.h")

# The first row whose pattern matches a file says what of ours it may include.
LAYERS = [
    (r"model/", ("model/",)),
    (r"core/[^/]+$", (*WAISTS, "core/version.h", "model/")),
    (r"core/engine/", (*WAISTS, "core/engine/", "model/")),
    (r"core/store/", ("core/clock.h", "core/cloud.h", "core/counter.h", "core/store.h", "core/store/", "model/")),
    (r"core/aws/", ("core/clock.h", "core/cloud.h", "core/log.h", "core/wire.h", "core/aws/", "model/")),
    (r"core/pg/", ("core/clock.h", "core/log.h", "core/quiesce.h", "core/pg/", "model/")),
    # A freeze and a backup are one quiesce: the one place where host knows pg.
    (r"core/host/quiesce_local\.", (*WAISTS, "core/host/", "core/pg/", "model/")),
    (r"core/host/", ("core/clock.h", "core/cloud.h", "core/counter.h", "core/log.h",
                     "core/quiesce.h", "core/wire.h", "core/host/", "model/")),
    # What can be known before the night stands on all of it but the wire.
    (r"core/preflight/", (*WAISTS, "core/engine/", "core/host/", "core/pg/", "core/preflight/", "model/")),
    # The composition root, and the verb that works without everything else.
    (r"cli/session[._]", ("cli/", "core/", "model/")),
    (r"cli/cmd_thaw\.c", ("cli/", "core/host/freeze.h", "model/")),
    (r"cli/", (*WAISTS, "core/version.h", "core/engine/", "core/preflight/", "cli/", "model/")),
    # The simulator shares the vocabulary of failure, time and text with us, and no rule, no formula
    # and no line of the wire.
    (r"tests/sim/fake_cloud\.", ("core/clock.h", "core/cloud.h", "tests/sim/", "model/error.h", "model/instant.h",
                                 "model/strbuf.h")),
    (r"tests/sim/", ("core/clock.h", "tests/sim/", "model/error.h", "model/instant.h",
                     "model/strbuf.h")),
    (r"tests/", ("tests/", "bench/", "cli/", "core/", "model/")),
    (r"bench/", ("bench/", "tests/", "cli/", "core/", "model/")),
]

# Libraries that only some files of the program may know, so that each can be replaced.
LIBRARIES = [
    (r"curl/", r"core/aws/http\.|cli/"),
    (r"openssl/", r"core/aws/digest\.|core/aws/|cli/cmd_version\.c|tests/"),
    (r"libxml/", r"core/aws/xml\.|cli/|tests/core/aws/"),
    (r"json-c/|json\.h", r"core/aws/json\.|cli/|tests/"),
    (r"libpq-fe\.h", r"core/pg/|core/host/quiesce_local\.|cli/cmd_version\.c|tests/"),
    (r"sqlite3\.h", r"core/store/|cli/cmd_version\.c|tests/"),
    (r"gsl/", r"model/|cli/|tests/(?!sim/)|bench/"),
    (r"ini\.h", r"core/config\.c|core/aws/|tests/"),
    (r"microhttpd\.h", r"tests/sim/"),
    (r"criterion/", r"tests/"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def wrong_ours(path, header):
    exists = (sources.ROOT / header).exists() or (sources.ROOT / f"{header}.in").exists()
    if "/" not in header or not exists:
        return "is not written from the root, or does not exist"
    for pattern, allowed in LAYERS:
        if re.match(pattern, path):
            return None if header.startswith(allowed) else "is not for this layer"
    return "comes from a folder without a rule"


def wrong_library(path, header):
    for pattern, allowed in LIBRARIES:
        if re.match(pattern, header) and not re.match(allowed, path):
            return "is not for this file"
    return None


def main():
    findings = []
    checked = 0
    for path in map(str, sources.paths(".c", ".h")):
        for kind, header in INCLUDE.findall(sources.text(path)):
            checked += 1
            why = wrong_ours(path, header) if kind == '"' else wrong_library(path, header)
            if why:
                findings.append(f"{path}: {header} {why}")
    sources.finish("layers", findings, checked)


main()
