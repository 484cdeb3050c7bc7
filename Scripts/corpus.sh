#!/bin/bash
# Runs the conformance cases that Apus passes against installed commands: Scripts/corpus.sh /usr/sbin
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

# All cases of a suite, or single ones where the rest needs a table type that Apus does not have (cdb, lmdb).
passing=(
    checks/ postalias/ postcat/ postconf/ queuefiles/ tables/ templates/
    postmap/dict_thash postmap/file postmap/json_body postmap/json_queries postmap/json_query
    postmap/own-permissions postmap/own-source-btree postmap/own-source-hash postmap/own-source-texthash
    postmap/own-update postmap/quote postmap/test1
)

status=0
for suite in "${passing[@]}"; do
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
