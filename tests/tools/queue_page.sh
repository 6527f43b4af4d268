#!/usr/bin/env bash
# tests/tools/queue_page.sh FOLDER: pictures of `queue status --format html`, as a headless Chromium shows it.
#
# The page is that of the test `the_page_shows_who_is_tested_who_waits_and_who_left`: light and dark, on a wide screen and
# on a telephone. Needs cargo and chromium.
set -euo pipefail
folder=$(realpath "${1:?where the pictures go}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
page=$folder/queue.html
MAINGUARD_QUEUE_PAGE=$page cargo test --quiet --test it -- queue::command::the_page_shows
picture() { # name, width, height, further flags
  local name=$1 size=$2,$3
  shift 3
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars "$@" --window-size="$size" \
    --screenshot="$folder/$name.png" "file://$page" 2>>"$folder/chromium.log"
  echo "$folder/$name.png"
}
picture queue-light 1100 1150
picture queue-dark 1100 1150 --blink-settings=preferredColorScheme=0
# Chromium has no window narrower than 500 pixels; a page in a frame has.
printf '<!doctype html><meta name="color-scheme" content="light dark"><body style="margin:0"><iframe src="queue.html" style="border:0;width:390px;height:2000px"></iframe>' >"$folder/narrow.html"
page=$folder/narrow.html
picture queue-narrow-light 500 1900
picture queue-narrow-dark 500 1900 --blink-settings=preferredColorScheme=0
rm -f "$folder/narrow.html"
