//! What every hostile input must survive, one function per reader. `cargo fuzz run NAME` looks for inputs that break
//! one of them; `tests/it/fuzz.rs` runs them on random ones, so that they keep compiling and holding.

use std::sync::LazyLock;

use mainguard::change::{ChangeSet, Hunk};
use mainguard::config::{self, Config};
use mainguard::contracts::compare::{self, compare};
use mainguard::contracts::json_schema as values;
use mainguard::contracts::{ContractChange, Unreadable, graphql as sdl, openapi as api, protobuf as proto};
use mainguard::contracts::{discover, report as contracts};
use mainguard::contracts::{routes, sql, typescript as types};
use mainguard::coverage;
use mainguard::git::{lines, pre_push as refs};
use mainguard::github::payload as event;
use mainguard::guards::critic as guard;
use mainguard::pull_request::PullRequest;
use mainguard::report::{Format, Options, json, render};
use mainguard::sast::ignore_file::IgnoreFile;
use mainguard::sast::{Examples, Pack, Parse};
use mainguard::secrets::rules::file;
use mainguard::secrets::{self, Cache, Fragment, Origin, Scanner, builtin, dialect, known, validity};
use mainguard::sources::content::{self, Look};
use mainguard::sources::patches::{Item, Limits, Patches};

/// A configuration is read or refused with problems that can be printed.
pub(crate) fn config(data: &[u8]) {
    if let Err(errors) = config::parse(data, "mainguard.yml") {
        assert!(!errors.problems.is_empty());
        assert!(!errors.render(false).contains('\u{1b}'), "a stranger's escape reached the terminal");
    }
}

/// A description is judged; what is said about it points into it.
pub(crate) fn critic(data: &[u8]) {
    let body = String::from_utf8_lossy(data).into_owned();
    let Ok(rules) = guard::Rules::compile(&Config::default().critic, Some(&body)) else { return };
    let lines = body.lines().count() as u32 + 1;
    let pull_request = PullRequest { body: Some(body), ..PullRequest::default() };
    let (_, findings) = guard::check(&pull_request, &ChangeSet::default(), None, &rules);
    for span in findings.iter().filter_map(|finding| finding.location.as_ref()?.span) {
        assert!((1..=lines).contains(&span.line) && span.column >= 1, "{span:?} in {lines} lines");
    }
}

/// Hunks lead from one text to the other.
pub(crate) fn lines(data: &[u8]) {
    let middle = data.iter().position(|&byte| byte == 0).unwrap_or(data.len() / 2);
    let (base, head) = data.split_at(middle);
    let hunks = lines::diff(base, head);
    let split = |text: &[u8]| -> Vec<Vec<u8>> { text.split_inclusive(|&byte| byte == b'\n').map(Vec::from).collect() };
    assert_eq!(patched(&split(base), &split(head), &hunks), split(head));
}

fn patched(base: &[Vec<u8>], head: &[Vec<u8>], hunks: &[Hunk]) -> Vec<Vec<u8>> {
    let (mut result, mut read) = (Vec::new(), 0);
    for Hunk { base: goes, head: comes } in hunks {
        result.extend_from_slice(&base[read..goes.start as usize]);
        result.extend_from_slice(&head[comes.start as usize..comes.end as usize]);
        read = goes.end as usize;
    }
    result.extend_from_slice(&base[read..]);
    result
}

/// A patch is read to its end or refused, whatever the pieces it arrives in and is handed out in.
pub(crate) fn patches(data: &[u8]) {
    let read = |piece: usize, limits: Limits| -> Option<(Vec<u8>, usize)> {
        let mut patches = Patches::new(std::io::BufReader::with_capacity(piece, data), "", limits);
        let (mut text, mut files) = (Vec::new(), 0);
        loop {
            match patches.next().ok()? {
                Some(Item::Added(added)) => text.extend_from_slice(&added.text),
                Some(Item::Binary(_)) => files += 1,
                None => return Some((text, files)),
            }
        }
    };
    let whole = read(1 << 16, Limits::default());
    assert_eq!(read(1, Limits::default()), whole);
    let small = Limits { hunk_bytes: 3, ..Limits::default() };
    assert_eq!(read(7, small), whole);
}

/// A webhook's payload is read or refused.
pub(crate) fn payload(data: &[u8]) {
    for name in ["pull_request", "merge_group", "push", "workflow_run"] {
        let _ = event::parse(name, data);
    }
}

/// git's lines are read or refused.
pub(crate) fn pre_push(data: &[u8]) {
    let _ = refs::parse(data);
}

/// A report that somebody else wrote is refused or printed, in every form.
pub(crate) fn report(data: &[u8]) {
    let Ok(report) = json::read(&String::from_utf8_lossy(data)) else { return };
    for format in Format::ALL {
        let text = render(format, &report, &Options::default());
        assert!(!text.contains('\u{1b}'), "a stranger's escape reached {format}");
    }
}

