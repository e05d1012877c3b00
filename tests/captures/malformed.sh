# Every damaged capture is read to an end by every program: exit status 0, 1 or 2, within seconds, without a report of a
# sanitizer; a status other than 0 comes with one line that says where and why, and all programs agree on it.
set -u
if [ ! -d "$CAPTURES/malformed" ]; then
  echo "malformed: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0 files=0 runs=0 damaged=0 refused=0

# Runs a program on the file; its exit status in $status.
check() { # program, arguments...
  program=$1
  shift
  runs=$((runs + 1))
  timeout 20 "$B/examples/$program" "$@" "$file" >"$work/out" 2>"$work/error"
  status=$?
  said=$(wc -l <"$work/error")
  if [ $status -gt 2 ] || grep -q -E 'Sanitizer|runtime error' "$work/error" ||
    { [ $status -ne 0 ] && [ "$said" -ne 1 ]; } || { [ $status -eq 0 ] && [ "$said" -ne 0 ]; }; then
    echo "$program $file: status $status, $said lines on standard error: $(head -n 2 "$work/error")"
    failed=$((failed + 1))
  fi
}

for file in "$CAPTURES"/malformed/*; do
  [ "$(basename "$file")" = MANIFEST.tsv ] && continue
  files=$((files + 1))
  check dump
  expected=$status
  [ $status -eq 1 ] && damaged=$((damaged + 1))
  [ $status -eq 2 ] && refused=$((refused + 1))
  for program in conns events tale follow; do
    case $program in
    events) check events --hex --segments --budget 4M ;;
    follow) check follow --fill -o "$work/streams" ;;
    *) check $program --budget 4M ;;
    esac
    [ $status -eq $expected ] && continue
    echo "$program $file: status $status, dump has $expected"
    failed=$((failed + 1))
  done
  rm -rf "$work/streams"
done
echo "malformed: $files files read by 5 programs ($runs runs), of which $damaged end in damage and $refused are refused, $failed failed"
[ $failed -eq 0 ] && [ $files -gt 100 ]
