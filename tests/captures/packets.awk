# Compares a capture's rows from tshark (first file: frame, time, stream, src, sport, dst, dport, seq, ack, flags, len,
# win) with what `dump -S` printed (second file). One row and one line each; says what differs, exits with 1 then.
BEGIN { FS = "\t"; letters = "FSRP.UEW" }
FNR == 1 && NR == 1 { next }
NR == FNR { rows[++count] = $4 "." $5 " " $6 "." $7 " " flag_letters($10) " " $11 " " $12; seq[count] = $8; ack[count] = $9; next }
{
  line = $0
  printed++
  if (printed > count) next
  sub(/^IP6? (truncated-ip6? - [0-9]+ bytes missing! ?)?/, "", line)
  split(line, part, " ")
  mine = part[1] " " substr(part[3], 1, length(part[3]) - 1) " " between(line, "Flags \\[", "]") " " \
         field(line, "length") " " field(line, "win")
  if (mine != rows[printed]) report("row " rows[printed] ", line " mine)
  else if (field(line, "seq") != "" && field(line, "seq") != seq[printed]) report("seq " seq[printed] ": " line)
  else if (field(line, "ack") != "" && field(line, "ack") != ack[printed]) report("ack " ack[printed] ": " line)
  else same++
}
END {
  if (printed != count) report(count " rows, " printed " lines")
  print "rows", count + 0, same + 0
  exit bad
}

function report(words) {
  print "  differs from tshark: " words > "/dev/stderr"
  bad = 1
}

function between(text, left, right,   p) {
  if (!match(text, left)) return ""
  p = substr(text, RSTART + RLENGTH)
  return substr(p, 1, index(p, right) - 1)
}

# The last field of the name: option values come before the length, and none is called seq, ack or win there.
function field(text, name) {
  if (!match(text, ", " name " [0-9]+")) return ""
  return substr(text, RSTART + length(name) + 3, RLENGTH - length(name) - 3)
}

function flag_letters(hex,   value, i, out) {
  value = 0
  for (i = 3; i <= length(hex); i++) value = value * 16 + index("0123456789abcdef", substr(hex, i, 1)) - 1
  out = ""
  for (i = 1; i <= 8; i++) {
    if (value % 2 == 1) out = out substr(letters, i, 1)
    value = int(value / 2)
  }
  return out == "" ? "none" : out
}
