#!/bin/bash
# Runs the conformance cases: Scripts/corpus.sh DIRECTORY-OF-COMMANDS [ADAPTER]
#
# ADAPTER plays the harnesses of the cases that no command reaches (corpus/internal). The cases are no part of this
# repository. CORPUS says where they are; else they are looked for beside it.
set -euo pipefail

[ $# -ge 1 ] && [ $# -le 2 ] || { echo "usage: ${0##*/} DIRECTORY-OF-COMMANDS [ADAPTER]" >&2; exit 64; }
here=$(cd "$(dirname "$0")/.." && pwd)
corpus=${CORPUS:-$here/../shared/corpus}
if [ ! -x "$corpus/run" ]; then
    echo "corpus: no conformance cases at $corpus (set CORPUS): NOT RUN"
    exit 0
fi

suites=(checks/ postalias/ postcat/ postconf/ postmap/ queuefiles/ tables/ templates/)

status=0
for suite in "${suites[@]}"; do
    printf '%-40s' "$suite"
    if result=$("$corpus/run" --bin "$1" --only "$suite" -j "$(nproc)" 2>&1); then
        tail -n 1 <<<"$result"
    else
        status=1
        echo FAILED
        printf '%s\n' "$result"
    fi
done
[ $# -eq 2 ] || exit $status

# The name of the harness that a case asks first.
harness() {
    sed -nE 's/.*for name in ([a-z0-9_]+);.*/\1/p; s/.*\$ADAPTER ([a-z][a-z0-9_]*).*/\1/p' "$corpus/$1/cmd" | head -n 1
}

if ! result=$("$corpus/run" --bin "$1" --adapter "$2" --only internal/ -j "$(nproc)" --verbose 2>&1); then
    status=1
    printf '%s\n' "$result" | grep -v '^passed '
fi
grep -E '^(passed|FAIL) internal/' <<<"$result" | while read -r outcome name _; do
    echo "$(harness "$name") $outcome"
done | sort | awk '
    { total[$1]++; if ($2 == "FAIL") failed[$1]++ }
    END { for (name in total) printf "%-40s%d passed, %d failed\n", "internal/" name, total[name] - failed[name], failed[name] }
' | sort
printf '%-40s%s\n' internal/ "$(tail -n 1 <<<"$result")"
exit $status
