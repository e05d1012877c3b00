# Every damaged capture is read to an end: exit status 0, 1 or 2, within seconds, without a report of a sanitizer; a
# status other than 0 comes with one line that says where and why.
set -u
dump=$B/examples/dump
if [ ! -d "$CAPTURES/malformed" ]; then
  echo "malformed: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0 files=0 damaged=0 refused=0
for file in "$CAPTURES"/malformed/*; do
  [ "$(basename "$file")" = MANIFEST.tsv ] && continue
  files=$((files + 1))
  timeout 20 "$dump" "$file" >"$work/out" 2>"$work/error"
  status=$?
  said=$(wc -l <"$work/error")
  [ $status -eq 1 ] && damaged=$((damaged + 1))
  [ $status -eq 2 ] && refused=$((refused + 1))
  if [ $status -gt 2 ] || grep -q -E 'Sanitizer|runtime error' "$work/error" ||
    { [ $status -ne 0 ] && [ "$said" -ne 1 ]; } || { [ $status -eq 0 ] && [ "$said" -ne 0 ]; }; then
    echo "$file: status $status, $said lines on standard error"
    failed=$((failed + 1))
  fi
done
echo "malformed: $files files read, of which $damaged end in damage and $refused are refused, $failed failed"
[ $failed -eq 0 ] && [ $files -gt 100 ]
