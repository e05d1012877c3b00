# Takes tcpdump's output and gives the lines that tell of a TCP segment, without the time column, without what stands
# before the innermost IP header (tunnels, tags, interfaces) and without the text of protocols above TCP.
# Lines that continue a message (tcpdump indents them with a tab) are none of those.
/^\t/ { next }
{
  line = $0
  if (match(line, /> [^ ]+ Flags \[[FSRP.UEWe]+\]/) || match(line, /> [^ ]+ Flags \[none\]/)) {
    if (match(line, /, length [0-9]+/) && match(line, /Flags \[[^:]*, length [0-9]+|Flags \[.*, length [0-9]+/))
      line = cut_length(line)
  } else if (line !~ /> [^ ]+: *\[\|tcp\]/ && line !~ /: +tcp [0-9]+ \[bad hdr length/) {
    next
  }
  print innermost(line)
}

# Cuts behind the first ", length N" after the flags.
function cut_length(text,   flags, head, tail) {
  flags = index(text, " Flags [")
  while (substr(text, flags) ~ /^ Flags \[[^\]]*\], vni/)
    flags += 1 + index(substr(text, flags + 1), " Flags [")
  head = substr(text, 1, flags - 1)
  tail = substr(text, flags)
  if (match(tail, /, length [0-9]+/)) tail = substr(tail, 1, RSTART + RLENGTH - 1)
  return head tail
}

# Cuts before the last "IP " or "IP6 " that stands before the flags.
function innermost(text,   at, rest, found) {
  found = 0
  rest = text
  at = 0
  while (match(rest, /(^|[ {])IP6? /)) {
    found = at + RSTART + (substr(rest, RSTART, 1) == "I" ? 0 : 1)
    at += RSTART + RLENGTH - 2
    rest = substr(text, at + 1)
  }
  return found ? substr(text, found) : text
}
