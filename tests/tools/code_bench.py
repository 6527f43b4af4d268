#!/usr/bin/env python3
"""What the guards for code and dependencies cost as whole processes, beside their peers where those are installed.

    tests/tools/code_bench.py --bin target/release/mainguard [--tree DIR] [--rounds 9]

Measured: a change of six files in a repository of 3,000, the whole of that repository, a Cargo.lock of 753 packages with
the index warm, and the size of the binary. Repository, lockfile and advisories are made in a temporary folder and are the
same every time; --tree takes a work tree of yours for the second figure instead. Commands take turns; what is printed
is the median wall time and the median of user and system time. Exit code 1: a figure misses its bar.
"""
import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

FILES = 3_000
PACKAGES = 753

PARTS = {
    "py": ("import os\nimport subprocess\nimport hashlib\nfrom flask import request\n",
           "def handler_{n}(name, limit=10):\n    rows = [row for row in load(name) if row.size > limit]\n"
           "    for row in rows:\n        log.info('row %s of %s', row.id, name)\n"
           "    digest = hashlib.sha256(str(len(rows)).encode()).hexdigest()\n"
           "    subprocess.run(['ls', '-l', name], check=True)\n    return {{'rows': rows, 'digest': digest}}\n\n"),
    "js": ("const fs = require('fs');\nconst path = require('path');\nconst express = require('express');\n",
           "function handler{n}(req, res) {{\n  const name = path.basename(String(req.query.name));\n"
           "  fs.readFile(path.join(__dirname, 'data', name), (error, text) => {{\n"
           "    if (error) return res.status(404).json({{ error: error.code }});\n"
           "    res.json({{ name, length: text.length }});\n  }});\n}}\n\n"),
    "ts": ("import {{ readFile }} from 'node:fs/promises';\nimport {{ createHash }} from 'node:crypto';\n",
           "export async function load{n}(name: string): Promise<string> {{\n  const text = await readFile(name, 'utf8');\n"
           "  const hash = createHash('sha256').update(text).digest('hex');\n  return `${{name}}:${{hash}}`;\n}}\n\n"),
    "go": ("package part\n\nimport (\n\t\"database/sql\"\n\t\"fmt\"\n\t\"net/http\"\n)\n\n",
           "func Handler{n}(db *sql.DB) http.HandlerFunc {{\n\treturn func(w http.ResponseWriter, r *http.Request) {{\n"
           "\t\trows, err := db.Query(\"SELECT id FROM t WHERE name = $1\", r.FormValue(\"name\"))\n"
           "\t\tif err != nil {{\n\t\t\thttp.Error(w, \"no\", 500)\n\t\t\treturn\n\t\t}}\n\t\tdefer rows.Close()\n"
           "\t\tfmt.Fprintln(w, \"ok\")\n\t}}\n}}\n\n"),
    "java": ("import java.sql.*;\nimport java.util.*;\n\nclass Part {{\n",
             "  List<String> load{n}(Connection c, String name) throws SQLException {{\n"
             "    PreparedStatement s = c.prepareStatement(\"SELECT id FROM t WHERE name = ?\");\n    s.setString(1, name);\n"
             "    List<String> found = new ArrayList<>();\n    try (ResultSet rows = s.executeQuery()) {{\n"
             "      while (rows.next()) {{ found.add(rows.getString(1)); }}\n    }}\n    return found;\n  }}\n\n"),
    "rs": ("use std::fs;\nuse std::process::Command;\n\n",
           "pub fn load_{n}(name: &str) -> std::io::Result<String> {{\n    let text = fs::read_to_string(name)?;\n"
           "    let lines = text.lines().filter(|line| !line.is_empty()).count();\n"
           "    Command::new(\"ls\").arg(name).status()?;\n    Ok(format!(\"{{name}}: {{lines}}\"))\n}}\n\n"),
}
BAD = "import os\n\ndef handler(name):\n    os.system('ls ' + name)\n"


def source(ending, number, functions=12):
    head, body = PARTS[ending]
    text = head.format(n=number) + "".join(body.format(n=f"{number}_{at}") for at in range(functions))
    return text + ("}\n" if ending == "java" else "")


def git(folder, *arguments):
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
                   "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com"}
    subprocess.run(["git", "-C", folder, *arguments], check=True, env=environment, capture_output=True)


def repository(folder):
    """3,000 files of six languages, and a second commit that changes one of each."""
    endings = sorted(PARTS)
    for number in range(FILES):
        ending = endings[number % len(endings)]
        path = os.path.join(folder, f"part{number // 100}", f"file{number}.{ending}")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(source(ending, number))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "first")
    for number, ending in enumerate(endings):
        with open(os.path.join(folder, "part0", f"file{number}.{ending}"), "w") as file:
            file.write(source(ending, number, 13) if ending != "py" else BAD)
    git(folder, "commit", "--quiet", "--all", "--message", "second")


