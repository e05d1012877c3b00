# Compares the rows of conns, the streams of follow and the gaps of events with tshark's streams.
# Input, in this order: excuses (file|stream|what|reason), streams.tsv, follow.tsv, and what the programs printed, each
# line with the capture's name and the kind of the line first:
#   conns  the fields of a row of conns
#   file   conn.direction bytes sha256
#   prefix conn.direction bytes sha256, of what lies before the first hole
#   gap    conn direction offset len
# Connections are paired within the same two endpoints, in order. Prints the counts and what differs without an
# excuse; an excuse without a difference is an error too.
BEGIN { FS = "\t" }
FILENAME == excuses {
  if (split($0, part, "|") == 4) excuse[part[1] SUBSEP part[2] SUBSEP part[3]] = part[4]
  next
}
FILENAME == streams { if (FNR > 1) add_stream(); next }
FILENAME == follow { if (FNR > 1) follow_rows[++follow_count] = $0; next }
$2 == "conns" { add_conn(); next }
$2 == "file" { bytes[$1, $3] = $4; sha[$1, $3] = $5; next }
$2 == "prefix" { prefix[$1, $3] = $4 " " $5; next }
$2 == "gap" { add_gap($1 SUBSEP $3 "." $4, $5, $6); next }
END {
  for (i = 1; i <= group_count; i++) compare_group(groups[i])
  for (i = 1; i <= follow_count; i++) compare_follow(follow_rows[i])
  for (key in excuse)
    if (!(key in used)) {
      split(key, part, SUBSEP)
      fail(part[1], part[2], "the excuse for '" part[3] "' is not needed")
    }
  printf "conns_refs: %d rows compared, %d identical, %d excused; %d streams compared, %d identical, %d excused, %d without a measure\n",
    rows, rows_same, rows_excused, followed, followed_same, followed_excused, unmeasured
  if (rows < least_rows || followed < least_streams) {
    print "conns_refs: too few were compared"
    failed = 1
  }
  exit failed
}

function fail(file, stream, words) {
  print "conns_refs: " file " stream " stream ": " words
  failed = 1
}

# The two ends of a connection, in the same order whoever is the client.
function group_of(file, a, b) {
  return file SUBSEP (a < b ? a " " b : b " " a)
}

function add_stream(   group) {
  group = group_of($1, $3, $4)
  if (!(group in theirs)) groups[++group_count] = group
  their_row[group, ++theirs[group]] = $0
}

function add_conn(   group, client, server) {
  client = $4 ":" $5
  server = $6 ":" $7
  group = group_of($1, client, server)
  if (!(group in theirs)) {
    split(group, part, SUBSEP)
    fail($1, "-", "connection " $3 " " part[2] " is in no stream of tshark's")
  }
  our_row[group, ++ours[group]] = $0
}

# Neighbouring gaps are one hole.
function add_gap(key, off, len) {
  if (key in gap_end && gap_end[key] == off) hole_len[key, hole_count[key]] += len
  else {
    hole_off[key, ++hole_count[key]] = off
    hole_len[key, hole_count[key]] = len
  }
  gap_end[key] = off + len
}

function holes_of(key,   i, text) {
  for (i = 1; i <= hole_count[key]; i++) text = text (i > 1 ? " " : "") hole_off[key, i] ":" hole_len[key, i]
  return text
}

# The reference ends with the last captured byte; where the capture cut the last packet, the rest of it is a hole at the
# very end here. Takes it away and returns its length.
function cut_tail(key, reference_len,   n, len) {
  n = hole_count[key]
  if (n == 0) return 0
  len = hole_len[key, n]
  if (hole_off[key, n] + len != gap_end[key] || hole_off[key, n] != reference_len) return 0
  hole_count[key]--
  return len
}

# 1 where this difference has its reason.
function is_excused(file, stream, what) {
  if (!((file, stream, what) in excuse)) return 0
  used[file, stream, what] = 1
  return 1
}

function differs(file, stream, what, words) {
  if (is_excused(file, stream, what)) return 1
  fail(file, stream, what ": " words)
  return 0
}

function compare_group(group,   i, t, n) {
  n = theirs[group]
  if (n != ours[group]) {
    split(their_row[group, 1], t, "\t")
    rows += n
    if (differs(t[1], t[2], "count", n " streams, " ours[group] + 0 " connections")) rows_excused += n
    return
  }
  for (i = 1; i <= n; i++) compare_row(their_row[group, i], our_row[group, i])
}

# conns: file kind conn client cport server sport how close pkts pkts payload payload ...
function compare_row(their, our,   t, o, swap, bad, forgiven) {
  split(their, t, "\t")
  split(our, o, "\t")
  rows++
  swap = t[3] != o[4] ":" o[5] || t[4] != o[6] ":" o[7]
  conn_of[t[1], t[2]] = o[3]
  swapped[t[1], t[2]] = swap
  if (swap && t[5] != "first") { bad++; forgiven += differs(t[1], t[2], "roles", t[3] " is tshark's client") }
  if (t[6] != o[10 + swap] || t[7] != o[11 - swap]) {
    bad++
    forgiven += differs(t[1], t[2], "packets", t[6] " " t[7] ", here " o[10 + swap] " " o[11 - swap])
  }
  if (t[8] != o[12 + swap] || t[9] != o[13 - swap]) {
    bad++
    forgiven += differs(t[1], t[2], "payload", t[8] " " t[9] ", here " o[12 + swap] " " o[13 - swap])
  }
  if (bad == 0) rows_same++
  else if (bad == forgiven) rows_excused++
}

# What the capture shows only as an acknowledgement is a hole at the end here (rule R5); the reference, which looks at
# bytes alone, sees none there. It is a difference in holes, not in bytes. Takes nothing away.
function tail_hole(key, reference_len,   n) {
  n = hole_count[key]
  return n == 1 && hole_off[key, n] == reference_len ? hole_len[key, n] : 0
}

# Of a stream with holes the reference has the bytes before the first one, of a truncated one only the lengths.
function same_bytes(r, key, tail) {
  if (r[7] == 0 || r[8] r[10] == "") return 1
  if (r[8] != "" && tail == 0) return sha[key] == r[8]
  if (r[8] != "") return prefix[key] == r[7] " " r[8]
  return r[9] == 0 || prefix[key] == r[9] " " r[10]
}

# follow.tsv: file stream dir sender tshark_bytes sha firstwins_bytes sha prefix_bytes sha gap_bytes holes conflict status
function compare_follow(row,   r, dir, key, tail, bad, forgiven) {
  split(row, r, "\t")
  if (r[14] ~ /rst-data|isn-changed/ || !((r[1], r[2]) in conn_of)) {
    unmeasured++
    return
  }
  followed++
  dir = r[3]
  if (swapped[r[1], r[2]]) dir = dir == "c2s" ? "s2c" : "c2s"
  key = r[1] SUBSEP conn_of[r[1], r[2]] "." dir
  tail = r[14] ~ /truncated/ ? cut_tail(key, r[7]) : 0
  if (holes_of(key) != r[12]) { bad++; forgiven += differs(r[1], r[2] r[3], "holes", r[12] ", here " holes_of(key)) }
  if (r[12] == "" && tail == 0) tail = tail_hole(key, r[7])
  if (bytes[key] + 0 != r[7] + (bytes[key] > 0 ? tail : 0) || !same_bytes(r, key, tail)) {
    bad++
    forgiven += differs(r[1], r[2] r[3], "stream", r[7] " bytes (" r[14] "), here " bytes[key] + 0)
  }
  if (bad == 0) followed_same++
  else if (bad == forgiven) followed_excused++
}
