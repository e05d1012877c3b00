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
PcapPlusPlus__pcapng-example.pcapng|0|count|its packets stand between others that are years apart: time is the highest seen (R24), so the call times out
arkime__tcp_handshake_synthetic.pcap|2|count|a SYN sent again with another number is a candidate of the same connection (R8)
arkime__tcp_handshake_synthetic.pcap|13|count|the same
arkime__y2038-bgp.pcap|0|count|29 years of silence end a connection
nDPI__heuristic_tcp_ack_payload.pcap|0s2c|stream|a byte with the number of a FIN is no data (R18, RFC 9293 3.10.7.4: after it text is ignored)
nDPI__heuristic_tcp_ack_payload.pcap|1c2s|stream|packet 80 has the FIN at 499, the second byte of 82 has the same number; the server acknowledges 498 and no more (R18, C09)
nDPI__heuristic_tcp_ack_payload.pcap|2c2s|stream|the same: FIN of 155 and last byte of 160 at 1482; the server acknowledges 1481 and no more
nDPI__heuristic_tcp_ack_payload.pcap|2s2c|stream|the same: FIN of 157 and last byte of 158 at 34982; the client acknowledges 34977 and no more
nDPI__heuristic_tcp_ack_payload.pcap|4c2s|stream|the same: FIN of 210 and last byte of 214 at 729; the server acknowledges 728 and no more
nDPI__tcp_scan.pcapng|4|packets|a scanner's probe without sensible flags belongs to no connection (bad_flags)
nDPI__tcp_scan.pcapng|5|packets|the same
nDPI__tcp_scan.pcapng|6|packets|the same
pcap-analyzer__assets__frag_tcp_80_ipv4.pcap|0c2s|stream|RST (packet 2) answers the SYN with data: a closed port, which discards all data (R10, RFC 9293 3.10.7.1)
pcap-analyzer__assets__frag_tcp_80_ipv4.pcap|1c2s|stream|the same (packet 5 answers packet 4)
quantuminsert__pcaps__qi_local_GET_slashdot_redirect.pcap|0s2c|stream|the client resets (packet 32) and answers each of the 18 segments that were on their way (140 to 175) with a RST: nobody has their bytes (R17, C19, RFC 9293 3.10.7.1)
quantuminsert__presentations__brocon2015__pcaps__id1.cn-inject.pcap|0s2c|stream|the client acknowledges the injected FIN (packet 6), finishes too (7) and answers the real answer (8) with a RST (9): its bytes above the FIN are reported as data_after_fin, with the bytes (R18, C09, RFC 9293 3.10.7.4)
suricata-verify__bug-3844__input.pcap|0|count|a SYN sent again with another number is a candidate of the same connection (R8)
suricata-verify__bug-4571-03__ipv6_over_ipv6.pcap|0|count|a segment without any flag opens no connection (H14)
suricata-verify__bug-4571-04__ipv6_over_ipv4.pcap|0|count|the same
suricata-verify__bug-4571-06__ipv4_over_ipv6.pcap|0|count|the same
suricata-verify__bug-7657-01__input.pcap|0|count|24 SYNs with other numbers are candidates of one connection (R8)
suricata-verify__bug-76__input.pcap|0|count|a SYN with another number in an open connection does nothing before it is answered (R9)
suricata-verify__bug-76__input.pcap|1c2s|holes|one byte more: the server acknowledges 120 of 119 (packet 10), the client goes on at 121 (packet 18): lost, told at close (R5)
suricata-verify__detect-ipopts__input.pcap|0|packets|tshark takes the last stop of a source route for the destination; here it is the header's (D07)
suricata-verify__detect-ipopts__input.pcap|1|count|the same
suricata-verify__detect-ipopts__input.pcap|2|count|the same
suricata-verify__issue-3341-tcphdr-01__urgent11_cve_2019_12260.pcap|1c2s|stream|after the RST (packet 9) packet 10 acknowledges 1767847796 bytes that were never sent: every receiver drops it (S31, RFC 9293 3.10.7.4)
suricata-verify__tcp-protodetect-bailout__input.pcap|0c2s|holes|the hole was never acknowledged: what lies above it is discarded, no gap (R20)
suricata-verify__tcp-protodetect-bailout__input.pcap|0c2s|stream|the same
suricata-verify__tcp-rst-unacked-stream-03-gap__input.pcap|0s2c|holes|the same (C22)
suricata-verify__tcp-rst-unacked-stream-03-gap__input.pcap|0s2c|stream|the same
suricata-verify__tcp-rst-unacked-stream-12__TLPW1-tcp-110.37.219.134-10.12.14.101-tcp-990-49254.pcap|0s2c|holes|one hole's bytes come after it was told (S45), the last hole was never acknowledged (R20)
suricata-verify__tcp-rst-unacked-stream-12__TLPW1-tcp-110.37.219.134-10.12.14.101-tcp-990-49254.pcap|0s2c|stream|the same
suricata-verify__tcp-split-handshake-02-5whs__split-handshake-5whs.pcap|0|count|a server that answers SYN with SYN is in the same connection (H13)
tcpdump__heapoverflow-tcp_print.pcap|0|count|the capture holds no whole TCP header
tcpdump__of13_ericsson.pcapng|19|count|more than 600 seconds of silence end a connection (R26)
tcpdump__tcp_eight_lowest_weight_flags_set.pcap|0|count|a segment with SYN, FIN and RST opens no connection (H14)
tcpflow__test1-out-of-order.pcap|0c2s|holes|bytes below the first one seen in midstream are no part of the stream (R2)
tcpflow__test1-out-of-order.pcap|0c2s|stream|the same
zeek__modbus__fuzz-72.pcap|0|packets|a fuzzer's segment with nonsensical flags belongs to no connection
zeek__modbus__fuzz-72.pcap|0|payload|the same: it carries 6 bytes
zeek__modbus__fuzz-72.pcap|0c2s|holes|the first segment's number was fuzzed, and offsets count from it (R2)
zeek__modbus__fuzz-72.pcap|0c2s|stream|the same
zeek__modbus__fuzz-72.pcap|0s2c|holes|fuzzed numbers: segments that are not believed here (R12)
zeek__modbus__fuzz-72.pcap|0s2c|stream|the same
zeek__tcp__rst-inject-rae.pcap|0c2s|stream|the server resets (packet 7), and answers packet 8, which was on its way, with a RST (9): nobody has its bytes (R17, C19, RFC 9293 3.10.7.1)
END