/// A rule file is read or refused; what was read can be made ready or is refused with the pattern's name.
pub(crate) fn rule_file(data: &[u8]) {
    let outside = file::Outside {
        groups: &|pattern| known::groups(pattern).map_err(|error| error.to_string()),
        ..file::Outside::nothing()
    };
    match file::load(&String::from_utf8_lossy(data), "rules.toml", &outside) {
        Ok(loaded) => {
            let _ = Scanner::new(&loaded.rules, secrets::Options::default());
        }
        Err(error) => assert!(!error.problems.is_empty()),
    }
}

/// A pattern of Go's dialect is understood or refused with a reason.
pub(crate) fn pattern(data: &[u8]) {
    if let Err(error) = dialect::groups(&String::from_utf8_lossy(data)) {
        assert!(!error.message.is_empty());
    }
}

static SCANNER: LazyLock<Scanner> = LazyLock::new(|| {
    Scanner::new(&builtin::rules(), secrets::Options::default()).expect("the built-in rules are sound")
});

/// Whatever is scanned, leaks lie in it, a glance at it does not deny them, and `Debug` does not show them.
pub(crate) fn scan(data: &[u8]) {
    let (origin, mut cache) = (Origin { path: "a/file".into(), ..Origin::default() }, Cache::default());
    let leaks = SCANNER.scan(&Fragment { text: data, lines_before: 0, origin: &origin }, &mut cache);
    let lines = data.split(|&byte| byte == b'\n').count();
    for leak in &leaks {
        assert!((1..=lines).contains(&leak.span.start_line) && leak.span.end_line >= leak.span.start_line, "{leak:?}");
        assert!(leak.secret.len() < 8 || !format!("{leak:?}").contains(&leak.secret.to_string()));
    }
    assert!(leaks.is_empty() || SCANNER.may_contain(data, true, &mut cache), "{leaks:?}");
}

/// Whatever a token is, what it tells about itself is one line without it.
pub(crate) fn token(data: &[u8]) {
    let now = std::time::UNIX_EPOCH.into();
    let rules = [
        "age-secret-key",
        "atlassian-api-token",
        "github-app-token",
        "github-fine-grained-pat",
        "github-pat",
        "gitlab-pat-routable",
        "grafana-service-account-token",
        "jwt",
        "jwt-base64",
        "pypi-upload-token",
        "trello-api-token",
    ];
    for rule in rules {
        let told = validity::check(rule, data, now).to_string();
        assert!(!told.contains(char::is_control), "{told}");
    }
}

/// An archive is looked into or named as a problem, within its bounds.
pub(crate) fn archive(data: &[u8]) {
    let never = |_: &[u8]| false;
    let mut look = Look::new(&never);
    look.archive_depth = 3;
    look.limits.bytes = 1 << 20;
    look.limits.held = 1 << 20;
    for name in ["a.zip", "a.tar", "a.tar.gz", "a.7z", "a.xz", "a.bz2", "a.zst", "a.br", "a.lz4"] {
        let origin = Origin { path: name.into(), ..Origin::default() };
        let stats = content::one(&origin, &mut &data[..], &look, &|_| {});
        assert!(stats.bytes <= (1 << 20) + 100 * data.len() as u64, "{name}: {} bytes", stats.bytes);
    }
}

/// A description in Protobuf is compared or refused at a place in it; compared with itself it is silent.
pub(crate) fn protobuf(data: &[u8]) {
    let options = proto::Options { every_rule: data.len().is_multiple_of(2), ..proto::Options::default() };
    schemas(data, "a.proto", |base, revision, paths| proto::diff(base, paths, revision, paths, &options));
}

/// The same of a GraphQL schema.
pub(crate) fn graphql(data: &[u8]) {
    let options = sdl::Options { simplify: data.len().is_multiple_of(2), ..sdl::Options::default() };
    schemas(data, "a.graphql", |base, revision, paths| sdl::diff(base, paths, revision, paths, &options));
}

/// The same of an API description, in our words and in oasdiff's.
pub(crate) fn openapi(data: &[u8]) {
    let options = api::Options { unfolded: data.len().is_multiple_of(2), ..api::Options::default() };
    schemas(data, "a.yaml", |base, revision, paths| api::diff(base, paths, revision, paths, &options));
}

/// The same of a JSON Schema, by the conventions of the field and to the letter.
pub(crate) fn json_schema(data: &[u8]) {
    let options = values::Options { strict: data.len().is_multiple_of(2), ..values::Options::default() };
    schemas(data, "a.json", |base, revision, paths| {
        let path = paths.first().map(String::as_str);
        values::diff(base, path, revision, path, &options)
    });
}

