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

# Captures with bad checksums, which no receiver believes; tshark does not look at them. Their rows are compared with
# checksums left alone, so the figures of all other captures are those of the default.
bad_checksums='
arkime__dcerpc_synthetic.pcap
libpcap__filter__AH-IPcomp-IPv4.pcap
moloch__twovlan.pcap
suricata-verify__bug-5437-01__input.pcap
suricata-verify__bug-76__input.pcap
tcpdump__tcp_rst_diag_payload.pcap
zeek__chksums__ip4-tcp-bad-chksum.pcap
zeek__krb__kerberos_tso.pcapng
zeek__mixed-vlan-mpls.pcap
zeek__smb__dssetup_DsRoleGetPrimaryDomainInformation_standalone_workstation.cap
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
