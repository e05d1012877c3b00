# Proves: the functions of the public headers, the names of lib/tcptale.map and the symbols that the shared
# library exports are the same; it imports nothing beyond memory functions; it holds no mutable data; what is
# there to ask for memory ahead does ask: a compiler may take hints for nothing (util.h), and nothing else shows it.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
so=$B/libtcptale.so
status=0

sh tests/checks/api.sh >"$work/headers"
sed -n 's/^ *\(tcptale_[a-z0-9_]*\);.*/\1/p' lib/tcptale.map | sort >"$work/map"
nm -D --defined-only "$so" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exports"
for other in map exports; do
  if ! diff "$work/headers" "$work/$other" >"$work/diff"; then
    echo "headers (<) and $other (>) differ:"
    cat "$work/diff"
    status=1
  fi
done

nm -D --undefined-only "$so" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
  grep -vxE 'mem(cpy|move|set|cmp)|malloc|calloc|realloc|free|aligned_alloc|abort|__assert_fail|__stack_chk_fail|__mem(cpy|move|set)_chk|__cxa_finalize|__gmon_start__|_ITM_(de)?registerTMCloneTable' >"$work/imports" || true
if [ -s "$work/imports" ]; then
  echo "imports that are not on the list:"
  cat "$work/imports"
  status=1
fi

# Object files, not the library: the C run time adds a few bytes of its own to that.
nm -A "$B"/lib/*.o | grep -E ' [bBdDCsSgG] ' | grep -vE ' [dD] \.?L?\.data\.rel\.ro' >"$work/data" || true
if [ -s "$work/data" ]; then
  # A constant table of pointers is relocated into .data.rel.ro, which nm also calls d.
  while IFS= read -r line; do
    object=${line%%:*}
    name=${line##* }
    section=$(objdump -t "$object" | awk -v n="$name" '$NF == n { for (i = 1; i < NF; i++) if ($i ~ /^\./) print $i; exit }')
    case $section in
    .data.rel.ro*) ;;
    *) echo "mutable data: $object $name $section"; status=1 ;;
    esac
  done <"$work/data"
fi
for hinted in near:5 closed:5 calls:2; do # at least
  name=${hinted%:*} least=${hinted#*:}
  hints=$(objdump -d "$B/lib/roster.o" | sed -n "/<tcptale_roster_prefetch_$name>:/,/^\$/p" | grep -cE 'prefetch[tnw]|prfm' || true)
  case $(uname -m) in
  x86_64 | aarch64) [ "$hints" -ge "$least" ] || { echo "tcptale_roster_prefetch_$name: $hints hints are left"; status=1; } ;;
  esac
done
[ $status -eq 0 ] && echo "symbols: $(wc -l <"$work/headers") functions, the same in headers, map and library"
exit $status
