#!/bin/sh
# Every fuzz target reads every fixture and every input that once made one fail
# (tests/fuzz/regressions): none may crash.
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

if ! fixtures/make-all >"$log" 2>&1; then
    echo "not ok 1 - fixtures are made"
    sed 's/^/# /' "$log"
    exit 1
fi
# Bundles of a mock Sigstore, good ones and one for each check.
cases=$BUILD/pki/cases
[ -e "$cases/cases.tsv" ] || { mkdir -p "$cases" && /usr/bin/python3 tests/pki/make.py "$cases"; } || exit 1
n=0 failed=0
for target in "$BUILD"/replay/fuzz_*; do
    case $target in *.d | *.o | *'*') continue ;; esac
    n=$((n + 1))
    # in batches: xargs ends at the first that a signal kills
    if find "$BUILD/fixtures" "$cases" fixtures tests/fuzz/regressions -type f -size -16384k 2>/dev/null |
        LC_ALL=C sort | tr '\n' '\0' | xargs -0 -n 200 "$target" >"$log" 2>&1; then
        echo "ok $n - ${target##*/} survives $(wc -l <"$log") inputs"
    else
        failed=1
        echo "not ok $n - ${target##*/}"
        tail -n 20 "$log" | sed 's/^/# /'
    fi
done
[ "$n" -gt 0 ] || echo "ok 1 - replay # SKIP no fuzz target was built in $BUILD/replay"
exit $failed
