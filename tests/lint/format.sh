#!/bin/sh
# Every C file is as clang-format 14 leaves it; './dev fmt' makes it so.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format-14 >/dev/null || { echo "skip: no clang-format-14"; exit 77; }
find model core cli tests bench -name '*.c' -o -name '*.h' |
    xargs -P "$(nproc)" -n 40 clang-format-14 --dry-run -Werror