/// Contracts in code: exported types, routes of each language, migrations. Compared or refused, the same twice, at
/// places that exist; silent where nothing changed.
pub(crate) fn contracts_in_code(data: &[u8]) {
    let middle = data.iter().position(|&byte| byte == 0).unwrap_or(data.len() / 2);
    let (one, other) = (&data[..middle], data.get(middle + 1..).unwrap_or_default());
    for name in ["a.ts", "pages/api/a.tsx", "a.py", "a.rs", "a.sql"] {
        let side = |text: &[u8]| Files::from([(name.to_string(), text.to_vec())]);
        let paths = [name.to_string()];
        for (base, revision) in [(one, other), (other, one), (one, one)] {
            let (old, new) = (side(base), side(revision));
            let diff = || match name {
                "a.ts" => types::diff(&old, &paths, &new, &paths, &types::Options::default()),
                "a.sql" => sql::diff(&old, &paths, &new, &paths, &sql::Options::default()),
                _ => routes::diff(&old, &paths, &new, &paths, &routes::Options::default()),
            };
            match diff() {
                Ok(changes) => {
                    assert_eq!(diff().as_ref(), Ok(&changes));
                    assert!(
                        base != revision || changes.iter().all(|change| change.rule.contains("judged")),
                        "{changes:?}"
                    );
                    let places = changes.iter().flat_map(|change| [&change.base, &change.revision]).flatten();
                    places.for_each(|place| assert!(place.line >= 1 && place.column >= 1, "{place:?}"));
                }
                Err(error) => assert!(error.line >= 1 && !error.what.is_empty(), "{error}"),
            }
        }
    }
}

type Files = std::collections::BTreeMap<String, Vec<u8>>;

fn schemas(
    data: &[u8],
    name: &str,
    diff: impl Fn(&Files, &Files, &[String]) -> Result<Vec<ContractChange>, Unreadable>,
) {
    let middle = data.iter().position(|&byte| byte == 0).unwrap_or(data.len() / 2);
    let (one, other) = (&data[..middle], data.get(middle + 1..).unwrap_or_default());
    let side = |text: &[u8]| Files::from([(name.to_string(), text.to_vec())]);
    let paths = [name.to_string()];
    let touched = [one, b"\n"].concat();
    for (base, revision) in [(one, other), (other, one), (one, &touched)] {
        let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count() as u32 + 1;
        match diff(&side(base), &side(revision), &paths) {
            Ok(changes) => {
                let silent =
                    changes.iter().all(|change| matches!(change.rule, "CANNOT_BE_JUDGED" | "cannot-be-judged"));
                assert!(revision != touched || silent, "{changes:?}");
                assert_eq!(diff(&side(base), &side(revision), &paths).unwrap(), changes);
                let places = changes.iter().flat_map(|change| [(&change.base, base), (&change.revision, revision)]);
                for (place, text) in places.filter_map(|(place, text)| Some((place.as_ref()?, text))) {
                    let within = place.line >= 1 && place.end_line <= lines(text) && place.line <= place.end_line;
                    assert!(within && place.column >= 1, "{place:?} in {} lines", lines(text));
                }
            }
            Err(error) => {
                assert!(error.line >= 1 && error.line <= lines(revision) && !error.what.is_empty(), "{error}")
            }
        }
    }
}

/// Two folders are compared whatever stands in them, every form is printed within its bounds, and a folder compared
/// with itself is silent.
pub(crate) fn contracts(data: &[u8]) {
    const NAMES: [&str; 6] = ["a.yaml", "b/a.json", "b/c.txt", "d.graphql", "e.proto", "f.sql"];
    let middle = data.iter().position(|&byte| byte == 0).unwrap_or(data.len() / 2);
    let folder = |data: &[u8]| -> Files {
        let parts = data.split(|&byte| byte == 0x1f);
        NAMES.iter().zip(parts).map(|(name, part)| (name.to_string(), part.to_vec())).collect()
    };
    let (base, head) = (folder(&data[..middle]), folder(data.get(middle + 1..).unwrap_or_default()));
    for (base, head) in [(&base, &head), (&head, &base), (&head, &head)] {
        let changed = discover::changed(base, head);
        assert!(base != head || changed.is_empty());
        let jobs = discover::plan(base, head, &changed, &discover::Which::everything());
        let found = compare(base, head, &jobs, &compare::Options::default());
        assert_eq!(found, compare(base, head, &jobs, &compare::Options::default()));
        let document = contracts::Document::of(&found, contracts::View::Everything, 100);
        assert!(contracts::markdown::render(&document, &|_, _| None, 2_000).len() <= 2_000);
        assert!(!contracts::terminal::render(&document, false).contains('\u{1b}'));
        assert!(!contracts::html::render(&document).contains("<script"));
    }
}

