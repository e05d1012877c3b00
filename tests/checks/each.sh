# Runs every script of the folder that is named; each gets the build folder in B and the captures in CAPTURES.
set -u
failed=0
count=0
for script in "$1"/*.sh; do
  [ -f "$script" ] || continue
  count=$((count + 1))
  if ! sh "$script"; then
    echo "$script: failed"
    failed=$((failed + 1))
  fi
done
echo "$1: $count scripts, $failed failed"
[ $failed -eq 0 ]
