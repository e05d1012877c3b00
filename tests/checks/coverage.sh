# Prints the share of the lines of lib/ that the tests ran.
set -eu
for object in build/coverage/lib/*.o; do
  gcov -n -o "$object" "$object" 2>/dev/null
done | awk '
/^File .lib\// { file = $2; gsub(/\x27/, "", file) }
/^File .[^l]/ { file = "" }
/^Lines executed/ && file != "" {
  split($2, share, /[:%]/)
  printf "%6.2f %% of %4d  %s\n", share[2], $4, file
  all += $4; ran += $4 * share[2] / 100
  file = ""
}
END { if (all) printf "%6.2f %% of %4d lines\n", 100 * ran / all, all }'
