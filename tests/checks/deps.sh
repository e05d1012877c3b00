#!/bin/sh
# Installs what the tests need ("test"), or also what the checks need ("checks"), or what the benchmark compares with
# ("bench"), with apt where it is there and there is the right to; otherwise says what to install, and fails.
set -eu
packages=libcriterion-dev
includes() { # header
  echo "#include <$1>" | c++ -E -x c++ - >/dev/null 2>&1
}
have() {
  case $1 in
  libcriterion-dev) echo '#include <criterion/criterion.h>' | cc -E - >/dev/null 2>&1 ;;
  libclang-rt-14-dev) command -v clang >/dev/null ;;
  libnids-dev) includes nids.h ;;
  libpcap-dev) includes pcap.h ;;
  libnet1-dev) includes libnet.h ;;
  libglib2.0-dev) pkg-config --exists glib-2.0 ;;
  libtins-dev) includes tins/tins.h ;;
  golang-go) command -v go >/dev/null ;;
  golang-github-google-gopacket-dev) [ -d /usr/share/gocode/src/github.com/google/gopacket ] ;;
  g++) command -v g++ >/dev/null ;;
  binutils) command -v nm >/dev/null ;;
  *) command -v "$1" >/dev/null ;;
  esac
}
[ "${1:-test}" = checks ] && packages="$packages clang g++ valgrind pkg-config python3 binutils clang-format"
[ "${1:-test}" = bench ] && packages="g++ valgrind pkg-config python3 libnids-dev libpcap-dev libnet1-dev \
libglib2.0-dev libtins-dev golang-go golang-github-google-gopacket-dev"

missing=
for package in $packages; do
  have "$package" || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
  as_root='sudo -n'
  command -v sudo >/dev/null && sudo -n true 2>/dev/null || as_root=none
fi
if ! command -v apt-get >/dev/null || [ "$as_root" = none ]; then
  echo "Please install (names as in Debian):$missing" >&2
  exit 1
fi
install_them() {
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
echo "installing:$missing"
install_them 2>/dev/null || { $as_root apt-get update -qq >/dev/null && install_them; }
