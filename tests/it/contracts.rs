//! Contracts from the outside: what breaks callers blocks until somebody decides it, and nothing is passed over in
//! silence.

use std::path::PathBuf;

use crate::support::cli::{Answer, mainguard, run, run_with_stdin};
use crate::support::repo::TestRepo;

const PROTO: &str =
    "syntax = \"proto3\";\npackage acme.v1;\n\nmessage Pet {\n  string name = 1;\n  int32 age = 2;\n}\n";
const WITHOUT_AGE: &str = "syntax = \"proto3\";\npackage acme.v1;\n\nmessage Pet {\n  string name = 1;\n}\n";
const POLICY: &str = "size: {enabled: false}\ncritic: {enabled: false}\nsecrets: {enabled: false}\n";

/// A repository whose `main` holds these files and whose branch `topic` writes others.
fn repository(policy: &str, base: &[(&str, &str)], head: &[(&str, &str)]) -> TestRepo {
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", format!("{POLICY}{policy}"));
    for (path, text) in base {
        repo.write(path, text);
    }
    repo.commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    for (path, text) in head {
        repo.write(path, text);
        if text.is_empty() {
            std::fs::remove_file(repo.path().join(path)).unwrap();
        }
    }
    repo.commit("second");
    repo
}

fn check(repo: &TestRepo, arguments: &[&str]) -> Answer {
    run(mainguard(repo.path()).args(["contracts", "check"]).args(arguments))
}

/// A pull request of `mira`'s with this JSON for its labels.
fn pull_request(repo: &TestRepo, labels: &str) -> PathBuf {
    let file = repo.beside("pull.json");
    let head = repo.git(&["rev-parse", "HEAD"]);
    let text = format!(
        "{{\"title\":\"t\",\"body\":\"b\",\"author\":\"mira\",\"labels\":[{labels}],\"changed_files\":[],\
         \"head\":{{\"sha\":\"{head}\",\"ref\":\"topic\",\"pushed_at\":\"2026-01-02T00:00:00Z\"}}}}"
    );
    std::fs::write(&file, text).unwrap();
    file
}

fn label(by: &str, at: &str) -> String {
    format!("{{\"name\":\"architect-approved\",\"applied_by\":\"{by}\",\"applied_at\":\"{at}\"}}")
}

#[test]
fn a_break_blocks_and_says_who_breaks() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    insta::assert_snapshot!("break", answer.stdout);
}

#[test]
fn the_summary_for_reviewers_says_the_worst_first() {
    let repo = repository(
        "",
        &[("api/pet.proto", PROTO), ("packages/contracts/events.thrift", "struct A {}\n")],
        &[
            ("api/pet.proto", &WITHOUT_AGE.replace("}\n", "  string colour = 3;\n}\n")),
            ("packages/contracts/events.thrift", "struct A { 1: i32 @team }\n```\n"),
        ],
    );
    let pull = pull_request(&repo, "");
    let answer = check(&repo, &["--format", "markdown", "--pull-request", pull.to_str().unwrap()]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    insta::assert_snapshot!("summary", answer.stdout);
}

/// Behind the contracts' section, another guard's error would seem to be about contracts.
#[test]
fn the_errors_of_other_guards_have_a_heading_of_their_own() {
    let repo = TestRepo::new();
    repo.write(".github/mainguard.yml", "critic: {enabled: false}\nsize: {fail_at: XL}\n");
    repo.write("api/pet.proto", PROTO);
    repo.commit("first");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("api/pet.proto", WITHOUT_AGE);
    repo.write("long.txt", "a line\n".repeat(1_000));
    repo.commit("second");
    let answer = run(mainguard(repo.path()).args(["check", "--format", "markdown"]));
    let places = ["### Contracts: 1 breaking change\n", "\n### 1 error\n", "`size/too-large`"];
    let places: Vec<_> = places.iter().map(|words| answer.stdout.rfind(words)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{}", answer.text());
}

#[test]
fn a_change_that_touches_no_contract_is_one_line() {
    let repo = repository("", &[("a.txt", "a\n"), ("api/pet.proto", PROTO)], &[("a.txt", "b\n")]);
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("contracts  no contract changed\n"), "{}", answer.stdout);
}

#[test]
fn somebody_who_may_lets_a_break_pass() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let with = |labels: &str| {
        let pull = pull_request(&repo, labels);
        check(&repo, &["--pull-request", pull.to_str().unwrap()])
    };
    let answer = with(&label("ana", "2026-01-03T00:00:00Z"));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("approved by `ana`"), "{}", answer.stdout);
    // The author's own label, one that was set before the last push, and one of which nobody knows who set it.
    for labels in
        [label("mira", "2026-01-03T00:00:00Z"), label("ana", "2026-01-01T00:00:00Z"), "\"architect-approved\"".into()]
    {
        let answer = with(&labels);
        assert_eq!(answer.code, 1, "{labels}: {}", answer.text());
    }
}

