#!/bin/bash
# Runs the conformance cases against installed commands: Scripts/corpus.sh /usr/sbin
#
# The cases are no part of this repository. CORPUS says where they are; else they are looked for beside it.
set -euo pipefail

[ $# -eq 1 ] || { echo "usage: ${0##*/} DIRECTORY-OF-COMMANDS" >&2; exit 64; }
here=$(cd "$(dirname "$0")/.." && pwd)
corpus=${CORPUS:-$here/../shared/corpus}
if [ ! -x "$corpus/run" ]; then
    echo "corpus: no conformance cases at $corpus (set CORPUS): NOT RUN"
    exit 0
fi

suites=(checks/ postalias/ postcat/ postconf/ postmap/ queuefiles/ tables/ templates/)

status=0
for suite in "${suites[@]}"; do
    printf '%-32s' "$suite"
    if result=$("$corpus/run" --bin "$1" --only "$suite" -j "$(nproc)" 2>&1); then
        tail -n 1 <<<"$result"
    else
        status=1
        echo FAILED
        printf '%s\n' "$result"
    fi
done
exit $status
