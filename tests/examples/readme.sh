# Proves: the README's C program is examples/minimal.c to the letter and prints what is written here; its Python
# program runs as it stands.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

block() { # language: the first fenced block of it in the README
  awk -v fence='```' -v lang="$1" '$0 == fence lang { inside = 1; next } inside && $0 == fence { exit } inside' README.md
}
block c >"$work/minimal.c"
diff "$work/minimal.c" examples/minimal.c

cat >"$work/expected" <<'TXT'
1 open syn
1 c2s: hello
1 close end
TXT
"$B/examples/minimal" | diff "$work/expected" -

command -v python3 >/dev/null || { echo "python3 is not installed: its part is skipped"; exit 0; }
block python >"$work/minimal.py"
echo "1 b'o'" >"$work/expected"
LD_LIBRARY_PATH=$B python3 "$work/minimal.py" | diff "$work/expected" -
