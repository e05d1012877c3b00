# Proves: tale names what goes wrong at the line where it goes wrong. The conversations are tcpdump's text, as
# somebody would paste it.
set -u
tale=$B/examples/tale
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0 facts=0
fail() {
  echo "tale_kinds.sh: $case: $*"
  failed=$((failed + 1))
}

# Reads a conversation: `c` and `s` stand for the two sides, as tcpdump writes them.
tell() { # name
  case=$1
  sed -e 's/^\([0-9.:]* \)\{0,1\}c /\1IP 10.0.0.1.40000 > 10.0.0.2.80: /' \
    -e 's/^\([0-9.:]* \)\{0,1\}s /\1IP 10.0.0.2.80 > 10.0.0.1.40000: /' >"$work/text"
  "$tale" "$work/text" >"$work/tale" 2>"$work/error" || fail "exit status $?: $(cat "$work/error")"
  "$B/examples/dump" -t "$work/text" >"$work/dump"
  sed -n 's/^\(IP.*\)/\1/p' "$work/tale" | sed 's/  <- .*//' | diff "$work/dump" - >/dev/null || fail "the lines are not dump's"
}

# The mark of the n-th line of the conversation.
expect_mark() { # n, mark ("" for none)
  facts=$((facts + 1))
  mark=$(grep '^IP' "$work/tale" | sed -n "$1p" | sed -n 's/.*  <- //p')
  [ "$mark" = "$2" ] || fail "line $1 is marked '$mark', not '$2'"
}

expect_heading() { # heading
  facts=$((facts + 1))
  grep -q -x -F -- "$1" "$work/tale" || fail "no heading '$1'"
}

expect_no_text() { # words
  facts=$((facts + 1))
  grep -q -F -- "$1" "$work/tale" && fail "says '$1'"
}

expect_text() { # words
  facts=$((facts + 1))
  grep -q -F -- "$1" "$work/tale" || fail "does not say '$1'"
}

tell retransmission <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
1.3 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
1.4 s Flags [.], ack 11, win 1000, length 0
2.5 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
END
expect_mark 4 ''
expect_mark 5 'retransmission'
expect_mark 7 'spurious retransmission'
expect_text 'The sender sends this again'
expect_text '2 retransmissions'
expect_heading 'end of connection 1: still open where the capture ends'

tell out_of_order <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [.], seq 11:21, ack 1, win 1000, length 10
0.4 s Flags [.], ack 1, win 1000, length 0
0.5 c Flags [.], seq 1:11, ack 1, win 1000, length 10
0.6 s Flags [.], ack 21, win 1000, length 0
END
expect_mark 4 'out of order'
expect_mark 5 'duplicate ACK'
expect_mark 6 'out of order'
expect_text '20 bytes'

tell gap <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [.], seq 11:21, ack 1, win 1000, length 10
0.4 s Flags [.], ack 21, win 1000, length 0
0.9 c Flags [F.], seq 21, ack 1, win 1000, length 0
1.0 s Flags [F.], seq 1, ack 22, win 1000, length 0
1.1 c Flags [.], ack 2, win 1000, length 0
END
expect_text 'gap: 10 bytes of the client missing (acknowledged, but not in the capture)'
expect_text 'it is the capture that missed them'
expect_text '10 bytes missing'
expect_heading 'half-close'
expect_heading 'connection teardown'
expect_heading 'end of connection 1: closed by both sides'

# What is new in a turn may begin inside a packet: then nothing is missing.
tell sent_with_more <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
0.4 s Flags [P.], seq 1:7, ack 11, win 1000, length 6
0.5 c Flags [P.], seq 11:21, ack 1, win 1000, length 10
0.6 s Flags [P.], seq 1:21, ack 21, win 1000, length 20
0.7 s Flags [P.], seq 21:31, ack 21, win 1000, length 10
END
expect_heading 'response 2'
expect_text '24 bytes, the next one would be number 31.'
expect_no_text 'missing'

tell refused <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [R.], seq 0, ack 1001, win 0, length 0
END
expect_heading 'connection refused'
expect_text 'no program listens on that port'
expect_heading 'end of connection 1: refused'

tell reset <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
0.4 s Flags [.], ack 11, win 1000, length 0
0.5 s Flags [R.], seq 1, ack 11, win 0, length 0
END
expect_mark 6 'reset'
expect_heading 'reset'
expect_text 'the server breaks the connection off at once'
expect_heading 'end of connection 1: broken off by a reset'

# What comes after a reset waits for nothing: no word of missing bytes where there is no gap.
tell after_reset <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 s Flags [R], seq 5001, win 0, length 0
0.4 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
0.5 c Flags [P.], seq 11:21, ack 1, win 1000, length 10
0.6 c Flags [F.], seq 21, ack 1, win 1000, length 0
END
expect_mark 5 'after the reset'
expect_mark 6 'after the reset'
expect_mark 7 'after the reset'
expect_text 'discarded (20 bytes)'
expect_text 'What came after the reset was thrown away'
expect_text 'in 7 packets within 600.000 ms.'
expect_no_text 'missing'
expect_no_text 'until the rest is there'

