#!/usr/bin/env python3
"""Processor time of `mainguard secrets` beside its peers, on the same trees, with the same rules where they take them.

    tests/tools/secrets_bench.py --bin target/release/mainguard [--config gitleaks.toml] [--tree DIR | --corpus DIR]
                                 [--history REPO] [--rounds 3]

Without --tree a corpus is made once under --corpus (default: a folder in the temporary one) from packages of npm and PyPI,
by name. A peer that is not installed is left out, and that is said. Rounds are interleaved; what is printed is the
median of user and system time, the largest resident set, and each tool's ratio to mainguard.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

NPM = ["typescript", "@angular/compiler-cli", "webpack", "rxjs", "lodash", "three", "date-fns", "@babel/core", "eslint",
       "prettier", "monaco-editor", "aws-sdk", "googleapis", "antd", "@mui/material", "core-js", "next", "firebase",
       "react-native", "plotly.js"]
PYPI = ["django", "sympy", "pandas", "scipy", "sqlalchemy", "botocore", "ansible-core", "salt", "twisted", "sphinx"]


def corpus(folder):
    """Unpacks the packages below folder/tree; says what could not be had."""
    tree = os.path.join(folder, "tree")
    if os.path.isdir(tree):
        return tree
    packed = os.path.join(folder, "packed")
    os.makedirs(packed, exist_ok=True)
    for name in NPM:
        run = subprocess.run(["npm", "pack", "--silent", "--pack-destination", packed, name], capture_output=True)
        if run.returncode:
            print(f"left out: {name} (npm)", file=sys.stderr)
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":none:", "--dest", packed]
    for name in PYPI:
        if subprocess.run(pip + [name], capture_output=True).returncode:
            print(f"left out: {name} (PyPI)", file=sys.stderr)
    building = tree + ".part"
    for archive in sorted(os.listdir(packed)):
        path, to = os.path.join(packed, archive), os.path.join(building, archive)
        if archive.endswith((".tgz", ".tar.gz")):
            with tarfile.open(path) as tar:
                tar.extractall(to, filter="data")
        elif archive.endswith(".whl"):
            with zipfile.ZipFile(path) as wheel:
                wheel.extractall(to)
    os.rename(building, tree)
    return tree


def size(tree):
    files = bytes_ = 0
    for top, _, names in os.walk(tree):
        for name in names:
            path = os.path.join(top, name)
            if not os.path.islink(path):
                files, bytes_ = files + 1, bytes_ + os.path.getsize(path)
    return files, bytes_


def stage(tree, repo, size):
    """A repository in which `size` bytes of the tree's source are staged."""
    subprocess.run(["git", "init", "--quiet", repo], check=True)
    text = b""
    for top, _, names in sorted(os.walk(tree)):
        for name in sorted(names):
            path = os.path.join(top, name)
            if name.endswith((".py", ".js", ".ts")) and not os.path.islink(path) and len(text) < size:
                with open(path, "rb") as file:
                    text += file.read(20_000)
    with open(os.path.join(repo, "source.txt"), "wb") as file:
        file.write(text[:size].replace(b"\0", b""))
    subprocess.run(["git", "-C", repo, "add", "source.txt"], check=True)


def measure(command, cwd):
    """Seconds of processor time, seconds on the wall, MiB of the largest resident set."""
    start = time.monotonic()
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(child.pid, 0)
    return usage.ru_utime + usage.ru_stime, time.monotonic() - start, usage.ru_maxrss / 1024


def table(title, tools, cwd, rounds):
    print(f"\n{title}")
    results = {name: [] for name in tools}
    for _ in range(rounds):
        for name, command in tools.items():
            results[name].append(measure(command, cwd))
    ours = statistics.median(row[0] for row in results["mainguard"])
    print(f"{'':14}{'CPU s':>9}{'wall s':>9}{'MiB':>7}   mainguard is")
    for name, rows in results.items():
        cpu, wall = (statistics.median(row[at] for row in rows) for at in (0, 1))
        ratio = "" if name == "mainguard" else f"{ours / cpu:.3f} of it" if cpu else ""
        print(f"{name:14}{cpu:9.3f}{wall:9.3f}{max(row[2] for row in rows):7.0f}   {ratio}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", default="target/release/mainguard")
    parser.add_argument("--config")
    parser.add_argument("--tree")
    parser.add_argument("--corpus", default=os.path.join(tempfile.gettempdir(), "mainguard-secrets-bench"))
    parser.add_argument("--history")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ours = [os.path.abspath(given.bin), "secrets"]
    config = ["--config", os.path.abspath(given.config)] if given.config else []
    peer = {name: shutil.which(name) for name in ("gitleaks", "betterleaks", "kingfisher", "rg", "git")}
    missing = [name for name, path in peer.items() if not path]
    print("left out, not installed: " + ", ".join(missing) if missing else "all peers are here")

    tree = os.path.abspath(given.tree) if given.tree else corpus(given.corpus)
    files, bytes_ = size(tree)
    tools = {"mainguard": ours + ["dir", ".", "--exit-code", "0"] + config}
    if peer["gitleaks"]:
        tools["gitleaks"] = [peer["gitleaks"], "dir", ".", "--no-banner", "--exit-code", "0"] + config
    if peer["betterleaks"]:
        tools["betterleaks"] = [peer["betterleaks"], "."]
    if peer["kingfisher"]:
        tools["kingfisher"] = [peer["kingfisher"], "scan", "--no-validate", "--no-update-check", "."]
    if peer["rg"]:
        tools["rg -c xyzzy"] = [peer["rg"], "-c", "xyzzy", "-uuu"]
    table(f"a tree of {files} files, {bytes_ / 1e6:.0f} MB", tools, tree, given.rounds)

    with tempfile.TemporaryDirectory() as empty:
        with open(os.path.join(empty, "a.txt"), "w") as file:
            file.write("nothing\n")
        tools = {"mainguard": ours + ["dir", "."], "its --version": [ours[0], "--version"]}
        if peer["gitleaks"]:
            tools["gitleaks"] = [peer["gitleaks"], "dir", ".", "--no-banner"]
        if peer["betterleaks"]:
            tools["betterleaks"] = [peer["betterleaks"], "."]
        table("a folder with one file: what it costs to start", tools, empty, given.rounds * 5)

    if peer["git"]:
        with tempfile.TemporaryDirectory() as repo:
            stage(tree, repo, 250_000)
            tools = {"mainguard": ours + ["git", "--staged", "--exit-code", "0"] + config,
                     "git diff": [peer["git"], "diff", "-U0", "--no-ext-diff", "--staged", "."]}
            if peer["gitleaks"]:
                tools["gitleaks"] = [peer["gitleaks"], "git", "--staged", "--no-banner", "--exit-code", "0"] + config
            if peer["betterleaks"]:
                tools["betterleaks"] = [peer["betterleaks"], "git", "--staged", "."]
            table("250 kB of source, staged", tools, repo, given.rounds * 5)

    if given.history and peer["git"]:
        repo = os.path.abspath(given.history)
        tools = {"mainguard": ours + ["git", ".", "--exit-code", "0", "--no-resume"] + config,
                 "with notes": ours + ["git", ".", "--exit-code", "0"] + config,
                 "git log -p": [peer["git"], "log", "-p", "-U0", "--all"]}
        if peer["gitleaks"]:
            tools["gitleaks"] = [peer["gitleaks"], "git", ".", "--no-banner", "--exit-code", "0"] + config
        table(f"the history of {os.path.basename(repo)}", tools, repo, given.rounds)


if __name__ == "__main__":
    main()
