# Proves: the seed's connection, as a capture and as tcpdump's text, is told by tale as the seed tells it, and
# events reports of it exactly what happened.
set -u
tale=$B/examples/tale
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
fail() {
  echo "tale.sh: $*"
  failed=$((failed + 1))
}

# The lines of a tale without its marks: packet lines stand in the first column.
lines_of() {
  grep -E '^IP6? ' "$1" | sed 's/  <- .*//'
}

# The packet lines below a heading, up to the next one.
lines_under() { # file, heading
  awk -v heading="$2" '$0 == heading { on = 1; next } /^[^ I]/ { on = 0 } on && /^IP/' "$1"
}

expect_lines() { # file, heading, first and last line of the seed
  lines_under "$1" "$2" | diff - "$work/part" >"$work/diff" || fail "$1: under '$2': $(cat "$work/diff")"
}

expect_phase() { # file, heading, first line, last line
  sed -n "$3,$4p" tests/data/seed.txt >"$work/part"
  expect_lines "$1" "$2"
}

expect_text() { # file, words
  grep -q -F -- "$2" "$1" || fail "$1 does not say: $2"
}

check_tale() {
  "$tale" "$1" >"$work/tale" 2>"$work/error" || fail "$1: exit status $?"
  [ -s "$work/error" ] && fail "$1: $(cat "$work/error")"
  lines_of "$work/tale" | diff - tests/data/seed.txt >"$work/diff" || fail "$1: $(cat "$work/diff")"
  expect_phase "$work/tale" 'start connection' 1 3
  expect_phase "$work/tale" 'request' 4 4
  expect_phase "$work/tale" 'half-close' 5 7
  expect_phase "$work/tale" 'response after the half-close' 8 9
  expect_phase "$work/tale" 'connection teardown' 10 11
  # The seed's two closing remarks, where they happen.
  sed -n '/^half-close$/,/^response/p' "$work/tale" >"$work/half"
  expect_text "$work/half" 'the client can still receive data, but it sends none itself, only ACKs'
  sed -n '/^response/,/^connection teardown$/p' "$work/tale" >"$work/response"
  expect_text "$work/response" 'The next number is the last one plus the bytes sent: 1592 bytes from number 1 on, 1 + 1592 = 1593.'
  expect_text "$work/response" "the client's acknowledgement says 1593, and the next piece of data from the server begins at 1593"
  sed -n '/^start connection$/,/^request$/p' "$work/tale" >"$work/start"
  expect_text "$work/start" 'Each side begins with a random number, here 3558958912 and 2944001.'
  # A pipe gets no colour, and --no-explain leaves nothing but titles, headings and lines.
  LC_ALL=C grep -q "$(printf '\033')" "$work/tale" && fail "$1: escape codes in a pipe"
  "$tale" --no-explain "$1" >"$work/bare"
  grep -q '^ ' "$work/bare" && fail "$1: --no-explain explains"
  lines_of "$work/bare" | diff -q - tests/data/seed.txt >/dev/null || fail "$1: --no-explain loses lines"
  "$tale" --live "$1" | sed -n 's/^\[1\] \(IP.*\)/\1/p' | diff -q - tests/data/seed.txt >/dev/null ||
    fail "$1: --live loses lines"
}

check_tale tests/data/seed.pcap
check_tale tests/data/seed.txt
for text in "$CAPTURES"/../seed/*.txt; do
  [ -f "$text" ] && check_tale "$text"
done

# On a terminal there is colour, unless it is unwanted.
if command -v script >/dev/null && script -qec true /dev/null >/dev/null 2>&1; then
  on_terminal() { script -qec "$1" /dev/null </dev/null | LC_ALL=C grep -c "$(printf '\033')"; }
  [ "$(NO_COLOR='' on_terminal "$tale tests/data/seed.pcap")" -gt 11 ] || fail "no colour on a terminal"
  [ "$(NO_COLOR=1 on_terminal "$tale tests/data/seed.pcap")" -eq 0 ] || fail "colour in spite of NO_COLOR"
  [ "$(NO_COLOR='' on_terminal "$tale --no-color tests/data/seed.pcap")" -eq 0 ] || fail "colour in spite of --no-color"
fi

# events: in this order, and nothing else.
cat >"$work/expected" <<'END'
open syn
established
data c2s 0 37
half_close c2s 37
data s2c 0 1592
half_close s2c 1592
close fin
END
"$B/examples/events" tests/data/seed.pcap >"$work/events" || fail "events: exit status $?"
sed -E -e 's/^\{"ev":"([a-z_]+)".*"t":[0-9]+/\1/' -e 's/,"(rtt|from)":[0-9]+//g' \
  -e 's/,"(client|cport|server|sport|role|c2s|s2c|c2s_gap|s2c_gap)":("[^"]*"|[0-9]+)//g' \
  -e 's/,"[a-z]+":"?([a-z0-9]+)"?/ \1/g' -e 's/}$//' "$work/events" | diff "$work/expected" - >"$work/diff" ||
  fail "events: $(cat "$work/diff")"
if command -v jq >/dev/null; then
  "$B/examples/events" --hex --segments tests/data/seed.pcap | jq -e . >/dev/null || fail "events: no JSON"
  "$B/examples/conns" --json tests/data/seed.pcap | jq -e . >/dev/null || fail "conns: no JSON"
fi

# conns and follow.
"$B/examples/conns" tests/data/seed.pcap | tail -n 1 | cut -f 1-15 | tr '\t' ' ' >"$work/row"
echo '1 10.0.2.15 43830 93.184.216.34 80 syn fin 6 5 37 1592 37 1592 0 0' | diff - "$work/row" || fail "conns"
"$B/examples/follow" -o "$work/streams" tests/data/seed.pcap || fail "follow: exit status $?"
printf 'GET / HTTP/1.1\r\nHost: example.net\r\n\r\n' | cmp -s - "$work/streams/000001.c2s" || fail "follow: request"
[ "$(wc -c <"$work/streams/000001.s2c")" -eq 1592 ] || fail "follow: response"

# The same output for any size of batch; 2 for wrong use and for what is no capture.
for program in events conns tale; do
  "$B/examples/$program" --batch 1 tests/data/seed.pcap >"$work/one"
  "$B/examples/$program" --batch 7 tests/data/seed.pcap | cmp -s - "$work/one" || fail "$program: --batch changes it"
  "$B/examples/$program" <tests/data/seed.pcap - | cmp -s - "$work/one" || fail "$program: a pipe changes it"
  for wrong in "" "--policy x FILE" "--nothing FILE" "a b" "/dev/null" "$work/none"; do
    # shellcheck disable=SC2086
    "$B/examples/$program" $wrong >"$work/out" 2>"$work/error"
    [ $? -eq 2 ] || fail "$program $wrong: exit status is not 2"
    [ -s "$work/error" ] || fail "$program $wrong: no word on standard error"
  done
done
[ $failed -eq 0 ] && echo "tale.sh: the seed is told as it should be"
[ $failed -eq 0 ]
