//! The composite action and its installer: what action.yml says is what the binary reads and writes, and only bytes
//! that this tree vouches for are installed.

#![expect(clippy::disallowed_methods, reason = "runs the binary and the installer on files of its own")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_yaml::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Every action: its file, the command that its last step runs, and the guards that it is about.
const ACTIONS: &[(&str, &[&str], Option<&str>)] = &[
    ("action.yml", &["check"], None),
    ("actions/critic/action.yml", &["check"], Some("critic")),
    ("actions/size/action.yml", &["check"], Some("size")),
    ("actions/contracts/action.yml", &["check"], Some("contracts")),
    ("actions/secrets/action.yml", &["check"], Some("secrets")),
    ("actions/security/action.yml", &["check"], Some("dependencies,sast")),
    ("actions/preview/action.yml", &["preview"], None),
    ("actions/report/action.yml", &["report"], None),
    ("actions/queue/action.yml", &["queue"], None),
    ("actions/record/action.yml", &["record"], None),
];

fn read(file: &str) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(Path::new(ROOT).join(file)).unwrap()).unwrap()
}

fn action() -> Value {
    read("action.yml")
}

fn steps(action: &Value) -> &[Value] {
    action["runs"]["steps"].as_sequence().unwrap()
}

fn keys(mapping: &Value) -> BTreeSet<String> {
    mapping
        .as_mapping()
        .into_iter()
        .flat_map(|mapping| mapping.keys())
        .map(|key| key.as_str().unwrap().into())
        .collect()
}

/// The environment of the step that judges, without what is no flag of it: where the binary is, the token, what is an
/// argument.
fn variables(action: &Value) -> BTreeSet<String> {
    let mut variables = keys(&steps(action).last().unwrap()["env"]);
    assert!(variables.remove("MAINGUARD_BIN") && variables.remove("MAINGUARD_GITHUB_TOKEN"));
    variables.remove("MAINGUARD_QUEUE_COMMAND");
    variables.retain(|name| !name.starts_with("MAINGUARD_RECORD_"));
    variables
}

/// The variables that `--help` of a command names; `None` where this binary has no such command.
fn read_by(command: &[&str]) -> Option<BTreeSet<String>> {
    let help = Command::new(env!("CARGO_BIN_EXE_mainguard")).args(command).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).ok().filter(|_| help.status.success())?;
    // Help is wrapped, so a line may end behind `env:`.
    let named = help.split("[env:").skip(1).filter_map(|rest| rest.split(['=', ']']).next()).map(str::trim);
    Some(named.filter(|name| name.starts_with("MAINGUARD_")).map(str::to_owned).collect())
}

#[test]
fn there_is_an_action_for_each_folder_and_a_line_in_the_table() {
    let mut found: Vec<String> = vec!["action.yml".into()];
    for entry in std::fs::read_dir(Path::new(ROOT).join("actions")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.push(format!("actions/{}/action.yml", entry.file_name().to_string_lossy()));
        }
    }
    found.sort();
    let mut listed: Vec<&str> = ACTIONS.iter().map(|(file, ..)| *file).chain(["actions/install/action.yml"]).collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

#[test]
fn no_expression_reaches_a_shell_and_no_action_is_nested() {
    for file in ACTIONS.iter().map(|(file, ..)| *file).chain(["actions/install/action.yml"]) {
        let action = read(file);
        assert_eq!(action["runs"]["using"], "composite", "{file}");
        for step in steps(&action) {
            assert!(step.get("uses").is_none(), "{file}: a nested action: {step:?}");
            assert_eq!(step["shell"], "bash", "{file}");
            let run = step["run"].as_str().unwrap();
            assert!(!run.contains("${{"), "{file}: an expression in a shell line: {run}");
        }
    }
}

