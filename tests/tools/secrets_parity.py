#!/usr/bin/env python3
"""secrets_parity.py --bin mainguard --peer gitleaks --config gitleaks.toml REPOSITORY...

Scans each REPOSITORY (a git repository, bare or not) twice with both programs and the same rules: its whole history
(`git`) and the files of its HEAD (`dir`). Every field of every finding in the JSON reports is compared, and a finding
that is reported twice counts twice. One thing is evened out, for it is ours on purpose (docs/secrets.md): the peer
reports a file that is forbidden by its path once per 100 kB of it.

--mode git or --mode dir does one of the two. --flag=--max-decode-depth=0 and the like go to both programs. --show N
prints N findings of each difference: rule, place and the first four characters of the secret, never all of it.

Exit status: 0 when nothing differs, 1 when something does, 2 when a program failed."""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time


class Failed(Exception):
    pass


def run(command, **options):
    words = [str(word) for word in command]
    done = subprocess.run(words, **options)
    if done.returncode:
        raise Failed(f'{" ".join(words)} failed with {done.returncode}')
    return done


def commits(repository):
    return int(run(['git', '-C', repository, 'rev-list', '--count', '--all'], capture_output=True).stdout)


def check_out(repository, folder):
    """The files of HEAD in a new folder, without a repository around them."""
    tree = pathlib.Path(folder) / 'tree'
    tree.mkdir()
    git_dir = run(['git', '-C', repository, 'rev-parse', '--absolute-git-dir'], capture_output=True, text=True).stdout
    environment = os.environ | {'GIT_INDEX_FILE': str(pathlib.Path(folder) / 'index')}
    command = ['git', '-c', 'advice.detachedHead=false', '--git-dir', git_dir.strip(), '--work-tree', tree]
    run(command + ['read-tree', 'HEAD'], env=environment)
    run(command + ['checkout-index', '--all', '--quiet'], env=environment)
    return tree


def scan(program, mode, where, config, flags, folder):
    """The findings in the JSON report, and the seconds it took."""
    report = pathlib.Path(folder) / 'report.json'
    report.unlink(missing_ok=True)
    command = program + [mode, where, '--config', config, '--report-format', 'json', '--report-path', report]
    command += ['--no-banner', '--log-level', 'error', '--exit-code', '0', *flags]
    started = time.monotonic()
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if done.returncode or not report.exists():
        raise Failed(f'{command[0]} {mode} {where} failed with {done.returncode}\n{done.stderr}')
    return json.loads(report.read_text()), seconds


def counted(findings):
    """How often each finding is reported, a finding by path at most once."""
    found = collections.Counter(json.dumps(finding, sort_keys=True) for finding in findings)
    for text in found:
        finding = json.loads(text)
        if not finding['Secret'] and finding['Match'].startswith('file detected: '):
            found[text] = 1
    return found


def show(title, differing, most):
    for text in sorted(differing)[:most]:
        finding = json.loads(text)
        place = ':'.join(str(finding[key]) for key in ('File', 'StartLine', 'StartColumn', 'EndLine', 'EndColumn'))
        secret = finding['Secret']
        print(f"    {title} {finding['RuleID']} {finding['Commit'][:10]} {place} {secret[:4]!r}… ({len(secret)}) {finding['Tags']}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--bin', default='target/release/mainguard')
    parser.add_argument('--peer', default='gitleaks')
    parser.add_argument('--config', required=True)
    parser.add_argument('--mode', choices=['git', 'dir', 'both'], default='both')
    parser.add_argument('--flag', action='append', default=[], help='a flag for both programs')
    parser.add_argument('--show', type=int, default=0, metavar='N')
    parser.add_argument('repositories', nargs='+', type=pathlib.Path)
    given = parser.parse_args()
    ours = [os.path.abspath(given.bin), 'secrets']
    peer = [os.path.abspath(given.peer) if os.sep in given.peer else given.peer]
    config = os.path.abspath(given.config)

    different = failed = False
    columns = '{:<32} {:>4} {:>8} {:>9} {:>8} {:>6} {:>8} {:>8}'
    print(columns.format('repository', 'mode', 'commits', 'findings', 'missing', 'extra', 'ours s', 'peer s'))
    for repository in given.repositories:
        repository = repository.resolve()
        name = repository.parent.name if repository.name in ('repo', '.git') else repository.name
        for mode in ('git', 'dir') if given.mode == 'both' else (given.mode,):
            with tempfile.TemporaryDirectory() as folder:
                flags = given.flag + (['--no-resume'] if mode == 'git' else [])
                try:
                    where = repository if mode == 'git' else check_out(repository, folder)
                    mine, my_seconds = scan(ours, mode, where, config, flags, folder)
                    theirs, their_seconds = scan(peer, mode, where, config, given.flag, folder)
                except Failed as error:
                    print(error, file=sys.stderr)
                    failed = True
                    continue
            mine, theirs = counted(mine), counted(theirs)
            missing, extra = theirs - mine, mine - theirs
            different |= bool(missing or extra)
            count = commits(repository) if mode == 'git' else '-'
            numbers = [theirs.total(), missing.total(), extra.total(), f'{my_seconds:.1f}', f'{their_seconds:.1f}']
            print(columns.format(name[:32], mode, count, *numbers), flush=True)
            show('missing', missing, given.show)
            show('extra', extra, given.show)
    sys.exit(2 if failed else 1 if different else 0)


main()
