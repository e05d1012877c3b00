# Every line that dump prints of a capture stands in its tale, once, and no other; so no packet is lost between the
# library's reports and the story, in whatever order connections end; but a TCP header that contradicts itself is no
# segment to the library, and what is compressed (IPComp) is unpacked by the library, but not by dump, which prints
# what tcpdump does. Batches do not change a byte of it, and no half-close is told that was not reported.
set -u
if [ ! -d "$CAPTURES" ]; then
  echo "tale_lines: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# Segments that are compressed in a capture.
unpacked() {
  case $1 in
  libpcap__filter__AH-IPcomp-IPv4.pcap) echo 4 ;;
  *) echo 0 ;;
  esac
}

failed=0 files=0 lines=0
for file in "$CAPTURES"/*.pcap "$CAPTURES"/*.pcapng "$CAPTURES"/*.cap; do
  [ -f "$file" ] || continue
  files=$((files + 1))
  "$B/examples/dump" -t "$file" 2>/dev/null | grep -v "\[bad hdr length" | LC_ALL=C sort >"$work/dump"
  for how in "" "--live" "--batch 5"; do
    # shellcheck disable=SC2086
    "$B/examples/tale" $how "$file" >"$work/tale" 2>/dev/null
    [ "$how" = "" ] && cp "$work/tale" "$work/first"
    LC_ALL=C sed -n -E -e 's/  <- .*//' -e 's/^(\[[0-9-]+\] )?(IP6? .* > .*)/\2/p' "$work/tale" | LC_ALL=C sort >"$work/lines"
    diff "$work/dump" "$work/lines" >"$work/diff"
    lost=$(grep -c '^<' "$work/diff")
    more=$(grep -c '^>' "$work/diff")
    [ "$lost" -eq 0 ] && [ "$more" -eq "$(unpacked "$(basename "$file")")" ] || {
      echo "$(basename "$file"): tale $how: $lost lines lost, $more more"
      failed=$((failed + 1))
    }
  done
  # No half-close is told that the library did not report.
  told=$(grep -c -x -e 'half-close' -e 'connection teardown' "$work/first")
  reported=$("$B/examples/events" "$file" 2>/dev/null | grep -c '"ev":"half_close"')
  [ "$told" -le "$reported" ] || {
    echo "$(basename "$file"): $told half-closes told, $reported reported"
    failed=$((failed + 1))
  }
  cmp -s "$work/first" "$work/tale" || { echo "$(basename "$file"): --batch changes the tale"; failed=$((failed + 1)); }
  lines=$((lines + $(wc -l <"$work/dump")))
done
echo "tale_lines: $files captures, $lines lines told, $failed failed"
[ $failed -eq 0 ] && [ $files -gt 100 ]
