//! Advisories over the network, as it goes wrong: a server on loopback that answers in pages, fails, breaks off, speaks
//! no TLS, sends archives that are none. What could not be asked is exit code 2 and says what to run.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::{Value, json};

use crate::support::cli::{Answer, mainguard, run};

/// What was asked: method and path, and the JSON that came with it.
type Asked = (String, Value);

/// The answer to a method and path.
type Misbehaviour = fn(&str) -> Vec<u8>;

/// A server whose answers a test writes: status line, headers, body.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start(answer: impl Fn(usize, &str, &Value) -> Vec<u8> + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = server.asked.clone();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut head, mut line) = (Vec::new(), String::new());
                while reader.read_line(&mut line).is_ok_and(|length| length > 2) {
                    head.push(std::mem::take(&mut line));
                }
                let length = head.iter().find_map(|line| {
                    let line = line.to_lowercase();
                    line.strip_prefix("content-length:").and_then(|length| length.trim().parse().ok())
                });
                let mut body = vec![0; length.unwrap_or(0)];
                if reader.read_exact(&mut body).is_err() || head.is_empty() {
                    continue;
                }
                let what = head[0].rsplit_once(' ').map(|(what, _)| what.to_string()).unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let number = asked.lock().unwrap().len();
                let bytes = answer(number, &what, &body);
                asked.lock().unwrap().push((what, body));
                let _ = stream.write_all(&bytes);
            }
        });
        server
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap()
    }

    fn paths(&self) -> Vec<String> {
        self.asked().iter().map(|(what, _)| what.clone()).collect()
    }
}

fn reply(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn ok(body: &Value) -> Vec<u8> {
    reply("200 OK", body.to_string().as_bytes())
}

/// An advisory about `left` before 2.0.0.
fn record(id: &str) -> Value {
    json!({
        "id": id, "summary": format!("what {id} is about"), "modified": "2026-01-01T00:00:00Z",
        "database_specific": {"severity": "HIGH"},
        "affected": [{"package": {"ecosystem": "npm", "name": "left"},
                      "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}]}],
    })
}

/// A folder with a lockfile that names `left` 1.0.0, and a cache of its own.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let lock = json!({"lockfileVersion": 3, "packages": {"": {"dependencies": {"left": "^1"}},
            "node_modules/left": {"version": "1.0.0"}}});
        fs::write(folder.path().join("package-lock.json"), lock.to_string()).unwrap();
        Place(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn deps(&self, arguments: &[&str]) -> Answer {
        let mut command = mainguard(self.path());
        for name in ["XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"] {
            command.env(name, self.path().join("cache"));
        }
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(name);
        }
        run(command.arg("deps").args(arguments))
    }

    fn check(&self, url: &str) -> Answer {
        self.deps(&["check", "--lockfile", "package-lock.json", "--advisories", url])
    }

    fn update(&self, url: &str) -> Answer {
        self.deps(&["update", "--from", url, "--ecosystem", "npm"])
    }
}

/// Not green, and with a command to run.
fn refused(answer: &Answer, why: &str) {
    let text = answer.text();
    assert_eq!(answer.code, 2, "{text}");
    assert!(text.contains(why), "{why:?} is not in {text}");
    assert!(text.contains("mainguard deps update"), "{text}");
}

#[test]
fn a_batch_is_asked_page_by_page_and_each_record_once() {
    let server = Server::start(|_, what, body| match what {
        "POST /v1/querybatch" => match body["queries"][0]["page_token"].as_str() {
            None => ok(&json!({"results": [{"vulns": [{"id": "GHSA-a", "modified": "m1"}], "next_page_token": "p2"}]})),
            Some("p2") => ok(&json!({"results": [{"vulns": [{"id": "GHSA-b", "modified": "m1"}]}]})),
            Some(other) => reply("400 Bad Request", other.as_bytes()),
        },
        path => ok(&record(path.rsplit('/').next().unwrap_or_default())),
    });
    let place = Place::new();
    let answer = place.check(&server.url());
    assert_eq!(answer.code, 1, "{}", answer.text());
    assert!(answer.stdout.contains("GHSA-a") && answer.stdout.contains("GHSA-b"), "{}", answer.stdout);
    assert!(answer.stdout.contains("asked just now"), "{}", answer.stdout);
    let asked = ["POST /v1/querybatch", "POST /v1/querybatch", "GET /v1/vulns/GHSA-a", "GET /v1/vulns/GHSA-b"];
    assert_eq!(server.paths(), asked);
    let query = server.asked()[0].1["queries"][0].clone();
    assert_eq!(query, json!({"package": {"ecosystem": "npm", "name": "left"}, "version": "1.0.0"}));

    // Records stay as they are until the server says that they changed.
    server.asked().clear();
    assert_eq!(place.check(&server.url()).code, 1);
    assert_eq!(server.paths(), asked[..2]);
}

#[test]
fn a_record_that_changed_is_read_again() {
    let server = Server::start(|number, what, _| match what {
        "POST /v1/querybatch" => {
            ok(&json!({"results": [{"vulns": [{"id": "GHSA-a", "modified": format!("m{number}")}]}]}))
        }
        _ => ok(&record("GHSA-a")),
    });
    let place = Place::new();
    place.check(&server.url());
    place.check(&server.url());
    assert_eq!(server.paths().iter().filter(|path| path.starts_with("GET")).count(), 2);
}