# Captures with bad checksums, which no receiver believes; tshark does not look at them. Their rows are compared with
# checksums left alone, so the figures of all other captures are those of the default.
bad_checksums='
arkime__dcerpc_synthetic.pcap
suricata-verify__bug-5437-01__input.pcap
suricata-verify__bug-76__input.pcap
tcpdump__tcp_rst_diag_payload.pcap
zeek__chksums__ip4-tcp-bad-chksum.pcap
zeek__tcp__reassembly.pcap
zeek__tunnels__geneve-many-options.pcap
'

# sha256sum has another name elsewhere.
sums() {
  if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi
}

failed=0
cut -f 1 "$refs/streams.tsv" | sed 1d | sort -u >"$work/names"
while read -r name; do
  capture=$CAPTURES/$name
  case $bad_checksums in
  *"
$name
"*) checksum=ignore ;;
  *) checksum=auto ;;
  esac
  "$B/examples/conns" --checksum $checksum "$capture" >"$work/conns" 2>"$work/error"
  status=$?
  "$B/examples/follow" --fill --checksum $checksum -o "$work/streams" "$capture" 2>/dev/null
  [ $? -eq $status ] || { echo "$name: follow's exit status is not conns'"; failed=1; }
  "$B/examples/events" --checksum $checksum "$capture" >"$work/events" 2>/dev/null
  # Two captures of the folder are cut short themselves.
  [ $status -eq 0 ] || grep -q 'ends in the middle' "$work/error" || { echo "$name: $(cat "$work/error")"; failed=1; }
  sed -e 1d -e "s|^|$name	conns	|" "$work/conns" >>"$work/all"
  sed -n -E "s|^\{\"ev\":\"gap\",\"conn\":([0-9]+),.*\"dir\":\"(...)\",\"off\":([0-9]+),\"len\":([0-9]+).*|$name	gap	\1	\2	\3	\4|p" \
    "$work/events" >"$work/gaps"
  cat "$work/gaps" >>"$work/all"
  (
    cd "$work/streams" || exit 1
    for file in *; do
      [ -f "$file" ] || continue
      conn=$(expr "${file%.*}" + 0)
      printf '%s\tfile\t%s.%s\t%s\t%s\n' "$name" "$conn" "${file#*.}" "$(($(wc -c <"$file")))" \
        "$(sums "$file" | cut -c 1-64)"
    done
    # The bytes before a direction's first hole.
    awk -F '\t' '!seen[$3, $4]++ { print $3, $4, $5 }' "$work/gaps" | while read -r conn dir len; do
      file=$(printf '%06d.%s' "$conn" "$dir")
      [ -f "$file" ] || continue
      printf '%s\tprefix\t%s.%s\t%s\t%s\n' "$name" "$conn" "$dir" "$len" \
        "$(head -c "$len" "$file" | sums | cut -c 1-64)"
    done
  ) >>"$work/all"
  rm -rf "$work/streams"
done <"$work/names"
awk -v excuses="$work/excuses" -v streams="$refs/streams.tsv" -v follow="$refs/follow.tsv" -v least_rows=700 \
  -v least_streams=1000 -f "$here/conns_refs.awk" "$work/excuses" "$refs/streams.tsv" "$refs/follow.tsv" "$work/all" || failed=1
exit $failed