# The reset was false: what came after it was in order.
tell after_reset_refuted <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 s Flags [R], seq 5001, win 0, length 0
0.4 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
0.5 s Flags [P.], seq 1:11, ack 11, win 1000, length 10
0.6 c Flags [P.], seq 21:31, ack 11, win 1000, length 10
END
expect_mark 5 'after the reset'
expect_mark 6 'rst_suspect_injection, reset refuted'
expect_mark 7 'out of order'
expect_text 'discarded (10 bytes)'
expect_text 'Bytes were waiting when the connection ended, for missing ones'

tell reset_above_a_hole <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [P.], seq 9:13, ack 1, win 1000, length 4
0.4 s Flags [R.], seq 1, ack 1, win 0, length 0
END
expect_mark 4 'out of order'
expect_text 'Bytes were waiting when the connection ended, for missing ones'
expect_no_text 'What came after the reset'

tell reset_outside <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 s Flags [R], seq 90000, win 0, length 0
0.4 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
END
expect_mark 4 'not believed: rst_out_of_window'
expect_text 'A reset whose number does not fit'
expect_heading 'request'

tell unanswered <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
1.0 c Flags [S], seq 1000, win 1000, length 0
3.0 c Flags [S], seq 1000, win 1000, length 0
END
expect_mark 2 'retransmission'
expect_text 'The capture ends before the two sides have agreed.'

tell timeout <<'END'
00:00:00.0 c Flags [S], seq 1000, win 1000, length 0
00:30:00.0 IP 10.0.0.9.1 > 10.0.0.2.80: Flags [S], seq 1, win 1, length 0
END
expect_heading 'end of connection 1: fell silent'
expect_text 'Nobody answered the call in time.'

tell windows <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 s Flags [.], seq 1:1001, ack 1, win 1000, length 1000
0.4 c Flags [.], ack 1001, win 0, length 0
0.5 s Flags [.], seq 1001:1002, ack 1, win 1000, length 1
0.6 c Flags [.], ack 1001, win 0, length 0
0.7 c Flags [.], ack 1001, win 1000, length 0
9.7 s Flags [.], seq 1000:1001, ack 1, win 1000, length 1
END
expect_mark 5 'zero window'
expect_mark 6 'zero-window probe'
expect_mark 8 'window update'
expect_mark 9 'keep-alive'
expect_heading 'data from the server'

tell midstream <<'END'
0.0 s Flags [P.], seq 7000:7010, ack 800, win 1000, length 10
0.1 c Flags [.], ack 11, win 1000, length 0
END
expect_text 'The capture begins in the middle of this connection'
expect_text 'a guess'

tell turns <<'END'
0.0 c Flags [S], seq 1000, win 1000, length 0
0.1 s Flags [S.], seq 5000, ack 1001, win 1000, length 0
0.2 c Flags [.], ack 1, win 1000, length 0
0.3 c Flags [P.], seq 1:11, ack 1, win 1000, length 10
0.4 s Flags [P.], seq 1:21, ack 11, win 1000, length 20
0.5 c Flags [P.], seq 11:12, ack 21, win 1000, length 1
0.6 s Flags [P.], seq 21:31, ack 12, win 1000, length 10
0.7 s Flags [F.], seq 31, ack 12, win 1000, length 0
0.8 c Flags [F.], seq 12, ack 32, win 1000, length 0
0.9 s Flags [.], ack 13, win 1000, length 0
1.0 s Flags [R], seq 5032, win 0, length 0
END
expect_heading 'request'
expect_heading 'response'
expect_heading 'request 2'
expect_heading 'response 2'
expect_heading 'half-close'
expect_heading 'connection teardown'
expect_heading 'end of connection 1: closed by both sides'
expect_heading 'after the end'

tell strays <<'END'
0.0 c Flags [none], seq 1000, win 1000, length 0
0.1 c Flags [SF], seq 1000, win 0, length 0
END
expect_mark 1 'not believed: bad_flags'
expect_mark 2 'not believed: bad_flags'
expect_heading '=== packets of no connection ==='

tell other_things <<'END'
0.0 ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28
0.1 c Flags [S], seq 1000, win 1000, length 0
0.2 IP 10.0.0.1.53 > 10.0.0.2.53: UDP, length 3
END
expect_text '1 TCP segment in 1 connection'

# What is reported the 1st, 10th, 100th time is counted by what the reports say.
tell_damaged() { # n: packets of IPv4 whose header is shorter than it can be
  case="damaged $1"
  {
    printf '\324\303\262\241\2\0\4\0\0\0\0\0\0\0\0\0\377\377\0\0\145\0\0\0'
    i=0
    while [ $i -lt "$1" ]; do
      printf '\0\0\0\0\0\0\0\0\24\0\0\0\24\0\0\0\104\0\0\24\0\0\0\0\100\6\0\0\12\0\0\1\12\0\0\2'
      i=$((i + 1))
    done
  } >"$work/capture"
  "$tale" "$work/capture" >"$work/tale" || fail "exit status $?"
}
tell_damaged 3
expect_text 'Outside of any connection: malformed, at least 1 time.'
tell_damaged 10
expect_text 'Outside of any connection: malformed, at least 10 times.'
tell_damaged 123
expect_text 'Outside of any connection: malformed, at least 100 times.'

echo "tale_kinds.sh: $facts facts, $failed wrong"
[ $failed -eq 0 ]
