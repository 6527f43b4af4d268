#!/usr/bin/env python3
"""rules_compare.py --gitleaks BINARY --stock gitleaks.toml TREE...

Scans each TREE twice with gitleaks' own binary, once with the stock rules and once with ours (rules/secrets/*.toml behind
one another), and prints the findings by rule side by side. --new and --gone show the findings that only we, or only the
stock rules have; without them nothing of a finding but its rule is printed. Secrets are never printed whole: six characters
and the length. --decode N sets the depth of decoding (default 0, which is how false alarms are best compared).

Exit status: 0, unless a scan fails."""
import argparse
import collections
import json
import pathlib
import subprocess
import tempfile

RULES = pathlib.Path(__file__).resolve().parents[2] / 'rules' / 'secrets'


def our_rules(folder):
    files = sorted(RULES.glob('*.toml'), key=lambda file: (file.name != 'global.toml', file.name))
    path = pathlib.Path(folder) / 'ours.toml'
    path.write_text('\n'.join(file.read_text() for file in files))
    return path


def scan(binary, config, tree, depth, folder):
    report = pathlib.Path(folder) / 'report.json'
    command = [binary, 'dir', tree, '--config', config, '--report-format', 'json', '--report-path', report]
    command += ['--no-banner', '--log-level', 'error', '--max-decode-depth', str(depth), '--exit-code', '0']
    subprocess.run([str(word) for word in command], check=True)
    return json.loads(report.read_text())


def place(finding):
    return finding['File'], finding['StartLine'], finding['Secret']


def show(title, findings, most):
    print(f'\n{title}: {len(findings)}')
    for finding in findings[:most]:
        secret = finding['Secret']
        print(f"  {finding['RuleID']:<36} {finding['File']}:{finding['StartLine']}  {secret[:6]}… ({len(secret)})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gitleaks', required=True)
    parser.add_argument('--stock', required=True)
    parser.add_argument('--decode', type=int, default=0)
    parser.add_argument('--new', type=int, default=0, metavar='N', help='show N findings that only our rules have')
    parser.add_argument('--gone', type=int, default=0, metavar='N', help='show N findings that only the stock rules have')
    parser.add_argument('trees', nargs='+')
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ours = our_rules(folder)
        for tree in given.trees:
            before = scan(given.gitleaks, given.stock, tree, given.decode, folder)
            after = scan(given.gitleaks, ours, tree, given.decode, folder)
            stock, mine = (collections.Counter(f['RuleID'] for f in found) for found in (before, after))
            print(f'{tree}: stock {len(before)}, ours {len(after)}')
            for rule in sorted(set(stock) | set(mine), key=lambda rule: (-stock[rule] - mine[rule], rule)):
                print(f'  {rule:<44} {stock[rule]:>7} {mine[rule]:>7}')
            known, kept = {place(f) for f in before}, {place(f) for f in after}
            if given.new:
                show('only ours', [f for f in after if place(f) not in known], given.new)
            if given.gone:
                show('only stock', [f for f in before if place(f) not in kept], given.gone)


main()
