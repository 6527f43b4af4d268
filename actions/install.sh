#!/usr/bin/env bash
# Puts the mainguard binary on this machine and writes its path to $GITHUB_OUTPUT as `bin` (to stdout elsewhere).
#
# In this order, saying which way it went and why:
#   1. MAINGUARD_BIN, when the caller brings a binary;
#   2. the runner's tool cache, when it holds the archive that checksums.txt names;
#   3. the release archive of this version, when its SHA-256 is the one in checksums.txt, and, where `gh` and a token
#      are there, when GitHub vouches for where it was built;
#   4. `cargo install --locked` of the tree that this script stands in.
# A wrong checksum stops everything: it is never a reason to try the next way. Nothing else is fetched or reported.
# `--path` also puts it on the PATH of the steps that follow. MAINGUARD_ATTESTATION=off leaves `gh` alone.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
tree=$(cd "$here/.." && pwd)
manifest=$here/checksums.txt

on_path=no
case "${1:-}" in
  "") ;;
  --path) on_path=yes ;;
  *) printf 'error: actions/install.sh knows --path, and no %s\n' "$1" >&2 && exit 2 ;;
esac

say() { printf 'mainguard: %s\n' "$*" >&2; }

# Exit code 2 is mainguard's own word for "could not judge".
refuse() {
  printf 'error: %s\n' "$*" >&2
  exit 2
}

found() {
  if [ "$on_path" = yes ] && [ -n "${GITHUB_PATH:-}" ]; then
    local folder
    folder=$(cd "$(dirname "$1")" && pwd)
    # The runner on Windows wants a path of Windows.
    if command -v cygpath >/dev/null; then folder=$(cygpath -w "$folder"); fi
    printf '%s\n' "$folder" >>"$GITHUB_PATH"
  fi
  if [ -n "${GITHUB_OUTPUT:-}" ]; then
    printf 'bin=%s\n' "$1" >>"$GITHUB_OUTPUT"
  else
    printf '%s\n' "$1"
  fi
}

# The Rust target that the release is built for, or nothing.
platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) echo x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) echo aarch64-unknown-linux-musl ;;
    Darwin-x86_64) echo x86_64-apple-darwin ;;
    Darwin-arm64) echo aarch64-apple-darwin ;;
    MINGW*-x86_64 | MSYS*-x86_64 | CYGWIN*-x86_64) echo x86_64-pc-windows-msvc ;;
  esac
}

sha256() {
  if command -v sha256sum >/dev/null; then
    sha256sum <"$1" | cut -d ' ' -f 1
  else
    shasum -a 256 <"$1" | cut -d ' ' -f 1
  fi
}

