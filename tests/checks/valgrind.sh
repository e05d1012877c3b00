# Proves: no test reads uninitialised or freed memory, or leaks.
set -eu
command -v valgrind >/dev/null || { echo "valgrind is not installed: skipped"; exit 0; }
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT
TEST_QUICK=1
export TEST_QUICK
valgrind -q --trace-children=yes --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=9 \
  --log-file="$log/%p" "$B/tests/run" -j2 --timeout 900 || status=$?
cat "$log"/*
[ "${status:-0}" -eq 0 ] && ! grep -q . "$log"/*
