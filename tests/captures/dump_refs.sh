# Every TCP line that tcpdump prints of every capture is printed by dump, with relative numbers and with -S, and no
# line more. Where tcpdump cannot tell the segments (see `cannot` below) tshark's rows are the measure instead.
set -u
here=$(dirname "$0")
dump=$B/examples/dump
if [ ! -d "$CAPTURES/ref" ]; then
  echo "dump_refs: skipped, there are no captures in $CAPTURES"
  exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# Why tcpdump's lines are no measure for a capture, word by word; empty: they are.
cannot() {
  case $1 in
  PcapPlusPlus__many_interfaces-1.pcapng | PcapPlusPlus__pcapng-example.pcapng)
    echo "tcpdump stops at the second link type" ;;
  PcapPlusPlus__frag_http_req.pcap | pcap-analyzer__assets__frag_tcp_80_ipv4.pcap | \
    suricata-verify__defrag__* | zeek__ipv4__fragmented-syn.pcap | \
    zeek__tunnels__gtp__gtp1_gn_normal_incl_fragmentation.pcap)
    echo "tcpdump does not put IP fragments together, it prints the first alone" ;;
  zeek__ldap__gap-data-missing.pcapng)
    echo "tcpdump stops at the second snap length" ;;
  suricata-verify__bug-5437-01__input.pcap)
    echo "tcpdump does not look into ERSPAN" ;;
  tcpdump__bigtcp-ipv6.pcap)
    echo "tcpdump takes the IPv6 payload length 0 for an empty packet" ;;
  esac
}

# dump's lines against the reference: the same ones in the same order. A packet with the IPv4 length 0 (segmentation
# offload) is "IP bad-len 0" to tcpdump and a whole segment to dump: as many lines may be more.
# A packet in VXLAN stands on a line of its own, without a time.
compare() {
  LC_ALL=C sed -n -E -e 's/^([0-9]+:[0-9:.]+|\[Error converting time\]) //p' -e t -e '/^IP6? /p' "$1" >"$work/ref.all"
  LC_ALL=C awk -f "$here/lines.awk" "$work/ref.all" >"$work/ref"
  diff "$work/ref" "$2" >"$work/diff"
  lost=$(grep -c '^<' "$work/diff")
  more=$(grep -c '^>' "$work/diff")
  offload=$(grep -c '^IP bad-len 0$' "$work/ref.all")
  lines=$(wc -l <"$work/ref")
  compared=$((compared + lines))
  identical=$((identical + lines - lost))
  [ "$3" = part ] && more=$offload
  if [ "$lost" -gt 0 ] || [ "$more" -ne "$offload" ]; then
    echo "$1: $lost lines are not dump's, $more of dump's are not there ($offload expected)"
    grep '^[<>]' "$work/diff" | head -4 | cut -c1-220
    failed=$((failed + 1))
  fi
}

compare_rows() {
  LC_ALL=C awk -f "$here/packets.awk" "$1" "$2" >"$work/rows" || {
    echo "$1: differs"
    failed=$((failed + 1))
  }
  set -- $(cat "$work/rows")
  rows=$((rows + $2))
  rows_same=$((rows_same + $3))
}

failed=0 compared=0 identical=0 files=0 rows=0 rows_same=0 excluded=0
for ref in "$CAPTURES"/ref/*.tcpdump.txt; do
  name=$(basename "$ref" .tcpdump.txt)
  capture=$CAPTURES/$name
  [ -f "$capture" ] || continue
  if ! "$dump" -t "$capture" >"$work/relative" || ! "$dump" -t -S "$capture" >"$work/absolute"; then
    failed=$((failed + 1))
  fi
  files=$((files + 1))
  why=$(cannot "$name")
  if [ -n "$why" ]; then
    excluded=$((excluded + 1))
    [ -f "$CAPTURES/ref/packets/$name.tsv" ] && compare_rows "$CAPTURES/ref/packets/$name.tsv" "$work/absolute"
  elif [ -f "$CAPTURES/ref/$name.tcpdump-all.txt" ]; then
    # The filter that made the other references does not look into tags and tunnels.
    compare "$CAPTURES/ref/$name.tcpdump-all.txt" "$work/relative" whole
    compare "$CAPTURES/ref/$name.tcpdump-S.txt" "$work/absolute" part
  else
    compare "$ref" "$work/relative" whole
    compare "$CAPTURES/ref/$name.tcpdump-S.txt" "$work/absolute" whole
  fi
done
echo "dump_refs: $files captures, $compared lines of tcpdump compared, $identical identical;" \
  "$excluded captures by tshark's rows instead, $rows compared, $rows_same identical"
[ $failed -eq 0 ] && [ $compared -gt 10000 ] && [ $identical -eq $compared ]
