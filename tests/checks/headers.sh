# Proves: each public header compiles alone, as C11 and as C++17, without a warning.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=0
for header in include/*.h include/tcptale/*.h; do
  [ -f "$header" ] || continue
  name=${header#include/}
  printf '#include "%s"\n#include "%s"\nint main(void) { return 0; }\n' "$name" "$name" >"$work/one.c"
  cp "$work/one.c" "$work/one.cpp"
  "$CC" -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror -Iinclude -c -o "$work/one.o" "$work/one.c"
  "$CXX" -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Werror -Iinclude -c -o "$work/one.o" "$work/one.cpp"
  count=$((count + 1))
done
echo "headers: $count compile alone, as C11 and C++17"
