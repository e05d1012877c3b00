# Proves: what is installed is enough to build and run a client, shared and static, C and C++, through
# pkg-config, wherever the folders are; and that uninstall leaves nothing.
set -eu
command -v pkg-config >/dev/null || { echo "pkg-config is not installed: skipped"; exit 0; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/client.c" <<'TXT'
#include <stdio.h>
#include <tcptale/base.h>
int main(void) {
  return puts(tcptale_version_string()) < 0;
}
TXT
cp "$work/client.c" "$work/client.cpp"

run_client() { # compiler, source, how to link
  # shellcheck disable=SC2046,SC2086
  $1 -o "$work/client" "$work/$2" $(pkg-config --cflags tcptale) $3
  [ "$(LD_LIBRARY_PATH=$libdir "$work/client")" = "$VERSION" ] || { echo "$1 $2 $3: wrong version"; exit 1; }
}

try() { # DESTDIR, then variables of make
  root=$1
  shift
  "$MAKE" --no-print-directory B="$B" DESTDIR="$root" "$@" install
  pc=$(find "$work" -name tcptale.pc)
  libdir=$(dirname "$(find "$work" -name libtcptale.a)")
  if [ -n "$root" ] && grep -q "$root" "$pc"; then echo "DESTDIR stands in tcptale.pc"; exit 1; fi
  PKG_CONFIG_PATH=$(dirname "$pc")
  PKG_CONFIG_SYSROOT_DIR=$root
  export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
  [ "$(pkg-config --modversion tcptale)" = "$VERSION" ] || { echo "tcptale.pc has another version"; exit 1; }
  run_client "$CC" client.c "$(pkg-config --libs tcptale)"
  run_client "$CC" client.c "$libdir/libtcptale.a"
  run_client "$CXX" client.cpp "$(pkg-config --libs tcptale)"
  run_client "$CXX" client.cpp "$libdir/libtcptale.a"
  readelf -d "$work/client" >/dev/null
  "$MAKE" --no-print-directory B="$B" DESTDIR="$root" "$@" uninstall
  left=$(find "$work/there" ! -type d)
  [ -z "$left" ] || { echo "uninstall left: $left"; exit 1; }
  find "$work/there" -name tcptale | grep -q . && { echo "uninstall left its folder"; exit 1; }
  rm -rf "$work/there"
}

try "" PREFIX="$work/there/usr"
try "$work/there" PREFIX=/usr
try "$work/there" PREFIX=/usr LIBDIR=/usr/lib/x86_64-linux-gnu
try "$work/there" PREFIX=/opt/tcptale INCLUDEDIR=/opt/inc LIBDIR=/opt/lib64 PKGCONFIGDIR=/opt/share/pkgconfig
echo "install: 4 places, each with shared and static, C and C++ clients; nothing left"