#[test]
fn an_approval_outlives_pushes_until_something_else_breaks() {
    let repo = repository("", &[("api/pet.proto", PROTO), ("a.txt", "a\n")], &[("api/pet.proto", WITHOUT_AGE)]);
    let approved = repo.git(&["rev-parse", "HEAD"]);
    let pull = |repo: &TestRepo| {
        let head = repo.git(&["rev-parse", "HEAD"]);
        let file = repo.beside("pull.json");
        let labels = label("ana", "2026-01-01T12:00:00Z");
        let text = format!(
            "{{\"title\":\"t\",\"author\":\"mira\",\"labels\":[{labels}],\"changed_files\":[],\"head\":{{\"sha\":\"{head}\",\
             \"pushed_at\":\"2026-01-02T00:00:00Z\",\"arrivals\":[{{\"sha\":\"{approved}\",\"pushed_at\":\"2026-01-01T00:00:00Z\"}},\
             {{\"sha\":\"{head}\",\"pushed_at\":\"2026-01-02T00:00:00Z\"}}]}}}}"
        );
        std::fs::write(&file, text).unwrap();
        file
    };
    repo.write("a.txt", "b\n").commit("nothing of the contract");
    let answer = check(&repo, &["--pull-request", pull(&repo).to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    repo.write("api/pet.proto", WITHOUT_AGE.replace("string name = 1", "bytes name = 1")).commit("another break");
    let answer = check(&repo, &["--format", "markdown", "--pull-request", pull(&repo).to_str().unwrap()]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("came after `ana` had set the label"), "{}", answer.stdout);
}

#[test]
fn a_break_may_be_pushed_and_merged_by_those_who_decide_elsewhere() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let (base, head) = (repo.git(&["rev-parse", "main"]), repo.git(&["rev-parse", "HEAD"]));
    let line = format!("refs/heads/topic {head} refs/heads/topic {base}\n");
    let answer = run_with_stdin(mainguard(repo.path()).arg("pre-push"), line.as_bytes());
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("on the pull request it needs the label `architect-approved`"), "{}", answer.stdout);

    // A merge group holds pull requests that were judged one by one.
    let event = repo.beside("event.json");
    let text = format!(
        "{{\"action\":\"checks_requested\",\"merge_group\":{{\"base_sha\":\"{base}\",\"head_sha\":\"{head}\",\
                        \"base_ref\":\"refs/heads/main\",\"head_ref\":\"refs/heads/q\"}},\"repository\":{{\"full_name\":\"o/n\"}}}}"
    );
    std::fs::write(&event, text).unwrap();
    let mut command = mainguard(repo.path());
    command.args(["contracts", "check"]).env("GITHUB_ACTIONS", "true").env("GITHUB_EVENT_NAME", "merge_group");
    let answer = run(command.env("GITHUB_EVENT_PATH", &event));
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("warning[contracts/protobuf/FIELD_NO_DELETE]"), "{}", answer.stdout);
}

