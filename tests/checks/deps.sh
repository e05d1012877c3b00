#!/bin/sh
# Installs what the tests need ("test"), or also what the checks need ("checks"), with apt where it is there
# and there is the right to; otherwise says what to install, and fails.
set -eu
packages=libcriterion-dev
have() {
  case $1 in
  libcriterion-dev) echo '#include <criterion/criterion.h>' | cc -E - >/dev/null 2>&1 ;;
  libclang-rt-14-dev) command -v clang >/dev/null ;;
  g++) command -v g++ >/dev/null ;;
  binutils) command -v nm >/dev/null ;;
  *) command -v "$1" >/dev/null ;;
  esac
}
[ "${1:-test}" = checks ] && packages="$packages clang g++ valgrind pkg-config python3 binutils clang-format"

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