/// Every reader of lockfiles, and ignore files: whatever the bytes, an answer or an error.
pub(crate) fn lockfile(data: &[u8]) {
    use mainguard::deps::{Format, Lockfile, ignores, includes};
    for &format in Format::ALL {
        if let Ok(lockfile) = Lockfile::read(format, data, format.name()) {
            let paths = lockfile.paths();
            for index in 0..lockfile.packages.len().min(8) {
                assert!(paths.to(index).len() <= lockfile.packages.len());
            }
        }
    }
    let _ = ignores::osv_scanner(data, "osv-scanner.toml");
    let text = String::from_utf8_lossy(data);
    let followed =
        includes::follow([("r/requirements.txt", &*text)], |path| (path.len() % 2 == 0).then(|| data.to_vec()));
    assert!(followed.files.len() <= 500);
}

/// Versions: every order is one both ways round, whatever is compared.
pub(crate) fn versions(data: &[u8]) {
    use mainguard::deps::{Ecosystem, version::Order};
    let text = String::from_utf8_lossy(data);
    let (a, b) = text.split_once('\n').unwrap_or((&text, "1.0"));
    for &ecosystem in Ecosystem::ALL {
        let order = Order::of(ecosystem);
        assert_eq!(order.compare(a, b), order.compare(b, a).reverse(), "{ecosystem}: {a:?} {b:?}");
    }
}

/// A coverage report is read or refused; what was read adds up.
pub(crate) fn coverage_report(data: &[u8]) {
    let Ok(report) = coverage::read(data) else { return };
    let total = report.total();
    assert!(total.covered <= total.coverable, "{total:?}");
    let located = report.by_repository(["a.js", "src/a.js", "b/a.js"], &[]);
    assert!(located.files.len() + located.elsewhere.len() <= report.files.len());
}

static PACK: LazyLock<Pack> = LazyLock::new(Pack::builtin);

/// Whatever a file holds, it is looked through; what is found lies in it.
pub(crate) fn sast(data: &[u8]) {
    let names = [
        "a.js",
        "a.ts",
        "a.tsx",
        "a.py",
        "a.go",
        "a.rs",
        "A.java",
        "a.sh",
        "a.sql",
        "Dockerfile",
        ".github/workflows/a.yml",
    ];
    let lines = String::from_utf8_lossy(data).lines().count() as u32 + 1;
    for name in names {
        let scan = mainguard::sast::scan(&PACK, name.as_bytes(), data, Parse::Always);
        for hit in &scan.hits {
            assert!(1 <= hit.line && hit.line <= hit.end_line && hit.end_line <= lines, "{name}: {hit:?}");
        }
    }
}

/// A rule file is read or refused; a rule that was read can be compiled or says why not.
pub(crate) fn sast_rule(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(rule) = mainguard::sast::parse(&text, "rule.yml", Examples::Read) {
        let _ = Pack::of(vec![rule]).check();
    }
    let _ = IgnoreFile::parse(&text, |_| None).covers("a/b/c.js");
}

/// Wherever wrangler or a branch's name lead, it is https and holds no password; what a server said is one line.
pub(crate) fn preview(data: &[u8]) {
    use mainguard::previews::{self, Config, Expect, Reach, Values, health::Answer, wrangler};
    let text = String::from_utf8_lossy(data).into_owned();
    let values = Values::new(7, &"a".repeat(40), &text, &text);
    let claims = wrangler::claims(&text).unwrap_or_default();
    if let Ok(surfaces) = previews::surfaces(&Config::default(), &claims, &values, Reach::Public) {
        for surface in &surfaces {
            assert_eq!(previews::refuse(&surface.url, Reach::Public), None, "{}", surface.url);
            assert!(surface.name.bytes().all(|byte| byte.is_ascii_graphic()), "{}", surface.name);
        }
    }
    if let Ok(url) = previews::target(&text, Reach::Public) {
        assert!(url.scheme() == "https" && url.password().is_none(), "{url}");
    }
    let host = previews::template::fill("https://{branch_slug}.example", &values);
    assert!(host.is_ok_and(|host| host.ends_with(".example")) || values.branch_slug.is_empty());
    let expect = Expect {
        header: [("x".to_string(), "{sha}".to_string())].into(),
        json: [("/a".to_string(), serde_json::json!(1))].into(),
        ..Expect::default()
    };
    let answer = Answer { status: 200, headers: vec![("x".into(), text)], body: data.to_vec(), cut: false };
    let said = expect.unmet(&answer).unwrap_or_default();
    assert!(!said.chars().any(char::is_control) && said.chars().count() < 1_000, "{said:?}");
}