#[test]
fn a_policy_may_want_the_label_for_every_change_or_let_nothing_pass() {
    let harmless = PROTO.replace("}\n", "  string colour = 3;\n}\n");
    let always = "contracts: {approval: {required: always}}\n";
    let repo = repository(always, &[("api/pet.proto", PROTO)], &[("api/pet.proto", &harmless)]);
    let pull = pull_request(&repo, "");
    let answer = check(&repo, &["--pull-request", pull.to_str().unwrap()]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("error[contracts/approval-missing]: `api/pet.proto` changed"), "{}", answer.stdout);

    let never = "contracts: {approval: {required: never}}\n";
    let repo = repository(never, &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let pull = pull_request(&repo, &label("ana", "2026-01-03T00:00:00Z"));
    let answer = check(&repo, &["--pull-request", pull.to_str().unwrap()]);
    assert_eq!(answer.code, 1, "{}", answer.text());
}

#[test]
fn an_accepted_change_counts_from_the_base_only() {
    let fingerprint = |text: &str| {
        let (_, rest) = text.split_once("fingerprint ").unwrap();
        rest.split_whitespace().next().unwrap().to_string()
    };
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let print = fingerprint(&check(&repo, &[]).stdout);
    let accepted = format!("[[accepted]]\nfingerprint = \"{print}\"\nreason = \"nobody reads ages\"\nby = \"ana\"\n");
    let path = ".github/contracts-accepted.toml";
    repo.write(path, &accepted).commit("accept it myself");
    assert_eq!(check(&repo, &[]).code, 1, "an entry in the change itself does not count");

    let late = format!("{accepted}expires = 2020-01-01\n");
    for (text, code, said) in
        [(&accepted, 0, "accepted by ana: nobody reads ages"), (&late, 1, "accepted until 2020-01-01")]
    {
        let base = [("api/pet.proto", PROTO), (path, text.as_str())];
        let repo = repository("", &base, &[("api/pet.proto", WITHOUT_AGE)]);
        let answer = check(&repo, &[]);
        assert_eq!(answer.code, code, "{}", answer.text());
        assert!(answer.stdout.contains(said), "{}", answer.stdout);
    }
    let repo = repository("", &[(path, "[[accepted]]\n"), ("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let answer = check(&repo, &[]);
    assert_eq!((answer.code, answer.stdout.as_str()), (2, ""), "a file that cannot be read is no verdict");
    assert!(answer.stderr.contains("contracts-accepted.toml"), "{}", answer.stderr);
}

#[test]
fn what_cannot_be_read_is_never_green() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", "message {{{\n")]);
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("error[contracts/unreadable]"), "{}", answer.stdout);
    let answer = run(mainguard(repo.path()).args(["contracts", "diff", "main:api/pet.proto", "api/pet.proto"]));
    assert_eq!(answer.code, 2, "{}", answer.text());
}

#[test]
fn a_file_that_only_moved_changes_nothing_for_those_who_speak_bytes() {
    let policy = "contracts: {protobuf: {categories: [WIRE]}}\n";
    let repo = repository(policy, &[("api/pet.proto", PROTO)], &[("api/pet.proto", ""), ("api/v1/pet.proto", PROTO)]);
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 0, "{}", answer.text());
}

#[test]
fn two_sides_are_files_folders_or_revisions() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let diff = |arguments: &[&str]| run(mainguard(repo.path()).args(["contracts", "diff"]).args(arguments));
    for sides in [
        &["main:api/pet.proto", "api/pet.proto"][..],
        &["main:api", "api"],
        &["main:api/pet.proto", "topic:api/pet.proto"],
        &["main", "topic"],
        &["main..topic"],
        &["main"],
    ] {
        let answer = diff(sides);
        assert_eq!(answer.code, 1, "{sides:?}: {}", answer.text());
        assert!(answer.stdout.contains("FIELD_NO_DELETE"), "{sides:?}: {}", answer.stdout);
    }
    assert_eq!(diff(&["main:api", "main:api"]).code, 0);
    assert_eq!(diff(&["main", "topic", "--fail-on", "never"]).code, 0);
    for sides in [&["nowhere", "api"][..], &["main:nothing", "api"], &["api", "api/pet.proto"], &["api/pet.proto"]] {
        let answer = diff(sides);
        assert_eq!(answer.code, 2, "{sides:?}: {}", answer.text());
        assert!(answer.stderr.contains("hint:"), "{}", answer.stderr);
    }
}

#[test]
fn every_form_is_printed() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let printed = |form: &str| {
        let answer = run(mainguard(repo.path()).args(["contracts", "diff", "main:api", "api", "--format", form]));
        assert_eq!(answer.code, 1, "{form}: {}", answer.text());
        answer.stdout
    };
    let json: serde_json::Value = serde_json::from_str(&printed("json")).unwrap();
    let change = &json["changes"][0];
    assert_eq!((&change["id"], &change["level"]), (&"FIELD_NO_DELETE".into(), &"breaking".into()), "{json:#}");
    assert!(change["type"].is_string() && change["args"].is_array() && change["base"]["line"].is_number(), "{json:#}");
    let yaml: serde_yaml::Value = serde_yaml::from_str(&printed("yaml")).unwrap();
    assert_eq!(yaml["counts"]["breaking"], serde_yaml::Value::from(1));
    let sarif: serde_json::Value = serde_json::from_str(&printed("sarif")).unwrap();
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], "contracts/protobuf/FIELD_NO_DELETE");
    assert!(printed("junit").contains("<failure"));
    assert!(printed("annotations").starts_with("::error "));
    insta::assert_snapshot!("diff-text", printed("text"));
    insta::assert_snapshot!("diff-markdown", printed("markdown"));
    let html = printed("html");
    assert!(html.starts_with("<!doctype html>") && !html.contains("<script"), "{html}");
}

