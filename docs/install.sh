#!/bin/sh
# Owns installing a released executable: downloads it, compares its SHA-256 sum, and puts it in place as a whole or not at all.
# usage: sh install.sh BASE_URL [FOLDER]    BASE_URL holds the executables and SHA256SUMS; FOLDER is ~/.local/bin
set -eu

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

[ $# -ge 1 ] && [ $# -le 2 ] || fail "usage: sh install.sh BASE_URL [FOLDER]"
base=${1%/}
folder=${2:-$HOME/.local/bin}

case $base in
  https://* | http://127.0.0.1:* | http://localhost:*) ;;
  *) fail "only https is safe to install from, not $base" ;;
esac

case $(uname -s) in
  Linux) os=linux ;;
  Darwin) os=darwin ;;
  *) fail "no executable for $(uname -s); on Windows take weir-windows-x64.exe" ;;
esac
case $(uname -m) in
  x86_64 | amd64) cpu=x64 ;;
  aarch64 | arm64) cpu=arm64 ;;
  *) fail "no executable for $(uname -m)" ;;
esac
libc=
# musl's loader may be installed beside glibc; only glibc knows this name.
if [ "$os" = linux ] && ! getconf GNU_LIBC_VERSION >/dev/null 2>&1 && ls /lib/ld-musl-* >/dev/null 2>&1; then libc=-musl; fi
name=weir-$os-$cpu$libc

if command -v curl >/dev/null 2>&1; then
  get() { curl --fail --silent --show-error --location --output "$2" "$1"; }
elif command -v wget >/dev/null 2>&1; then
  get() { wget --quiet --output-document="$2" "$1"; }
else
  fail "curl or wget is needed"
fi
if command -v sha256sum >/dev/null 2>&1; then
  sum() { sha256sum "$1"; }
elif command -v shasum >/dev/null 2>&1; then
  sum() { shasum -a 256 "$1"; }
else
  fail "sha256sum or shasum is needed"
fi

mkdir -p "$folder"
scratch=$(mktemp -d "$folder/.weir-install.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

get "$base/SHA256SUMS" "$scratch/sums" || fail "cannot download $base/SHA256SUMS"
wanted=$(awk -v name="$name" '$2 == name { print $1 }' "$scratch/sums")
[ -n "$wanted" ] || fail "there is no $name at $base"
get "$base/$name" "$scratch/weir" || fail "cannot download $base/$name"
found=$(sum "$scratch/weir" | awk '{ print $1 }')
[ "$found" = "$wanted" ] || fail "$name has the sum $found and not $wanted: nothing was installed"

chmod 755 "$scratch/weir"
mv -f "$scratch/weir" "$folder/weir"
echo "installed $folder/weir"
case ":$PATH:" in
  *":$folder:"*) ;;
  *) echo "$folder is not in PATH: add it there, or write the name in full" ;;
esac
