# Proves: on traces of the benchmark's generator, lossy, overlapping, contradictory, corrupt, begun in the middle, half
# closed, wrapping and flooded, the library hears what the generator says is to be heard, to the byte and the gap, one
# frame a call or many; and two trackers that share a trace by flow hash hear the same as one.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0
count=0
fail() {
  echo "bench.sh: $*"
  failed=$((failed + 1))
}

field() { # file, key
  sed -n "s/.*\"$2\":\"\{0,1\}\([0-9a-f]*\)[\",}].*/\1/p" "$1"
}

same() { # what, key of the truth, key of what was heard
  should=$(field "$work/truth" "$2")
  is=$(field "$work/heard" "$3")
  [ -n "$should" ] && [ "$is" = "$should" ] || fail "$1: $3 is '$is', not '$should'"
}

make_trace() { # plan and its changes
  "$B/bench/gen" trace="$work/trace" "$@" >"$work/truth" || fail "no trace: $*"
}

hear() { # words of the program
  "$B/bench/tcptale" trace="$work/trace" verify=on checksum=on "$@" >"$work/heard" || fail "tcptale $*: status $?"
}

hears_all() { # plan and its changes
  make_trace "$@"
  for batch in 1 7 256; do
    hear batch=$batch
    for pair in bytes:bytes digest:digest missed:gap_bytes fin:fin rst:rst connections:opened; do
      same "$* batch=$batch" "${pair%:*}" "${pair#*:}"
    done
  done
  count=$((count + 1))
}

for plan in plain missed conflict corrupt midstream order half wrap overlap ipv6; do
  hears_all plan=C_$plan connections=100 active=20
done
hears_all plan=W1 connections=8 response=300k
hears_all plan=W2 connections=100 exchanges=20
hears_all plan=W3 connections=5k active=5k
hears_all plan=W4 connections=2k active=200
hears_all plan=W5 connections=20
hears_all plan=W7 connections=400 active=100

# The flood: more SYNs than the memory holds, and every connection that speaks is whole.
make_trace plan=W6 connections=4k active=100
hear memory=4
for pair in bytes:bytes digest:digest missed:gap_bytes fin:fin; do
  same "W6 in 4 MiB" "${pair%:*}" "${pair#*:}"
done

# Two trackers and one.
make_trace plan=W7 connections=400 active=100
"$B/bench/two" trace="$work/trace" rounds=1 >"$work/heard" || fail "two: status $?"
for heard in bytes_one bytes_two; do
  same "two trackers" bytes $heard
done
same "two trackers" connections closed_one
same "two trackers" connections closed_two

# These comparisons see a difference: a corrupt byte is heard where checksums are not looked at.
make_trace plan=C_corrupt connections=100 active=20
"$B/bench/tcptale" trace="$work/trace" verify=on >"$work/heard"
[ "$(field "$work/heard" digest)" != "$(field "$work/truth" digest)" ] || fail "a corrupt byte makes no difference"
[ $failed -eq 0 ] && echo "bench: $count traces are heard as they should be, as are a flood's connections and two trackers'"
[ $failed -eq 0 ]
