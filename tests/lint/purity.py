#!/usr/bin/env python3
"""model/ is a function of its arguments: what its library needs from outside is on a list.
usage: purity.py NM LIBMODEL"""
import re
import subprocess
import sys
from pathlib import Path

import sources

# GSL computes, except where it reads the environment or a file, or prints.
PURE_GSL = re.compile(r"gsl_(?!rng_env_setup|ieee_env_setup|stream|message|.*_(fprintf|fscanf|fread"
                      r"|fwrite)$)")


def symbols(nm, library, option):
    output = subprocess.run([nm, option, "--format=posix", library], check=True,
                            capture_output=True, text=True).stdout
    return {line.split()[0] for line in output.splitlines() if len(line.split()) > 1}


def plain(symbol):
    """The name in the source: __snprintf_chk is snprintf, __isoc99_sscanf is sscanf."""
    return re.sub(r"^__(?:isoc\d+_)?(\w+?)(?:_chk)?$", r"\1", symbol)


def main():
    nm, library = sys.argv[1:]
    lines = Path(__file__).with_name("pure_symbols.txt").read_text().splitlines()
    allowed = {line.split("#")[0].strip() for line in lines} - {""}
    outside = symbols(nm, library, "--undefined-only") - symbols(nm, library, "--defined-only")
    findings = [f"model/ needs {symbol}, which is not on the list of pure symbols"
                for symbol in sorted(outside)
                if not {symbol, plain(symbol)} & allowed and not PURE_GSL.match(symbol)]
    sources.finish("purity", findings, len(outside))


main()
