# Proves: a file of lib/ includes public headers, headers of lower floors and its own header, nothing else. The
# floors are the rows of the table in lib/README.md: | floor | `room` ... | job |.
set -eu
awk -v Q='`' '
FILENAME == "lib/README.md" {
  n = split($0, cell, "|")
  if (n < 4 || cell[2] !~ /^ *[0-9]+ *$/) next
  rooms = cell[3]
  while (match(rooms, Q "[^" Q "]+" Q)) {
    room = substr(rooms, RSTART + 1, RLENGTH - 2)
    sub(/\.[ch]$/, "", room)
    floor[room] = cell[2] + 0
    rooms = substr(rooms, RSTART + RLENGTH)
  }
  next
}
FNR == 1 {
  room = FILENAME
  sub(/^lib\//, "", room)
  sub(/\.[ch]$/, "", room)
  files++
  if (!(room in floor)) complain("has no floor in lib/README.md")
}
/^[ \t]*#[ \t]*include[ \t]*"/ {
  split($0, part, "\"")
  other = part[2]
  if (other ~ /^tcptale(\/|\.h$)/) next
  sub(/\.[ch]$/, "", other)
  if (other == room && FILENAME ~ /\.c$/) next
  if (!(other in floor)) complain("includes " part[2] ", which has no floor")
  else if (floor[other] >= floor[room])
    complain("is on floor " floor[room] " and includes " part[2] " of floor " floor[other])
}
/^[ \t]*#[ \t]*include[ \t]*</ {
  if ($0 !~ /<(assert|limits|stdalign|stdbool|stddef|stdint|stdlib|string)\.h>/) complain("includes " $2)
}
function complain(what) {
  print FILENAME " " what
  bad = 1
}
END {
  if (!bad) print "layers: " files " files include lower floors only"
  exit bad
}
' lib/README.md lib/*.[ch]
