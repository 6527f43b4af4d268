//! TypeScript, SQL and routes as contracts: every rule has a folder that fires it and nothing else.
//!
//! `tests/fixtures/contracts/FORMAT/RULE/` holds `base` and `head`: a file each, or a folder each. A second folder of a
//! rule has `--` and a word behind its name; folders called `near-miss-…` must be silent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mainguard::contracts::{ContractChange, Format, Impact, Tree, routes, sql, typescript};

type Files = BTreeMap<String, Vec<u8>>;

struct Fixture {
    folder: PathBuf,
    name: String,
    base: Files,
    head: Files,
    renames: BTreeMap<String, String>,
}

impl Fixture {
    /// The rule, or nothing if it must be silent.
    fn rule(&self) -> Option<&str> {
        (!self.name.starts_with("near-miss-")).then(|| self.name.split("--").next().unwrap_or_default())
    }
}

fn fixtures(format: &str) -> Vec<Fixture> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/contracts").join(format);
    let mut folders: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let each = folders.into_iter().map(|folder| {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (base, head) = (side(&folder, "base", format), side(&folder, "head", format));
        assert!(!base.is_empty() || !head.is_empty(), "{name} holds nothing");
        let (base, head) = match format {
            // What stands in `head.sql` comes after what stands in `base.sql`.
            "sql" if folder.join("base.sql").exists() => {
                let mut all = base.clone();
                all.insert("0002_next.sql".into(), head.into_values().next().unwrap_or_default());
                (base, all)
            }
            _ => (base, head),
        };
        let moved = fs::read_to_string(folder.join("renames.txt")).unwrap_or_default();
        let moved = moved.lines().filter_map(|line| line.split_once(' '));
        let renames = moved.map(|(from, to)| (from.to_string(), to.to_string())).collect();
        Fixture { folder, name, base, head, renames }
    });
    each.collect()
}

fn side(folder: &Path, which: &str, format: &str) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let single = path.file_stem().is_some_and(|stem| stem == which);
        if path.is_dir() && single {
            collect(&path, "", &mut files);
        } else if single {
            let ending = path.extension().unwrap().to_string_lossy().into_owned();
            let name = match format {
                "typescript" => format!("contract.{ending}"),
                "sql" => format!("0001_start.{ending}"),
                _ => format!("src/server.{ending}"),
            };
            files.insert(name, fs::read(&path).unwrap());
        }
    }
    files
}

fn collect(folder: &Path, prefix: &str, files: &mut Files) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
        match path.is_dir() {
            true => collect(&path, &format!("{name}/"), files),
            false => {
                files.insert(name, fs::read(&path).unwrap());
            }
        }
    }
}

fn compare_fixture(format: &str, fixture: &Fixture) -> Vec<ContractChange> {
    compare(format, &fixture.base, &fixture.head, &fixture.renames)
}

fn compare(format: &str, base: &Files, head: &Files, renames: &BTreeMap<String, String>) -> Vec<ContractChange> {
    match format {
        "typescript" => {
            // What lies in a folder is there to be imported, not a contract of its own.
            let listed =
                |files: &Files| -> Vec<String> { files.keys().filter(|path| !path.contains('/')).cloned().collect() };
            let options = typescript::Options { renames: renames.clone(), ..typescript::Options::default() };
            typescript::diff(base, &listed(base), head, &listed(head), &options).unwrap()
        }
        "sql" => sql::diff(base, &base.paths(), head, &head.paths(), &sql::Options::default()).unwrap(),
        _ => routes::diff(base, &base.paths(), head, &head.paths(), &routes::Options::default()).unwrap(),
    }
}

fn told(changes: &[ContractChange]) -> String {
    let line = |change: &ContractChange| format!("  {} {:?}: {}\n", change.rule, change.impact, change.message);
    changes.iter().map(line).collect()
}

