# Proves: the capture of the seed's connection gives the seed's eleven lines.
set -eu
[ -x "$B/examples/dump" ] || { echo "dump is not built: skipped"; exit 0; }
"$B/examples/dump" -t tests/data/seed.pcap | diff tests/data/seed.txt -
tests/data/seed.py | cmp - tests/data/seed.pcap
