# Proves: no build system is needed. Each file of lib/ compiles alone with a plain cc, and all of them make
# one shared library in one command.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
for file in lib/*.c; do
  "$CC" -std=c11 -Iinclude -Werror -c -o "$work/one.o" "$file"
  count=$((count + 1))
done
"$CC" -std=c11 -Iinclude -Werror -O1 -fPIC -shared -o "$work/all.so" lib/*.c
echo "direct: $count files compile alone and together"