/// Every rule of the table has a folder, every folder fires its rule and only it, and nothing else makes a noise.
fn judge(format: &str, rules: &[&str]) {
    let mut wrong = String::new();
    let mut fired = BTreeSet::new();
    for fixture in fixtures(format) {
        let changes = compare_fixture(format, &fixture);
        let found: BTreeSet<&str> = changes.iter().map(|change| change.rule).collect();
        let wanted: BTreeSet<&str> = fixture.rule().into_iter().collect();
        if found != wanted {
            wrong += &format!("{} fires\n{}", fixture.name, told(&changes));
        }
        fired.extend(fixture.rule().map(str::to_string));
        for (side, files) in [("base", &fixture.base), ("head", &fixture.head)] {
            let noise = compare(format, files, files, &BTreeMap::new());
            if !noise.is_empty() {
                wrong += &format!("{}: {side} against itself fires\n{}", fixture.name, told(&noise));
            }
        }
        assert_eq!(changes, compare_fixture(format, &fixture), "{}: twice the same", fixture.name);
        for change in &changes {
            assert!(change.base.is_some() || change.revision.is_some(), "{}: no place: {change:?}", fixture.name);
            let says = change.impact == Impact::Compatible || (change.breaks.is_some() && change.fix.is_some());
            assert!(says, "{}: who breaks, and what helps? {change:?}", fixture.name);
        }
    }
    for rule in rules {
        if !fired.contains(*rule) {
            wrong += &format!("{rule} has no folder\n");
        }
    }
    for rule in fired.iter().filter(|rule| !rules.contains(&rule.as_str())) {
        wrong += &format!("{rule} stands in no table\n");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_typescript_rule_fires_alone() {
    judge("typescript", &typescript::rules::RULES.iter().map(|rule| rule.id).collect::<Vec<_>>());
}

/// The real compiler agrees: a consumer that compiles against the base does not compile against the head.
///
/// It is looked for in `MAINGUARD_TSC` (the compiler's own script or program) and in `node_modules` of the repository.
#[test]
fn the_compiler_agrees_with_every_breaking_verdict() {
    let Some(tsc) = compiler() else {
        println!("skipped: there is no TypeScript compiler; `npm install typescript` or set MAINGUARD_TSC");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for fixture in fixtures("typescript") {
        let changes = compare_fixture("typescript", &fixture);
        let breaking = changes.iter().any(|change| change.impact == Impact::Breaking);
        let consumer = fixture.folder.join("consumer.ts");
        assert_eq!(breaking, consumer.exists(), "{}: a consumer for what breaks, and only for that", fixture.name);
        if !breaking {
            continue;
        }
        for (side, files) in [("base", &fixture.base), ("head", &fixture.head)] {
            let here = folder.path().join(&fixture.name).join(side);
            fs::create_dir_all(&here).unwrap();
            for (path, bytes) in files {
                let path = here.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            }
            fs::copy(&consumer, here.join("consumer.ts")).unwrap();
        }
        cases.push(fixture.name);
    }
    // One run for all of them: each consumer is a module of its own.
    let config = r#"{"compilerOptions": {"strict": true, "noEmit": true, "target": "es2022", "module": "esnext",
        "moduleResolution": "bundler", "types": [], "isolatedModules": true, "skipLibCheck": true}, "include": ["**/consumer.ts"]}"#;
    fs::write(folder.path().join("tsconfig.json"), config).unwrap();
    let mut command = if tsc.extension().is_some_and(|ending| ending == "js") {
        let mut node = Command::new("node");
        node.arg(&tsc);
        node
    } else {
        Command::new(&tsc)
    };
    let run = command.args(["-p", "."]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(said.contains("error TS"), "the compiler ran: {said}{}", String::from_utf8_lossy(&run.stderr));
    let mut wrong = String::new();
    for name in &cases {
        let errors = |side: &str| said.lines().filter(|line| line.starts_with(&format!("{name}/{side}/"))).count();
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with(&format!("{name}/"))).collect();
        if errors("base") > 0 || errors("head") == 0 {
            wrong += &format!(
                "{name}: base has {} errors, head {}\n  {}\n",
                errors("base"),
                errors("head"),
                lines.join("\n  ")
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    println!("the compiler agrees on {} breaking changes", cases.len());
}

fn compiler() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("MAINGUARD_TSC") {
        return Some(PathBuf::from(named));
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = root.join("node_modules/typescript/bin/tsc");
    let native = root.join("node_modules/.bin/tsc");
    [native, found].into_iter().find(|path| path.exists())
}

#[test]
fn formats_are_what_they_say() {
    let fixture = &fixtures("typescript")[0];
    assert!(compare_fixture("typescript", fixture).iter().all(|change| change.format == Format::TypeScript));
}

#[test]
fn every_sql_rule_fires_alone() {
    judge("sql", &sql::rules::RULES.iter().map(|rule| rule.id).collect::<Vec<_>>());
}

#[test]
fn every_route_rule_fires_alone() {
    judge("routes", &routes::rules::RULES.iter().map(|rule| rule.id).collect::<Vec<_>>());
}

/// Damaged files, as a stranger could send them: an answer comes, and no panic.
#[test]
fn damaged_files_get_an_answer() {
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below.max(1) as u64).unwrap_or(0)
    };
    let pieces: Vec<&[u8]> = vec![
        b"(",
        b")",
        b"{",
        b"}",
        b"[",
        b"]",
        b"<",
        b">",
        b"'",
        b"\"",
        b"`",
        b"$$",
        b"/*",
        b"--",
        b";",
        b",",
        b":",
        b"\0",
        b"\xff",
        "\u{e9}".as_bytes(),
        b"${",
        b"=>",
        b"export ",
        b"default ",
        b"BEGIN ",
        b"@",
        b"...",
        b"?",
        b"|",
        b"&",
        b"\n",
    ];
    for format in ["typescript", "sql", "routes"] {
        for fixture in fixtures(format) {
            for _ in 0..3 {
                let mut head = fixture.head.clone();
                for bytes in head.values_mut() {
                    for _ in 0..1 + next(3) {
                        let at = next(bytes.len() + 1);
                        match next(3) {
                            0 => bytes.truncate(at),
                            1 => drop(bytes.splice(at..at, pieces[next(pieces.len())].iter().copied())),
                            _ => drop(bytes.drain(at..(at + next(8)).min(bytes.len()))),
                        }
                    }
                }
                let _ = compare(format, &fixture.base, &head, &BTreeMap::new());
                let _ = compare(format, &head, &fixture.base, &BTreeMap::new());
            }
        }
    }
}

/// What is built to take for ever, or the stack with it, ends in an answer.
#[test]
fn what_is_built_to_hurt_ends() {
    let one = |path: &str, text: String| Files::from([(path.to_string(), text.into_bytes())]);
    let none = BTreeMap::new();
    let mut doubling = String::from("export type T0<A> = { a: A; b: A };\n");
    for n in 1..60 {
        doubling += &format!("export type T{n}<A> = T{}<{{ a: A; b: A }}>;\n", n - 1);
    }
    let with = |last: &str| one("contract.ts", format!("{doubling}export const x: T59<{last}> = null as any;\n"));
    let _ = compare("typescript", &with("string"), &with("number"), &none);
    let mut diamond = String::from("export interface I0 { a: string }\n");
    for n in 1..60 {
        diamond += &format!(
            "export interface A{n} extends I{0} {{}}\nexport interface B{n} extends I{0} {{}}\nexport interface I{n} extends A{n}, B{n} {{}}\n",
            n - 1
        );
    }
    let with = |last: &str| one("contract.ts", format!("{diamond}export interface X extends I59 {{ z: {last} }}\n"));
    let _ = compare("typescript", &with("string"), &with("number"), &none);
    let cycle = |ty: &str| {
        one(
            "contract.ts",
            format!(
                "export type A = B | {ty};\nexport type B = A | C;\nexport type C = B[];\nexport interface D extends D {{ a: A }}\nexport class E extends E {{}}\n"
            ),
        )
    };
    let _ = compare("typescript", &cycle("string"), &cycle("number"), &none);
    let wide = |ty: &str| {
        let fields: String = (0..9_000).map(|n| format!("f{n}: {ty};")).collect();
        one("contract.ts", format!("export interface Wide {{ {fields} }}"))
    };
    assert!(!compare("typescript", &wide("string"), &wide("number"), &none).is_empty());
    let union = |from: usize| {
        let members: Vec<String> = (from..from + 6_000).map(|n| format!("'m{n}'")).collect();
        one("contract.ts", format!("export type Wide = {};", members.join(" | ")))
    };
    assert!(!compare("typescript", &union(0), &union(10), &none).is_empty());
    let round = Files::from([
        ("a.ts".to_string(), b"export * from './b';\nexport { x } from './b';".to_vec()),
        ("b.ts".to_string(), b"export * from './a';\nexport { x } from './a';".to_vec()),
    ]);
    let _ = compare("typescript", &round, &round, &none);
    for text in [
        format!("SELECT {}1;", "1+".repeat(100_000)),
        format!("DELETE FROM a WHERE {}1;", "1+".repeat(100_000)),
        format!("DELETE FROM a WHERE {}1{};", "(".repeat(100_000), ")".repeat(100_000)),
        "ALTER TABLE a ADD COLUMN b INT;".repeat(20_000),
        format!("CREATE PROCEDURE p() {}", "BEGIN ".repeat(100_000)),
        "$a".repeat(50_000),
        "[a".repeat(50_000),
        "/*".repeat(100_000),
    ] {
        let start = one("0001_a.sql", "CREATE TABLE a (b TEXT);".into());
        let mut head = start.clone();
        head.extend(one("0002_b.sql", text));
        let _ = compare("sql", &start, &head, &none);
    }
    let empty = Files::new();
    for (path, text) in [
        ("src/a.py", "(".repeat(300_000)),
        ("src/a.py", "@app.get('/a')\n".repeat(20_000)),
        ("src/a.rs", format!("fn a() {{ {} }}", "Router::new().nest(\"/a\", ".repeat(5_000))),
        ("src/a.rs", format!("fn a() -> Router {{ {} }}", "Router::new().merge(a())".repeat(5_000))),
        ("src/a.ts", format!("const a = express(); {}", "a.use('/a', a);".repeat(20_000))),
        ("src/a.ts", format!("const app = express(); app{};", ".get('/a', b)".repeat(3_000))),
    ] {
        let _ = compare("routes", &empty, &one(path, text), &none);
    }
    let mut nested = String::from("const r0 = express.Router(); r0.get('/x', f);\n");
    for n in 1..40 {
        nested += &format!("const r{n} = express.Router(); r{n}.use('/a', r{0}); r{n}.use('/b', r{0});\n", n - 1);
    }
    let _ = compare("routes", &empty, &one("src/a.ts", format!("import express from 'express';\n{nested}")), &none);
}

#[test]
fn the_page_names_every_rule() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/contracts-code.md")).unwrap();
    let ids = typescript::rules::RULES.iter().map(|rule| rule.id);
    let ids =
        ids.chain(sql::rules::RULES.iter().map(|rule| rule.id)).chain(routes::rules::RULES.iter().map(|rule| rule.id));
    for id in ids {
        assert!(page.contains(&format!("| `{id}` |")), "{id}");
    }
}
