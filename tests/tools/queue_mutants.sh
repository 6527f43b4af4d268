#!/usr/bin/env bash
# tests/tools/queue_mutants.sh [NAME…]: takes the driver's safety checks out one by one; a test must fail for each.
#
# What the pure queue checks is taken out by the test `every_safety_check_is_missed_when_it_is_taken_out`. What is checked
# where git and GitHub are touched is taken out here, in a copy of the working tree under target/mutants, which is
# compiled anew for each: some minutes each.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD copy=$PWD/target/mutants

# name | file | what stands there | what stands there instead | tests that may notice
mutants() {
  cat <<'LIST'
ancestry|src/queue_driver/perform.rs|if !store.is_ancestor(land.base_old(), land.new_tip()).map_err(later)? {|if false {|queue::last_look
recomputed|src/queue_driver/perform.rs|if onto != *land.new_tip() \|\| tree.as_ref() != Some(land.tree()) \|\| tested != *land.tree() {|if tree.is_none() {|queue::last_look
lease|src/git/integrate.rs|updates.iter().map(\|update\| format!("--force-with-lease={}:{}", update.name, id(&update.old)))|updates.iter().take(0).map(\|update\| format!("--force-with-lease={}:{}", update.name, id(&update.old)))|queue::last_look
atomic|src/git/integrate.rs|["--atomic", "--porcelain"|["--no-atomic", "--porcelain"|queue::last_look
label-again|src/queue_driver/perform.rs|\|\| pull.draft \|\| !wanted|\|\| pull.draft|queue::last_look
head-ref|src/queue_driver/perform.rs|is_some_and(\|head\| *head != member.head)|is_some_and(\|_\| false)|queue::changing::s13
checks-again|src/queue_driver/perform.rs|Some(Ok(_)) => Ok(()),|Some(_) if land.members().count() > 0 => Ok(()), Some(Ok(_)) => Ok(()),|queue::last_look
complete-checks|src/queue_driver/observe.rs|if !read.complete {|if false {|queue::verdicts::s43
write-permission|src/github/queue.rs|matches!(&*answer.permission, "admin" \| "write")|!answer.permission.is_empty()|queue::entering
LIST
}

mkdir -p "$copy"
git ls-files -z | tar --null --files-from=- --create --file=- | tar --extract --file=- --directory="$copy"
if [ ! -d "$copy/target/debug" ]; then
  # Dependencies are compiled already; what will be written again must not be the same file.
  mkdir -p "$copy/target/debug"
  for part in deps build .fingerprint; do cp -al "target/debug/$part" "$copy/target/debug/$part"; done
  rm -rf "$copy"/target/debug/{deps,build,.fingerprint}/{*mainguard*,it-*}
fi
unnoticed=()
while IFS= read -r line; do
  # A bar inside a field is written as \|.
  IFS=$'\x01' read -r name file from to tests <<<"$(sed 's/\\|/\x02/g; s/|/\x01/g; s/\x02/|/g' <<<"$line")"
  [ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
  cp "$root/$file" "$copy/$file"
  FROM=$from TO=$to perl -0pi -e '$n = s/\Q$ENV{FROM}\E/$ENV{TO}/; END { exit 3 unless $n }' "$copy/$file" ||
    { echo "$name: $file does not hold: $from" >&2; exit 2; }
  # What does not compile proves nothing.
  (cd "$copy" && cargo test --quiet --test it --no-run 2>"$copy/target/$name.log") ||
    { echo "$name: does not compile, see $copy/target/$name.log" >&2; exit 2; }
  if (cd "$copy" && cargo test --quiet --test it -- "$tests" >"$copy/target/$name.log" 2>&1); then
    unnoticed+=("$name")
    echo "without $name: NOT NOTICED"
  else
    echo "without $name: noticed by $(grep -oE '^    queue::[a-z_:0-9]+' "$copy/target/$name.log" | sort -u | tr -d ' ' | paste -sd ' ')"
  fi
  cp "$root/$file" "$copy/$file"
done < <(mutants)
[ ${#unnoticed[@]} -eq 0 ] || { echo "nothing notices when these are taken out: ${unnoticed[*]}" >&2; exit 1; }