#[test]
fn a_strangers_words_stay_words() {
    let hostile = "<img src=x onerror=alert(1)> @team </details> | `x` ::error::";
    let name = "packages/contracts/<b>|`@x`.txt";
    let repo = repository("", &[(name, "a\n")], &[(name, &format!("a\n{hostile}\n```\n"))]);
    let printed =
        |form: &str| run(mainguard(repo.path()).args(["contracts", "diff", "main", "topic", "--format", form])).stdout;
    let html = printed("html");
    assert!(!html.contains("<img") && !html.contains("<b>|"), "{html}");
    let markdown = printed("markdown");
    assert!(markdown.contains("````diff"), "{markdown}");
    assert!(printed("text").lines().all(|line| !line.starts_with("::")));
}

#[test]
fn commands_run_on_the_contracts_alone_and_once() {
    let policy = "contracts:\n  verify:\n    - {name: sees, run: 'find . -type f | sort; test -z \"$GITHUB_TOKEN$SECRET_X\"', paths: ['api/**']}\n";
    let repo = repository(
        policy,
        &[("api/pet.proto", PROTO), ("src/a.rs", "x\n")],
        &[("api/pet.proto", &format!("{PROTO}\n"))],
    );
    let judged = || {
        let mut command = mainguard(repo.path());
        command.args(["contracts", "check", "--format", "json"]).env("SECRET_X", "hunter2").env("GITHUB_TOKEN", "t");
        let answer = run(&mut command);
        let report: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        (answer.code, report["contracts"]["verified"][0].clone())
    };
    let (code, verified) = judged();
    assert_eq!((code, &verified["passed"]), (0, &true.into()), "{verified:#}");
    assert_eq!(verified["last_lines"], serde_json::json!(["./api/pet.proto"]));
    let (_, verified) = judged();
    assert_eq!(verified["result"], "passed before on the very same files");
}

#[test]
fn a_command_that_fails_or_does_not_end_blocks() {
    for (run, rule) in
        [("echo broken types; exit 3", "contracts/verify-failed"), ("sleep 60", "contracts/not-verified")]
    {
        let policy =
            format!("contracts:\n  verify:\n    - {{name: types, run: '{run}', paths: ['api/**'], timeout: 1}}\n");
        let repo = repository(&policy, &[("api/pet.proto", PROTO)], &[("api/pet.proto", &format!("{PROTO}\n"))]);
        let answer = check(&repo, &[]);
        assert_eq!(answer.code, 1, "{}", answer.text());
        assert!(answer.stdout.contains(&format!("error[{rule}]")), "{}", answer.stdout);
    }
}