#[test]
fn more_packages_than_one_question_takes_are_asked_in_parts() {
    let server = Server::start(|_, _, body| {
        let count = body["queries"].as_array().map_or(0, Vec::len);
        ok(&json!({"results": vec![json!({}); count]}))
    });
    let place = Place::new();
    let mut packages = BTreeMap::new();
    for number in 0..1_001 {
        packages.insert(format!("node_modules/p{number}"), json!({"version": "1.0.0"}));
    }
    let lock = json!({"lockfileVersion": 3, "packages": packages});
    fs::write(place.path().join("package-lock.json"), lock.to_string()).unwrap();
    let answer = place.check(&server.url());
    assert_eq!(answer.code, 0, "{}", answer.text());
    let sizes: Vec<usize> =
        server.asked().iter().map(|(_, body)| body["queries"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(sizes, [1_000, 1]);
}

#[test]
fn an_api_that_misbehaves_is_not_green() {
    let cases: [(&str, Misbehaviour); 8] = [
        ("the server answered 500", |_| reply("500 Internal Server Error", b"no")),
        ("the server answered 429", |_| reply("429 Too Many Requests", b"later")),
        ("there is no `v1/querybatch`", |_| reply("404 Not Found", b"")),
        ("expected value", |_| reply("200 OK", b"<html>welcome</html>")),
        ("another number of answers", |_| reply("200 OK", br#"{"results": []}"#)),
        ("more than 50 pages", |_| ok(&json!({"results": [{"next_page_token": "again"}]}))),
        ("no database does", |_| ok(&json!({"results": [{"vulns": [{"id": "../../x", "modified": "m"}]}]}))),
        ("does not have it", |what| match what {
            "POST /v1/querybatch" => ok(&json!({"results": [{"vulns": [{"id": "A-1", "modified": "m"}]}]})),
            _ => reply("404 Not Found", b""),
        }),
    ];
    for (why, answer) in cases {
        let server = Server::start(move |_, what, _| answer(what));
        refused(&Place::new().check(&server.url()), why);
    }
    let broken = Server::start(|_, _, _| b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"results\"".to_vec());
    refused(&Place::new().check(&broken.url()), "the answer broke off");
}

#[test]
fn a_server_that_is_not_there_or_speaks_no_tls_is_not_green() {
    let plain = Server::start(|_, _, _| reply("200 OK", b"{}"));
    refused(&Place::new().check(&format!("https://{}", plain.address)), "could not ask https://127.0.0.1");
    refused(&Place::new().update(&format!("https://{}", plain.address)), "could not ask https://127.0.0.1");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&Place::new().check(&format!("http://{gone}")), "could not ask http://127.0.0.1");
    refused(&Place::new().check("http://user:secret@127.0.0.1:9"), "without credentials");
}

/// An archive with these records.
fn archive(records: &[Value]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for record in records {
        let name = format!("{}.json", record["id"].as_str().unwrap());
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn archives_are_fetched_and_read_without_the_network() {
    let server = Server::start(|_, what, _| match what {
        "GET /npm/all.zip" => reply("200 OK", &archive(&[record("GHSA-a"), record("GHSA-b")])),
        _ => reply("404 Not Found", b""),
    });
    let place = Place::new();
    let answer = place.deps(&["update", "--from", &server.url(), "--ecosystem", "npm,Hex"]);
    assert_eq!(answer.code, 0, "{}", answer.text());
    assert!(answer.stdout.contains("npm: 2 advisories"), "{}", answer.stdout);
    assert!(answer.stderr.contains("there are no advisories for Hex there"), "{}", answer.stderr);
    let checked = place.deps(&["check", "--lockfile", "package-lock.json"]);
    assert_eq!(checked.code, 1, "{}", checked.text());
    assert!(checked.stdout.contains("GHSA-a") && checked.stdout.contains("less than a day old"), "{}", checked.stdout);
}

#[test]
fn what_is_no_archive_leaves_the_old_index_alone() {
    let good = Server::start(|_, _, _| reply("200 OK", &archive(&[record("GHSA-a")])));
    let whole = archive(&[record("GHSA-a"), record("GHSA-b")]);
    let half = whole[..whole.len() / 2].to_vec();
    let cut_short = reply("200 OK", &whole)[..100].to_vec();
    let not_json = {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("A-1.json", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(b"no JSON").unwrap();
        zip.finish().unwrap().into_inner()
    };
    let huge = b"HTTP/1.1 200 OK\r\ncontent-length: 5000000000\r\n\r\nPK".to_vec();
    let cases = [
        ("what it gave is no archive", reply("200 OK", &half)),
        ("the answer broke off", cut_short),
        ("what it gave is no archive", reply("200 OK", b"<html>login</html>")),
        ("A-1.json", reply("200 OK", &not_json)),
        ("larger than 1073741824 bytes", huge),
        ("the server answered 503", reply("503 Service Unavailable", b"")),
    ];
    let place = Place::new();
    assert_eq!(place.update(&good.url()).code, 0);
    for (why, bytes) in cases {
        let server = Server::start(move |_, _, _| bytes.clone());
        refused(&place.update(&server.url()), why);
        let checked = place.deps(&["check", "--lockfile", "package-lock.json"]);
        assert!(checked.code == 1 && checked.stdout.contains("GHSA-a"), "after {why}: {}", checked.text());
    }
}

#[test]
fn without_data_nothing_is_green() {
    refused(&Place::new().deps(&["check", "--lockfile", "package-lock.json"]), "could not check");
    refused(&Place::new().deps(&["explain", "GHSA-a"]), "there is no advisory data");
}