def lockfile(folder):
    """A Cargo.lock of 753 packages, and archives with three advisories for every fourth of them."""
    with open(os.path.join(folder, "Cargo.lock"), "w") as file:
        file.write("version = 4\n")
        for number in range(PACKAGES):
            needs = "".join(f' "crate-{number + step}",' for step in (1, 2, 3) if number + step < PACKAGES)
            file.write(f'\n[[package]]\nname = "crate-{number}"\nversion = "1.{number % 20}.0"\n'
                       f'source = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "{number:064x}"\n'
                       f"dependencies = [{needs}]\n")
    archives = os.path.join(folder, "osv")
    os.makedirs(os.path.join(archives, "crates.io"))
    with zipfile.ZipFile(os.path.join(archives, "crates.io", "all.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(0, PACKAGES * 4, 4):
            for part in range(3):
                fixed = f"1.{part}.0" if part else "0.9.0"
                record = {"id": f"RUSTSEC-2024-{number * 3 + part:05}", "summary": "something", "affected": [
                    {"package": {"ecosystem": "crates.io", "name": f"crate-{number}"},
                     "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]}
                archive.writestr(record["id"] + ".json", json.dumps(record))
    return archives


def once(command, folder, environment):
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(what, commands, folder, environment, rounds, bar=None, of="wall"):
    """Prints a line for each command; whether the first keeps its bar."""
    times = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            taken = once(command, folder, environment)
            if turn:
                times[name].append(taken)
    print(what)
    kept = True
    for name, taken in times.items():
        wall, cpu = (statistics.median(column) * 1_000 for column in zip(*taken))
        note = ""
        if name == "mainguard" and bar:
            kept = (wall if of == "wall" else cpu) <= bar
            note = f"   bar: {bar} ms {of}, {'kept' if kept else 'MISSED'}"
        print(f"  {name:14} {wall:9.1f} ms wall {cpu:9.1f} ms CPU{note}")
    return kept


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bin", required=True)
    arguments.add_argument("--tree")
    arguments.add_argument("--rounds", type=int, default=9)
    given = arguments.parse_args()
    binary = os.path.abspath(given.bin)
    with tempfile.TemporaryDirectory() as folder:
        # An environment of its own: no configuration of the reader's, no runner's variables.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "MAINGUARD_"))}
        environment |= {"XDG_CACHE_HOME": os.path.join(folder, "cache"), "GIT_CONFIG_GLOBAL": os.devnull}
        code = os.path.join(folder, "code")
        os.makedirs(code)
        repository(code)
        archives = lockfile(folder)
        index = os.path.join(folder, "index")
        once([binary, "deps", "update", "--from", archives, "--advisories", index], folder, environment)

        semgrep, audit, scanner = (shutil.which(tool) for tool in ("semgrep", "cargo-audit", "osv-scanner"))
        for tool, found in (("semgrep", semgrep), ("cargo-audit", audit), ("osv-scanner", scanner)):
            if not found:
                print(f"not installed, so not measured: {tool}")
        rules = os.path.join(folder, "rules.yml")
        with open(rules, "w") as file:
            file.write("rules: [{id: r, languages: [python], severity: ERROR, message: m, pattern: 'os.system($X)'}]\n")
        asked = [semgrep, "scan", "--quiet", "--metrics=off", "--disable-version-check", "--config", rules]

        commands = {"mainguard": [binary, "check", "--only", "sast", "--base", "HEAD~1"]}
        if semgrep:
            commands["semgrep, 1 rule"] = [*asked, "--baseline-commit", "HEAD~1"]
        kept = measure(f"six changed files of {FILES}", commands, code, environment, given.rounds, 50)

        tree = os.path.abspath(given.tree) if given.tree else code
        commands = {"mainguard": [binary, "sast", "--format", "json"]}
        if semgrep:
            commands["semgrep, 1 rule"] = asked
        what = f"the whole of {given.tree}" if given.tree else f"the whole of {FILES} files"
        kept &= measure(what, commands, tree, environment, max(given.rounds // 3, 1), 1_500, "CPU")

        commands = {"mainguard": [binary, "deps", "check", "--lockfile", "Cargo.lock", "--advisories", index]}
        if audit:
            commands["cargo-audit"] = [audit, "audit", "--no-fetch", "--stale", "--file", "Cargo.lock"]
        if scanner:
            commands["osv-scanner"] = [scanner, "scan", "--offline", "--lockfile", "Cargo.lock"]
        kept &= measure(f"a Cargo.lock of {PACKAGES} packages", commands, folder, environment, given.rounds, 50)

        size = os.path.getsize(binary) / 1_000_000
        kept &= size <= 40
        print(f"the binary: {size:.1f} MB   bar: 40 MB, {'kept' if size <= 40 else 'MISSED'}")
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
