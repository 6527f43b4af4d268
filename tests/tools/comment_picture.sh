#!/usr/bin/env bash
# tests/tools/comment_picture.sh [MAINGUARD]: makes docs/comment.png, a picture of the comment that mainguard writes.
#
# The Markdown is that of the binary for the pull request below. `marked` renders it as GitHub flavours it, with GitHub's
# own stylesheet, and a headless Chromium takes the picture. Needs git, node with npm, and chromium.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
binary=$(realpath "${1:-target/debug/mainguard}")
picture=$PWD/docs/comment.png
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

git init -q -b main repo
cd repo
commit() { git add -A && git -c user.name=Ann -c user.email=ann@example.org commit -qm "$1"; }
mkdir -p src packages/contracts
echo 'fn main() {}' >src/main.rs
commit first
git switch -qc refunds
for line in {1..180}; do echo "    total += amounts[$line];"; done >src/refund.rs
echo 'export type Refund = { amount: number; currency: string };' >packages/contracts/refund.ts
commit 'Add refunds'
cat >../event.json <<JSON
{"action": "opened", "number": 482, "repository": {"full_name": "acme/shop"}, "pull_request": {
  "number": 482, "state": "open", "title": "Add refunds", "user": {"login": "ann"}, "draft": false, "labels": [],
  "body": "## Scope\n\nRefunds go back to the card that was charged.\n\n## Contracts touched\n\n- [x] No\n\n## Endpoints added/changed\n\nPOST /refunds\n\n## Tests added\n\n- [x] Unit\n\n## Risk & rollout\n\nBehind the flag refunds-v2, off in production.\n",
  "base": {"ref": "main", "sha": "$(git rev-parse main)", "repo": {"full_name": "acme/shop"}},
  "head": {"ref": "refunds", "sha": "$(git rev-parse HEAD)", "repo": {"full_name": "acme/shop"}}}}
JSON
env -i PATH="$PATH" GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_EVENT_PATH=../event.json \
  "$binary" check --format markdown >../comment.md 2>../said || [ $? -eq 1 ]

cd ..
npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error marked@18.2.1 github-markdown-css@5.9.0
cat >render.mjs <<'JS'
import { readFileSync, writeFileSync } from "node:fs";
import { marked } from "marked";
const css = readFileSync("node_modules/github-markdown-css/github-markdown-light.css", "utf8");
const body = marked.parse(readFileSync("comment.md", "utf8"), { gfm: true });
writeFileSync("page.html", `<!doctype html><meta charset="utf-8"><style>${css}
  body { margin: 0; padding: 12px; background: #fff; font: 14px "Liberation Sans", sans-serif }
  .markdown-body { padding: 16px; font: 14px/1.5 "Liberation Sans", "Noto Color Emoji", sans-serif }
  .comment { width: 780px; border: 1px solid #d1d9e0; border-radius: 6px }
  .author { padding: 8px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; border-radius: 6px 6px 0 0 }
</style><div class="comment"><div class="author"><b>github-actions</b> bot</div>
<div class="markdown-body">${body}</div></div>`);
JS
node render.mjs
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1.5 \
  --window-size="806,${HEIGHT:-1050}" --screenshot="$picture" "file://$work/page.html" 2>chromium.log
echo "$picture"
