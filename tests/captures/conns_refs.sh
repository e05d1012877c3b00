# Every connection of every capture, its packets, its payload and the bytes of its two directions are what tshark and
# an independent reassembly found (see the captures' README); what differs on purpose is listed here with its reason.
set -u
here=$(dirname "$0")
refs=$CAPTURES/ref
if [ ! -d "$refs" ]; then
  echo "conns_refs: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# file|stream (with the direction for streams of bytes)|what differs|why that is right
cat >"$work/excuses" <<'END'
END

# sha256sum has another name elsewhere.
sums() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

failed=0
cut -f 1 "$refs/streams.tsv" | sed 1d | sort -u >"$work/names"
while read -r name; do
  capture=$CAPTURES/$name
  "$B/examples/conns" "$capture" >"$work/conns" 2>"$work/error"
  status=$?
  "$B/examples/follow" --fill -o "$work/streams" "$capture" 2>/dev/null
  [ $? -eq $status ] || { echo "$name: follow's exit status is not conns'"; failed=1; }
  "$B/examples/events" "$capture" >"$work/events" 2>/dev/null
  # Two captures of the folder are cut short themselves.
  [ $status -eq 0 ] || grep -q 'ends in the middle' "$work/error" || { echo "$name: $(cat "$work/error")"; failed=1; }
  sed -e 1d -e "s|^|$name	conns	|" "$work/conns" >>"$work/all"
  (
    cd "$work/streams" || exit 1
    for file in *; do
      [ -f "$file" ] || continue
      conn=$(expr "${file%.*}" + 0)
      printf '%s\tfile\t%s.%s\t%s\t%s\n' "$name" "$conn" "${file#*.}" "$(($(wc -c <"$file")))" \
        "$(sums "$file" | cut -c 1-64)"
    done
  ) >>"$work/all"
  sed -n -E "s|^\{\"ev\":\"gap\",\"conn\":([0-9]+),.*\"dir\":\"(...)\",\"off\":([0-9]+),\"len\":([0-9]+).*|$name	gap	\1	\2	\3	\4|p" \
    "$work/events" >>"$work/all"
  rm -rf "$work/streams"
done <"$work/names"
awk -v excuses="$work/excuses" -v streams="$refs/streams.tsv" -v follow="$refs/follow.tsv" -v least_rows=700 \
  -v least_streams=1000 -f "$here/conns_refs.awk" "$work/excuses" "$refs/streams.tsv" "$refs/follow.tsv" "$work/all" || failed=1
exit $failed