#[test]
fn every_input_is_a_string_and_is_used_under_its_own_name() {
    for (file, command, only) in ACTIONS {
        let action = read(file);
        let environment = steps(&action).last().unwrap()["env"].as_mapping().unwrap();
        for (name, input) in action["inputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            assert!(input["default"].is_string(), "{file}: inputs are strings: {name}");
            assert!(input["description"].as_str().is_some_and(|text| text.len() > 10), "{file}: {name}: a description");
            // What is to be done, and what happened, are arguments and no flags.
            let argument = match (*command, name) {
                (["queue"], "command") => "QUEUE_",
                (["record"], "event" | "status" | "junit" | "environment" | "service") => "RECORD_",
                _ => "",
            };
            let variable = format!("MAINGUARD_{argument}{}", name.to_uppercase().replace('-', "_"));
            let value = environment.get(Value::from(variable.as_str()));
            let value = value.unwrap_or_else(|| panic!("{file}: {variable} is not set"));
            assert_eq!(value, &Value::from(format!("${{{{ inputs.{name} }}}}")), "{file}");
        }
        let fixed = if let Some(guards) = only {
            assert_eq!(environment.get(Value::from("MAINGUARD_ONLY")), Some(&Value::from(*guards)), "{file}");
            2
        } else {
            1
        };
        let inputs = action["inputs"].as_mapping().unwrap().len();
        assert_eq!(environment.len(), inputs + fixed, "{file}: the inputs, MAINGUARD_BIN and the guards");
    }
}

/// Flags that make no sense where the change is a commit and the pull request comes from the event, or that people at
/// a terminal want.
const NO_INPUTS: [&str; 8] = [
    "MAINGUARD_STAGED",
    "MAINGUARD_WORKING_TREE",
    "MAINGUARD_QUIET",
    "MAINGUARD_PULL_REQUEST",
    "MAINGUARD_TEST_NOW",
    "MAINGUARD_LISTEN",
    "MAINGUARD_WEBHOOK_SECRET",
    "MAINGUARD_QUEUE_FORMAT",
];

/// What judges with one guard leaves out flags of others; everything else is there, in each of them.
#[test]
fn the_variables_are_those_that_the_command_reads() {
    for (file, command, only) in ACTIONS {
        let Some(mut read) = read_by(command) else {
            println!("skipped: {file}: this binary has no `mainguard {}`", command.join(" "));
            continue;
        };
        read.retain(|name| !NO_INPUTS.contains(&name.as_str()));
        let written = variables(&self::read(file));
        let unread: Vec<&String> = written.difference(&read).collect();
        assert!(unread.is_empty(), "{file} sets what `{}` does not read: {unread:?}", command.join(" "));
        let unset: Vec<&String> = read.difference(&written).collect();
        let of_others = ["MAINGUARD_COVERAGE", "MAINGUARD_ADVISORIES"];
        let spared = |name: &&String| only.is_some() && of_others.iter().any(|other| name.starts_with(other));
        assert!(unset.iter().all(spared), "{file} does not set what `{}` reads: {unset:?}", command.join(" "));
    }
}

/// An input that nobody set arrives as an empty variable; it has to mean the same as none.
#[test]
fn the_outputs_are_those_that_check_writes() {
    for (file, ..) in ACTIONS.iter().filter(|(_, command, _)| *command == ["check"]) {
        for (name, output) in read(file)["outputs"].as_mapping().unwrap() {
            let name = name.as_str().unwrap();
            assert_eq!(output["value"], Value::from(format!("${{{{ steps.check.outputs.{name} }}}}")), "{file}");
        }
        let optional = BTreeSet::from(["size".to_owned()]);
        let missing = &keys(&action()["outputs"]) - &keys(&read(file)["outputs"]);
        assert!(missing.is_subset(&optional), "{file}: {missing:?}");
    }
    let action = action();
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let status = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder.path())
            .status()
            .unwrap();
        assert!(status.success());
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "first"]);
    std::fs::write(folder.path().join("a.txt"), "one\n").unwrap();
    git(&["add", "a.txt"]);
    git(&["commit", "-q", "-m", "second"]);

    let (output, summary) = (folder.path().join(".git/output"), folder.path().join(".git/summary"));
    std::fs::write(&output, "").unwrap();
    std::fs::write(&summary, "").unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_mainguard"));
    check.arg("check").current_dir(folder.path());
    scrub(&mut check);
    for variable in variables(&action) {
        check.env(variable, "");
    }
    let run = check
        .env("MAINGUARD_BASE", "HEAD^")
        .env("MAINGUARD_PUBLISH", "false")
        .env("MAINGUARD_DRY_RUN", "false")
        .env("MAINGUARD_OUTPUT", "sarif=.git/report.sarif\njson=.git/report.json\n")
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_OUTPUT", &output)
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));

    let written: BTreeSet<String> = std::fs::read_to_string(&output)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once("<<").or_else(|| line.split_once('=')))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(written, keys(&action["outputs"]), "$GITHUB_OUTPUT on the left, action.yml on the right");
    assert_ne!(std::fs::read_to_string(&summary).unwrap(), "");
}

