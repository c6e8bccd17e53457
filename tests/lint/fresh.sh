#!/bin/sh
# A generated page is what its generator prints now; './dev docs' makes it so.
# usage: fresh.sh GENERATOR PAGE
"$1" | diff -u "$2" - || { echo "$2 is stale: run './dev docs'"; exit 1; }
