# tcpdump's own text, read as text, gives the same lines again: the numbers that it leaves out are put in so that they
# come out as they were, relative and with -S.
set -u
here=$(dirname "$0")
dump=$B/examples/dump
if [ ! -d "$CAPTURES/ref" ]; then
  echo "text: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Lines that do not say enough: cut and malformed headers, options that are not put together again. What is missing at
# the end of a packet is no part of its text.
whole_lines() {
  LC_ALL=C awk -f "$here/lines.awk" | sed -E 's/truncated-ip6? - [0-9]+ bytes missing! ?//' |
    grep -v -E 'bad hdr|\[\|tcp|mptcp|md5|exp-|bad opt|tcp-ao'
}

# Captures whose text is ambiguous, or not read.
cannot() {
  case $1 in
  zeek__ipv6-http-atomic-frag.pcap.*) echo "IPv6 extension headers stand between the addresses and the ports" ;;
  arkime__tcp_handshake_synthetic.pcap.tcpdump-S.txt | \
    suricata-verify__bug-3286-02-linux-evasion__with_evasion_linux.pcap.tcpdump-S.txt)
    echo "an absolute number 0 looks like a relative one" ;;
  esac
}

failed=0 compared=0 files=0 excluded=0
for kind in tcpdump.txt tcpdump-S.txt; do
  option=-t
  [ $kind = tcpdump-S.txt ] && option=-S
  for ref in "$CAPTURES"/ref/*.$kind; do
    [ -n "$(cannot "$(basename "$ref")")" ] && excluded=$((excluded + 1)) && continue
    sed -n -E 's/^([0-9]+:[0-9:.]+) /\1 /p' "$ref" >"$work/text"
    sed -E 's/^[0-9]+:[0-9:.]+ //' "$work/text" | whole_lines >"$work/ref"
    [ -s "$work/ref" ] || continue
    files=$((files + 1))
    "$dump" $option "$work/text" | whole_lines >"$work/lines"
    lost=$(diff "$work/ref" "$work/lines" | grep -c '^<')
    compared=$((compared + $(wc -l <"$work/ref")))
    [ "$lost" -eq 0 ] && continue
    echo "$ref: $lost lines come out otherwise"
    diff "$work/ref" "$work/lines" | grep '^[<>]' | head -4 | cut -c1-200
    failed=$((failed + 1))
  done
done
echo "text: $files texts, $compared lines compared; $excluded texts say too little; $failed differ"
[ $failed -eq 0 ] && [ $compared -gt 10000 ]