/// A test means the same on a laptop and in CI.
fn scrub(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["GITHUB_", "RUNNER_", "MAINGUARD_"].iter().any(|prefix| name.starts_with(prefix)) || name == "CI" {
            command.env_remove(&*name);
        }
    }
}

/// The installer, as a job meets it: a copy of `actions/` in a folder, a release server on loopback, a stub for cargo.
#[cfg(unix)]
mod installer {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::{Arc, Mutex};

    use sha2::{Digest, Sha256};
    use tempfile::TempDir;

    const TARGETS: [&str; 4] =
        ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl", "x86_64-apple-darwin", "aarch64-apple-darwin"];

    struct Job {
        folder: TempDir,
        environment: BTreeMap<&'static str, String>,
    }

    struct Ran {
        code: Option<i32>,
        /// The program that the installer points to.
        bin: Option<PathBuf>,
        said: String,
    }

    impl Job {
        fn new() -> Job {
            let folder = tempfile::tempdir().unwrap();
            let at = |name: &str| folder.path().join(name);
            for name in ["tree/actions", "home", "temp", "tools", "stubs"] {
                fs::create_dir_all(at(name)).unwrap();
            }
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            fs::copy(root.join("actions/install.sh"), at("tree/actions/install.sh")).unwrap();
            fs::write(at("tree/Cargo.toml"), "[package]\nname = \"mainguard\"\nversion = \"1.2.3\"\n").unwrap();
            program(
                &at("stubs/cargo"),
                "while [ $# -gt 0 ]; do [ \"$1\" = --root ] && root=$2; [ \"$1\" = --locked ] && locked=yes; shift; done\n\
                 [ \"$locked\" = yes ] || exit 9\n\
                 mkdir -p \"$root/bin\"; printf '#!/bin/sh\\necho built\\n' >\"$root/bin/mainguard\"; chmod 755 \"$root/bin/mainguard\"",
            );
            let path = format!("{}:{}", at("stubs").display(), std::env::var("PATH").unwrap());
            let environment = BTreeMap::from([
                ("PATH", path),
                ("HOME", at("home").display().to_string()),
                ("RUNNER_TEMP", at("temp").display().to_string()),
                ("RUNNER_TOOL_CACHE", at("tools").display().to_string()),
                ("GITHUB_OUTPUT", at("output").display().to_string()),
                ("GITHUB_ACTION_REPOSITORY", "someone/mainguard".to_owned()),
            ]);
            let job = Job { folder, environment };
            job.manifest("version 1.2.3\n");
            job
        }

        fn manifest(&self, text: &str) {
            fs::write(self.folder.path().join("tree/actions/checksums.txt"), text).unwrap();
        }

        /// A manifest that lists `archive` for every platform.
        fn lists(&self, archive: &[u8]) {
            let sum: String = Sha256::digest(archive).iter().map(|byte| format!("{byte:02x}")).collect();
            let lines = TARGETS.map(|target| format!("{sum}  mainguard-1.2.3-{target}.tar.gz\n")).concat();
            self.manifest(&format!("# a comment\nversion 1.2.3\n{lines}"));
        }

        /// A release archive whose program says `released`.
        fn archive(&self) -> Vec<u8> {
            let folder = self.folder.path().join("archive");
            fs::create_dir_all(&folder).unwrap();
            program(&folder.join("mainguard"), "echo released");
            fs::write(folder.join("README.md"), "…").unwrap();
            let packed = Command::new("tar").args(["-cz", "-C"]).arg(&folder).args(["mainguard", "README.md"]).output();
            packed.unwrap().stdout
        }

        fn run(&self) -> Ran {
            self.run_with(&[])
        }

