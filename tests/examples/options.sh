# Proves: a value that an option does not take is refused with status 2 and one line that names what it takes, alike
# by all programs that track; what it names is taken, and a choice of words stands in the help, too.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0 facts=0
fail() {
  echo "options.sh: $*"
  failed=$((failed + 1))
}

run() { # program, words
  facts=$((facts + 1))
  program=$1
  shift
  "$B/examples/$program" "$@" >"$work/out" 2>"$work/error"
  status=$?
}

expect_refused() { # program, option, value, what it takes
  run "$1" "$2" "$3" tests/data/seed.pcap
  [ "$status" -eq 2 ] || fail "$1 $2 $3: exit status $status"
  [ ! -s "$work/out" ] || fail "$1 $2 $3: standard output is not empty"
  echo "$1: $2 takes $4, not '$3'" | diff - "$work/error" >"$work/diff" || fail "$(cat "$work/diff")"
  run "$1" "$2"
  [ "$status" -eq 2 ] || fail "$1 $2: exit status $status"
  echo "$1: $2 takes $4; its value is missing" | diff - "$work/error" >"$work/diff" || fail "$(cat "$work/diff")"
}

expect_words() { # option, what it takes
  for word in $(echo "$2" | sed 's/,//g; s/ or / /'); do
    run conns "$1" "$word" tests/data/seed.pcap
    [ "$status" -eq 0 ] || fail "conns $1 $word: exit status $status"
    "$B/examples/conns" --help | grep -A 2 -e "^  $1 " | grep -q -w "$word" || fail "--help: $1 does not name $word"
  done
}

while read -r option wrong takes; do
  for program in events conns follow tale; do
    expect_refused "$program" "$option" "$wrong" "$takes"
  done
  case $takes in 'a number '*) ;; *) expect_words "$option" "$takes" ;; esac
done <<'END'
--policy foo first, last, bsd, linux, windows, solaris, old_linux, hpux10 or bsd_right
--deliver soon arrival or acked
--checksum Auto auto, verify or ignore
--key port any or vlan
--urgent now inline, oob, drop or gap
--flows 0 a number from 1 to 4294967295
--flows 1K a number from 1 to 4294967295
--batch 4097 a number from 1 to 4096
END
# How much memory can be named depends on the machine.
for wrong in 512 1T 99999999999999999999; do
  run events --budget "$wrong" tests/data/seed.pcap
  [ "$status" -eq 2 ] || fail "--budget $wrong: exit status $status"
  sed 's/to [0-9]* /to N /' "$work/error" >"$work/line"
  echo "events: --budget takes a number from 524288 to N (K, M and G are understood), not '$wrong'" |
    diff - "$work/line" >"$work/diff" || fail "$(cat "$work/diff")"
done

echo "options.sh: $facts command lines, $failed wrong"
[ $failed -eq 0 ]