#[test]
fn a_forks_code_is_not_run_beside_secrets() {
    let policy = "contracts:\n  verify:\n    - {name: types, run: 'echo ran', paths: ['api/**']}\n";
    let repo = repository(policy, &[("api/pet.proto", PROTO)], &[("api/pet.proto", &format!("{PROTO}\n"))]);
    let pull = repo.beside("pull.json");
    let text = "{\"title\":\"t\",\"author\":\"eve\",\"changed_files\":[],\"head\":{\"repo\":{\"full_name\":\"eve/x\"}},\
                \"base\":{\"repo\":{\"full_name\":\"o/x\"}}}";
    std::fs::write(&pull, text).unwrap();
    let mut command = mainguard(repo.path());
    command.args(["contracts", "check", "--pull-request"]).arg(&pull).env("DEPLOY_TOKEN", "hunter2");
    let answer = run(&mut command);
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("looks like a secret"), "{}", answer.stdout);
    assert!(!answer.text().contains("hunter2"));
}

#[test]
fn a_version_says_that_something_breaks() {
    let manifest = |version: &str| format!("{{\"name\": \"types\", \"version\": \"{version}\"}}\n");
    let (old, new) =
        ("export interface Pet { name: string; age: number }\n", "export interface Pet { name: string }\n");
    let (file, package) = ("packages/types/src/pet.ts", "packages/types/package.json");
    for (version, said) in [("1.4.0", true), ("1.5.0", true), ("2.0.0", false)] {
        let base = [(file, old), (package, &manifest("1.4.0"))];
        let repo =
            repository("contracts: {version_bump: true}\n", &base, &[(file, new), (package, &manifest(version))]);
        let answer = check(&repo, &[]);
        assert_eq!(answer.code, 1, "{}", answer.text());
        let complains = answer.stdout.contains("error[contracts/version-not-bumped]");
        assert_eq!(complains, said, "{version}: {}", answer.stdout);
    }
}

#[test]
fn what_goes_has_to_be_announced_where_that_is_asked() {
    let api = |pets: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: Pets, version: 1.0.0}}\npaths:\n{pets}  /toys:\n    get:\n      \
             responses:\n        '200': {{description: Toys.}}\n"
        )
    };
    let pets =
        |said: &str| format!("  /pets:\n    get:\n{said}      responses:\n        '200': {{description: Pets.}}\n");
    for (policy, said, complains) in [
        ("{deprecate_first: true}", "", true),
        ("{deprecate_first: true}", "      deprecated: true\n", true),
        ("{deprecate_first: true}", "      deprecated: true\n      x-sunset: '2999-01-31'\n", true),
        ("{deprecate_first: true}", "      deprecated: true\n      x-sunset: '2020-01-31'\n", false),
        ("{}", "", false),
    ] {
        let file = "api/openapi.yaml";
        let policy = format!("contracts: {{openapi: {policy}}}\n");
        let repo = repository(&policy, &[(file, &api(&pets(said)))], &[(file, &api(""))]);
        let answer = check(&repo, &[]);
        let found = answer.stdout.contains("error[contracts/not-announced]");
        assert_eq!(found, complains, "{policy} {said}: {}", answer.stdout);
    }
}

#[test]
fn an_answer_can_be_had_in_another_tools_words() {
    let repo = repository("", &[("api/pet.proto", PROTO)], &[("api/pet.proto", WITHOUT_AGE)]);
    let arguments = ["contracts", "diff", "main:api", "api", "--format", "json", "--ids", "buf"];
    let answer = run(mainguard(repo.path()).args(arguments).args(["--category", "wire"]));
    let said: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    let change = &said["changes"][0];
    assert_eq!(change["id"], "FIELD_NO_DELETE_UNLESS_NUMBER_RESERVED", "{said:#}");
    assert_eq!((&change["level"], &change["file"]), (&"error".into(), &"pet.proto".into()), "{said:#}");
}

#[test]
fn a_wrong_configuration_is_pointed_at() {
    let repo = TestRepo::new();
    repo.write("mainguard.yml", "contracts:\n  verify:\n    - {name: x, run: y, paths: []}\n").commit("policy");
    repo.git(&["switch", "-qc", "topic"]);
    repo.write("a.txt", "x\n").commit("x");
    let answer = check(&repo, &[]);
    assert_eq!(answer.code, 2, "{}", answer.text());
    assert!(answer.stderr.contains("contracts.verify[0].paths"), "{}", answer.stderr);
}
