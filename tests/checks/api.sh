# Prints the name of every function that the public headers mark with TCPTALE_API, sorted.
set -eu
cat include/tcptale/*.h | sed -e 's|/\*.*\*/||g' -e '/\/\*/,/\*\//d' -e '/^ *#/d' | tr '\n' ' ' | tr ';' '\n' |
  sed -n 's/.*TCPTALE_API[^(]*[ *]\(tcptale_[a-z0-9_]*\)(.*/\1/p' | sort -u
