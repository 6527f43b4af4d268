#!/usr/bin/env bash
# tests/tools/queue_trials.sh [SEEDS] [PULLS] [cargo test's own arguments]: the queue's trials at full size.
#
# The queue decides in pure files that need little else, so they are compiled in release without the rest of the
# program, in a minute instead of ten. 1,000 seeds with 500 pull requests each, in each of four kinds of weather, take
# about 50 minutes of one core. Without numbers: these. A seed that breaks a promise is printed with the smallest story
# that still does; MAINGUARD_QUEUE_SEED=<seed> tells it again. MAINGUARD_QUEUE_TABLE=3000 prints the table of docs/queue.md:
#   MAINGUARD_QUEUE_TABLE=3000 tests/tools/queue_trials.sh 1 1 the_table
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
export MAINGUARD_QUEUE_SEEDS=${1:-1000} MAINGUARD_QUEUE_PULLS=${2:-500}
shift $(($# < 2 ? $# : 2))

crate=$root/target/queue-trials
mkdir -p "$crate/src"
for name in change.rs queue.rs queue text.rs text; do ln -sfn "$root/src/$name" "$crate/src/$name"; done
# A story is small pieces that come and go: with this allocator it is told in half the time.
{
  printf '#[global_allocator]\nstatic ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;\n\n'
  printf 'pub mod change;\npub mod queue;\npub mod text;\n'
} >"$crate/src/lib.rs"
cp Cargo.lock "$crate/Cargo.lock"
{
  printf '[package]\nname = "queue-trials"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n\n[dependencies]\n'
  # The same versions and features as the program's.
  grep -E '^(bstr|chrono|schemars|serde|serde_json|sha2|strsim|thiserror) = ' <(sed '/^\[build-dependencies\]/,$d' Cargo.toml)
  printf 'mimalloc = { version = "0.1", default-features = false }\n'
  printf '\n[profile.release]\ndebug = "line-tables-only"\n\n[workspace]\n'
} >"$crate/Cargo.toml"
exec cargo test --quiet --release --manifest-path "$crate/Cargo.toml" --target-dir "$crate/target" --lib \
  -- --nocapture "${@:-queue::trials}"
