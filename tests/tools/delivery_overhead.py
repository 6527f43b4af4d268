#!/usr/bin/env python3
"""tests/tools/delivery_overhead.py [MAINGUARD] [RUNS]: how long telling events holds up a job.

Runs `mainguard check` in a small repository as a workflow would: silent, with all four sinks healthy on loopback, and
with all four hanging. Prints the difference of the medians and of the fastest runs, and the longest run with hanging
sinks. Exits with 1 when a target is missed: 60 ms with healthy sinks, 2.5 s with hanging ones. Standard library only.
"""

import http.server
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time


class Sink(http.server.BaseHTTPRequestHandler):
    hangs = False
    taken = 0
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if Sink.hangs:
            time.sleep(30)
            return
        Sink.taken += 1
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def processor():
    """Seconds for which our children have kept a processor busy."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def repository(folder):
    def git(*arguments):
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "GIT_CONFIG_GLOBAL": "/dev/null"}
        author = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
        return subprocess.run(
            ["git", *author, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "main")
    with open(os.path.join(folder, "main.rs"), "w") as file:
        file.write("fn main() {}\n")
    git("add", "-A")
    git("commit", "-qm", "first")
    base = git("rev-parse", "HEAD")
    with open(os.path.join(folder, "main.rs"), "a") as file:
        file.write("fn more() {}\n")
    git("commit", "-qam", "second")
    return base, git("rev-parse", "HEAD")


def main():
    binary = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else "target/debug/mainguard")
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 21
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as outside:
        base, head = repository(folder)
        repo = {"full_name": "octo/shop"}
        pull = {
            "number": 7, "state": "open", "title": "Add more", "user": {"login": "ann"}, "draft": False, "labels": [],
            "body": "", "updated_at": "2026-03-01T10:00:00Z",
            "base": {"ref": "main", "sha": base, "repo": repo}, "head": {"ref": "more", "sha": head, "repo": repo},
        }
        event = os.path.join(outside, "event.json")
        with open(event, "w") as file:
            json.dump({"action": "opened", "number": 7, "repository": repo, "pull_request": pull}, file)
        common = {
            "PATH": os.environ["PATH"], "HOME": outside, "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_EVENT_PATH": event, "GITHUB_REPOSITORY": "octo/shop", "GITHUB_RUN_ID": "9",
        }
        sinks = {
            "POSTHOG_API_KEY": "phc_measure", "POSTHOG_HOST": url, "SLACK_WEBHOOK_URL": url + "/slack",
            "MAINGUARD_CDEVENTS_URL": url + "/ce", "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        }

        def job(number, more):
            environment = {**common, "MAINGUARD_OUTBOX": os.path.join(outside, f"outbox-{number}"), **more}
            before, started = processor(), time.monotonic()
            ended = subprocess.run([binary, "check"], cwd=folder, env=environment, capture_output=True, text=True)
            took, busy = time.monotonic() - started, processor() - before
            if ended.returncode not in (0, 1):
                sys.exit(f"exit code {ended.returncode}: {ended.stderr}")
            return took, busy, ended.returncode

        silent, healthy, codes = ([], []), ([], []), set()
        # In turn, so that a busy machine is busy for both.
        for number in range(runs):
            for times, more in ((silent, {"MAINGUARD_TELEMETRY": "off"}), (healthy, sinks)):
                took, busy, code = job(f"{number}-{len(more)}", more)
                times[0].append(took)
                times[1].append(busy)
                codes.add(code)
        told = Sink.taken
        Sink.hangs = True
        hanging = []
        for number in range(5):
            took, _, code = job(f"hang-{number}", sinks)
            hanging.append(took)
            codes.add(code)
    (silent, silent_busy), (healthy, healthy_busy) = silent, healthy
    busier = statistics.median(healthy_busy) - statistics.median(silent_busy)
    ms = lambda seconds: f"{seconds * 1000:.0f} ms"
    overhead = statistics.median(healthy) - statistics.median(silent)
    worst = max(hanging) - statistics.median(silent)
    print(f"silent            median {ms(statistics.median(silent))}, fastest {ms(min(silent))}")
    print(f"healthy sinks     median {ms(statistics.median(healthy))}, fastest {ms(min(healthy))}; {told} requests taken")
    print(f"overhead          {ms(overhead)} by the medians, {ms(min(healthy) - min(silent))} by the fastest (60 ms)")
    print(f"of it processor   {ms(busier)} by the medians; the rest is waiting, for sinks or for a busy machine")
    print(f"every sink hangs  {ms(worst)} more at worst (2500 ms)")
    print(f"exit codes        {sorted(codes)}")
    sys.exit(0 if min(healthy) - min(silent) <= 0.060 and worst <= 2.5 and len(codes) == 1 and told else 1)


main()
