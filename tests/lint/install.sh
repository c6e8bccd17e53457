#!/bin/sh
# What a packager gets: 'cmake --install' into an empty prefix, and nothing that is not ours.
# usage: install.sh CMAKE BUILD_FOLDER
set -eu
prefix=$(mktemp -d)
trap 'rm -rf "$prefix"' EXIT
"$1" --install "$2" --prefix "$prefix" >/dev/null
(cd "$prefix" && find . -type f | sort) >"$prefix.list"
wanted="./bin/ebshift
./libexec/ebshift/ebshift-hold
./libexec/ebshift/ebshift-watchdog"
found=$(cat "$prefix.list")
rm -f "$prefix.list"
[ "$found" = "$wanted" ] || { printf 'installed:\n%s\nwanted:\n%s\n' "$found" "$wanted"; exit 1; }
"$prefix/bin/ebshift" --version