        fn run_with(&self, arguments: &[&str]) -> Ran {
            let output = self.folder.path().join("output");
            fs::write(&output, "").unwrap();
            let run = Command::new("bash")
                .arg(self.folder.path().join("tree/actions/install.sh"))
                .args(arguments)
                .current_dir(self.folder.path())
                .env_clear()
                .envs(&self.environment)
                .output()
                .unwrap();
            assert!(
                run.stdout.is_empty(),
                "in a job, stdout is for nobody: {:?}",
                String::from_utf8_lossy(&run.stdout)
            );
            let bin = fs::read_to_string(&output).unwrap().strip_prefix("bin=").map(|path| path.trim_end().into());
            Ran { code: run.status.code(), bin, said: String::from_utf8(run.stderr).unwrap() }
        }
    }

    impl Ran {
        fn works_and_says(&self, word: &str) {
            assert_eq!(self.code, Some(0), "{}", self.said);
            let said = Command::new(self.bin.as_ref().unwrap()).output().unwrap().stdout;
            assert_eq!(String::from_utf8(said).unwrap().trim(), word);
        }

        fn is_refused_because(&self, reason: &str) {
            assert_eq!((self.code, &self.bin), (Some(2), &None), "{}", self.said);
            assert!(self.said.contains(reason), "{}", self.said);
        }
    }