# OWNER/NAME of the repository that this action was taken from: the runner says it, or the folder does, which is
# `_actions/OWNER/NAME/REF` (the variable is empty inside some composite actions). Empty for `uses: ./`.
repository() {
  local path=${tree//\\//}
  if [ -n "${GITHUB_ACTION_REPOSITORY:-}" ]; then
    echo "$GITHUB_ACTION_REPOSITORY"
  elif [[ $path =~ /_actions/([^/]+/[^/]+)/[^/]+ ]]; then
    echo "${BASH_REMATCH[1]}"
  fi
}

# Where the archive was built, by GitHub's own record. The checksum has been right by now; this looks behind whoever
# wrote the checksum down. What cannot be asked is said, what was asked and is not so stops everything.
attested() {
  local why_not=
  if [ "${MAINGUARD_ATTESTATION:-}" = off ]; then
    why_not="MAINGUARD_ATTESTATION is off"
  elif ! command -v gh >/dev/null; then
    why_not="gh is not installed"
  elif [ -z "${GH_TOKEN:-}${GITHUB_TOKEN:-}" ]; then
    why_not="there is no token for gh"
  elif [ "${GITHUB_SERVER_URL:-https://github.com}" != https://github.com ]; then
    why_not="the attestations are on github.com"
  elif ! gh attestation --help >/dev/null 2>&1; then
    why_not="this gh is too old for it"
  fi
  if [ -n "$why_not" ]; then
    say "the attestation was not checked: $why_not"
    return 0
  fi
  gh attestation verify "$1" --repo "$repository" --signer-workflow "$repository/.github/workflows/release.yml" >&2 ||
    return 1
  say "GitHub attests that $repository built it"
}

# Why no release archive can be used here; nothing when one can.
obstacle() {
  if [ -z "$target" ]; then
    echo "there is no release for $(uname -s) on $(uname -m)"
  elif [ "$version" != "$source_version" ]; then
    echo "this tree is version $source_version, its checksums are those of $version"
  elif [ -z "$wanted" ]; then
    echo "actions/checksums.txt lists no $archive"
  elif [ -z "$releases" ]; then
    echo "the action stands in the workspace (uses: ./), so this very tree is meant"
  fi
}

# --- 1. the caller's own binary -----------------------------------------------------------------------------------
if [ -n "${MAINGUARD_BIN:-}" ]; then
  [ -x "$MAINGUARD_BIN" ] || refuse "MAINGUARD_BIN names $MAINGUARD_BIN, which is not a program"
  say "using MAINGUARD_BIN: $MAINGUARD_BIN"
  found "$MAINGUARD_BIN"
  exit 0
fi

version=$(sed -n 's/^version //p' "$manifest")
source_version=$(sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$tree/Cargo.toml")
target=$(platform)
suffix=
[[ $target == *windows* ]] && suffix=.exe
archive=mainguard-$version-$target.tar.gz
wanted=$(awk -v file="$archive" '$2 == file { print $1 }' "$manifest")
[[ $wanted =~ ^([0-9a-f]{64})?$ ]] || refuse "actions/checksums.txt: the checksum of $archive is not one SHA-256"

repository=$(repository)
releases=${repository:+${GITHUB_SERVER_URL:-https://github.com}/$repository/releases/download}
protocol='=https'
if [ -n "${MAINGUARD_TEST_RELEASES:-}" ]; then
  # For this project's own tests: a server on this machine, and no other place.
  [[ $MAINGUARD_TEST_RELEASES =~ ^http://(127\.0\.0\.1|\[::1\]):[0-9]+$ ]] ||
    refuse "MAINGUARD_TEST_RELEASES must be a loopback address, as in http://127.0.0.1:8080"
  releases=$MAINGUARD_TEST_RELEASES protocol='=http'
fi

temporary=${RUNNER_TEMP:-${TMPDIR:-/tmp}}
why_not=$(obstacle)

# --- 2. the tool cache --------------------------------------------------------------------------------------------
# The checksum is part of the folder's name, so that another manifest never meets this binary.
cached=${RUNNER_TOOL_CACHE:-$temporary}/mainguard/$version/${wanted:0:16}
if [ -z "$why_not" ] && [ -n "${RUNNER_TOOL_CACHE:-}" ] && [ -x "$cached/mainguard$suffix" ] && [ -e "$cached.complete" ]; then
  say "using the tool cache: $cached"
  found "$cached/mainguard$suffix"
  exit 0
fi

work=$(mktemp -d "$temporary/mainguard.XXXXXX")

# --- 3. the release archive ---------------------------------------------------------------------------------------
if [ -z "$why_not" ]; then
  say "downloading $releases/v$version/$archive"
  # Inside the folder and with relative names: GNU tar takes the `D:` of a path for the name of a machine.
  cd "$work"
  curl --proto "$protocol" --proto-redir "$protocol" --tlsv1.2 --fail --silent --show-error --location \
    --max-redirs 5 --retry 3 --connect-timeout 15 --max-time 300 --max-filesize 104857600 --output "$archive" \
    "$releases/v$version/$archive" || why_not="the release archive could not be downloaded"
fi
if [ -z "$why_not" ]; then
  got=$(sha256 "$archive")
  if [ "$got" != "$wanted" ]; then
    rm -rf "$work"
    refuse "$archive is not the file that actions/checksums.txt names
  wanted SHA-256 $wanted
  got    SHA-256 $got
hint: nothing was installed; tell the maintainers of mainguard, your workflow is not at fault"
  fi
  if ! attested "$archive"; then
    rm -rf "$work"
    refuse "GitHub does not attest that $repository built $archive
hint: nothing was installed; when it is GitHub that cannot be reached, set MAINGUARD_ATTESTATION=off, and the checksum
      in actions/checksums.txt alone decides"
  fi
  tar -xzf "$archive" "mainguard$suffix"
  chmod 755 "mainguard$suffix"
  mkdir -p "$cached"
  # Renamed into place, so that a job beside this one sees the whole file or none.
  cp "mainguard$suffix" "$cached/mainguard.$$"
  mv -f "$cached/mainguard.$$" "$cached/mainguard$suffix"
  : >"$cached.complete"
  rm -rf "$work"
  say "installed the release archive, SHA-256 $wanted as listed"
  found "$cached/mainguard$suffix"
  exit 0
fi

# --- 4. from source -----------------------------------------------------------------------------------------------
# Into the job's own folder, never into the tool cache: two commits can carry the same version.
command -v cargo >/dev/null || refuse "$why_not, and there is no cargo to build it with
hint: install Rust in a step before this one, or set MAINGUARD_BIN"
say "building from source: $why_not"
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$temporary/mainguard-target} \
  cargo install --locked --force --quiet --path "$tree" --root "$work" >&2
found "$work/bin/mainguard$suffix"