    fn program(path: &Path, script: &str) {
        fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Serves `body` (or 404) on loopback and remembers what was asked for.
    fn server(body: Option<Vec<u8>>) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                log.lock().unwrap().push(lines.next().unwrap_or_default());
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let (status, body) = body.as_deref().map_or(("404 Not Found", &b""[..]), |body| ("200 OK", body));
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
            }
        });
        (address, asked)
    }

    #[test]
    fn a_listed_release_is_installed_once_and_then_found_in_the_tool_cache() {
        let mut job = Job::new();
        let archive = job.archive();
        job.lists(&archive);
        let (address, asked) = server(Some(archive));
        job.environment.insert("MAINGUARD_TEST_RELEASES", address);

        let first = job.run();
        first.works_and_says("released");
        assert!(first.said.contains("installed the release archive"), "{}", first.said);
        let second = job.run();
        second.works_and_says("released");
        assert!(second.said.contains("using the tool cache"), "{}", second.said);

        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].starts_with("GET /v1.2.3/mainguard-1.2.3-"), "{asked:?}");
        assert_eq!(fs::read_dir(job.folder.path().join("temp")).unwrap().count(), 0, "it cleans up");
    }

    #[test]
    fn other_bytes_than_listed_are_refused_and_nothing_else_is_tried() {
        let mut job = Job::new();
        let mut archive = job.archive();
        job.lists(&archive);
        archive.push(b'!');
        job.environment.insert("MAINGUARD_TEST_RELEASES", server(Some(archive)).0);
        let ran = job.run();
        ran.is_refused_because("is not the file that actions/checksums.txt names");
        assert!(!ran.said.contains("building from source"), "{}", ran.said);
        assert_eq!(fs::read_dir(job.folder.path().join("tools")).unwrap().count(), 0);
    }

    /// A `gh` that knows attestations and finds them in order, or not.
    fn gh(job: &mut Job, verdict: &str) {
        let log = job.folder.path().join("gh.log");
        let script = format!("echo \"$@\" >>'{}'; case \"$2\" in --help) exit 0 ;; esac; {verdict}", log.display());
        program(&job.folder.path().join("stubs/gh"), &script);
        job.environment.insert("GH_TOKEN", "a-token".to_owned());
    }

    #[test]
    fn where_gh_is_it_has_to_vouch_for_the_archive() {
        for (verdict, attested) in [("exit 0", true), ("exit 1", false)] {
            let mut job = Job::new();
            let archive = job.archive();
            job.lists(&archive);
            job.environment.insert("MAINGUARD_TEST_RELEASES", server(Some(archive)).0);
            gh(&mut job, verdict);
            let ran = job.run();
            if attested {
                ran.works_and_says("released");
                assert!(ran.said.contains("GitHub attests that someone/mainguard built it"), "{}", ran.said);
            } else {
                ran.is_refused_because("GitHub does not attest that someone/mainguard built");
                assert_eq!(fs::read_dir(job.folder.path().join("tools")).unwrap().count(), 0);
            }
            let asked = fs::read_to_string(job.folder.path().join("gh.log")).unwrap();
            assert!(asked.contains("attestation verify mainguard-1.2.3-"), "{asked}");
            assert!(asked.contains("--repo someone/mainguard --signer-workflow someone/mainguard/"), "{asked}");
        }
    }

    #[test]
    fn an_attestation_that_cannot_be_asked_for_is_said() {
        let mut job = Job::new();
        let archive = job.archive();
        job.lists(&archive);
        job.environment.insert("MAINGUARD_TEST_RELEASES", server(Some(archive)).0);
        gh(&mut job, "exit 1");
        job.environment.insert("MAINGUARD_ATTESTATION", "off".to_owned());
        let ran = job.run();
        ran.works_and_says("released");
        assert!(ran.said.contains("the attestation was not checked: MAINGUARD_ATTESTATION is off"), "{}", ran.said);
    }

    #[test]
    fn the_steps_that_follow_find_it_on_their_path() {
        let mut job = Job::new();
        let own = job.folder.path().join("own");
        program(&own, "echo own");
        let path = job.folder.path().join("path");
        job.environment.insert("MAINGUARD_BIN", own.display().to_string());
        job.environment.insert("GITHUB_PATH", path.display().to_string());
        job.run_with(&[]).works_and_says("own");
        assert!(!path.exists());
        job.run_with(&["--path"]).works_and_says("own");
        assert_eq!(
            fs::read_to_string(&path).unwrap().trim(),
            job.folder.path().canonicalize().unwrap().to_str().unwrap()
        );
    }

    #[test]
    fn what_is_not_listed_is_built_from_source() {
        let job = Job::new();
        let ran = job.run();
        ran.works_and_says("built");
        assert!(ran.said.contains("building from source: actions/checksums.txt lists no"), "{}", ran.said);
    }

    #[test]
    fn the_checksums_of_another_version_do_not_count() {
        let job = Job::new();
        job.lists(&job.archive());
        fs::write(job.folder.path().join("tree/Cargo.toml"), "[package]\nversion = \"1.3.0\"\n").unwrap();
        let ran = job.run();
        ran.works_and_says("built");
        assert!(ran.said.contains("this tree is version 1.3.0, its checksums are those of 1.2.3"), "{}", ran.said);
    }

    #[test]
    fn a_release_that_is_not_there_is_built_from_source() {
        let mut job = Job::new();
        job.lists(&job.archive());
        job.environment.insert("MAINGUARD_TEST_RELEASES", server(None).0);
        let ran = job.run();
        ran.works_and_says("built");
        assert!(ran.said.contains("could not be downloaded"), "{}", ran.said);
    }

    #[test]
    fn the_action_of_the_workspace_means_this_very_tree() {
        let mut job = Job::new();
        job.lists(&job.archive());
        job.environment.remove("GITHUB_ACTION_REPOSITORY");
        let ran = job.run();
        ran.works_and_says("built");
        assert!(ran.said.contains("the action stands in the workspace"), "{}", ran.said);
    }

    #[test]
    fn the_test_server_can_only_be_on_this_machine() {
        let mut job = Job::new();
        job.lists(&job.archive());
        for address in
            ["http://192.0.2.1:80", "http://127.0.0.1:80@192.0.2.1:80", "https://127.0.0.1:80", "file:///tmp"]
        {
            job.environment.insert("MAINGUARD_TEST_RELEASES", address.to_owned());
            job.run().is_refused_because("must be a loopback address");
        }
    }

    #[test]
    fn a_binary_that_the_caller_brings_is_used() {
        let mut job = Job::new();
        let own = job.folder.path().join("own");
        program(&own, "echo own");
        job.environment.insert("MAINGUARD_BIN", own.display().to_string());
        job.run().works_and_says("own");
        job.environment.insert("MAINGUARD_BIN", "/nowhere/mainguard".to_owned());
        job.run().is_refused_because("is not a program");
    }

    #[test]
    fn the_manifest_of_this_tree_can_be_read() {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("actions/checksums.txt")).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.next().is_some_and(|line| line.starts_with("version ")));
        for line in lines {
            let (sum, file) = line.split_once("  ").unwrap();
            assert!(sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()), "{line}");
            assert!(file.starts_with("mainguard-") && file.ends_with(".tar.gz"), "{line}");
        }
    }
}
