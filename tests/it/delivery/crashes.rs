//! Many processes, no network, and kill -9 at any point.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{arrived, landed, record, record_everywhere, write};
use crate::support::cli::run;
use crate::support::sink::{Reply, Sink};

/// A sequence without a source of randomness; the seed is printed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn ten_thousand_events_recorded_offline_by_several_processes_arrive_once_each_everywhere() {
    let home = tempfile::tempdir().unwrap();
    let sink = Sink::new(|_| Reply::Status(503));
    let children: Vec<Child> = (0..5)
        .map(|part| {
            let file = home.path().join(format!("{part}.jsonl"));
            write(&file, &landed(part * 2_000, 2_000));
            let mut command = record_everywhere(home.path(), &sink);
            command.args(["events", "--budget", "0.3"]).arg(&file).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let status = run(record_everywhere(home.path(), &sink).args(["status", "--json"]));
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    assert_eq!(status["status"]["events"], 10_000);

    sink.script(|_| Reply::Status(200));
    // On a slow machine nobody was asked before the budget was over, and nothing is known of the sinks.
    let _ = std::fs::remove_file(home.path().join("outbox/breakers.json"));
    for _ in 0..20 {
        let answer = run(record_everywhere(home.path(), &sink).args(["resend", "--budget", "60"]));
        assert_eq!(answer.code, 0);
        if run(record_everywhere(home.path(), &sink).arg("status")).stdout.contains(": 0 events") {
            break;
        }
    }
    for path in ["/batch/", "/ce", "/v1/logs", "/slack"] {
        arrived(&sink, path, &landed(0, 10_000));
    }
    let left: Vec<_> = std::fs::read_dir(home.path().join("outbox")).unwrap().flatten().collect();
    let left: Vec<_> = left.iter().map(|entry| entry.file_name()).filter(|name| *name != "breakers.json").collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn kill_nine_at_two_hundred_points_loses_and_doubles_nothing_in_the_outbox() {
    killed(None);
}

#[test]
fn kill_nine_at_two_hundred_points_loses_and_doubles_nothing_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    killed(Some(&format!("sqlite:{}", folder.path().join("store.db").display())));
}

#[test]
fn kill_nine_at_two_hundred_points_loses_and_doubles_nothing_in_postgresql() {
    match Postgres::start() {
        Ok(server) => killed(Some(&server.url)),
        Err(why) => println!("skipped: {why}"),
    }
}

/// Jobs that are killed while they write or send, and run again; then one that is left alone.
fn killed(database: Option<&str>) {
    let seed = 0x9e37_79b9_7f4a_7c15;
    println!("seed {seed:#x}");
    let mut dice = Dice(seed);
    let home = tempfile::tempdir().unwrap();
    let sink = Sink::healthy();
    let command = |arguments: &[&str]| {
        let mut command = record(home.path(), &sink);
        command.args(arguments).env("MAINGUARD_DELIVERY_BUDGET", "0.4").stderr(Stdio::null()).stdout(Stdio::null());
        if let Some(url) = database {
            command.env("MAINGUARD_DATABASE_URL", url);
        }
        command
    };
    if let Some(url) = database {
        let mut migrate = crate::support::cli::mainguard(home.path());
        assert_eq!(run(migrate.args(["db", "migrate", "--database-url", url])).code, 0);
    }
    let file = home.path().join("events.jsonl");
    let (rounds, each) = (200, 10);
    let mut kills = 0;
    for round in 0..rounds {
        write(&file, &landed(round * each, each));
        let arguments = ["events".to_string(), file.display().to_string()];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut child = command(&arguments).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(dice.roll(60_000)));
        let done = child.try_wait().unwrap().is_some();
        if !done {
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            // The job runs again. It only writes, so that what is left is for the drains that are killed.
            let again = command(&arguments).arg("--keep").status().unwrap();
            assert!(again.success());
        }
        if round % 2 == 1 {
            let mut drain = command(&["resend"]).spawn().unwrap();
            std::thread::sleep(Duration::from_micros(dice.roll(80_000)));
            if drain.try_wait().unwrap().is_none() {
                drain.kill().unwrap();
                kills += 1;
            }
            drain.wait().unwrap();
        }
    }
    println!("{kills} kills");
    assert!(kills >= 100, "only {kills} processes were still there to be killed");
    for _ in 0..10 {
        // A lease of who was killed ends by itself.
        std::thread::sleep(Duration::from_secs(1));
        let mut last = command(&["resend"]);
        assert!(last.env("MAINGUARD_DELIVERY_BUDGET", "30").status().unwrap().success());
        let expected = landed(0, rounds * each);
        if sink.taken("/batch/").len() == expected.len() && sink.taken("/ce").len() == expected.len() {
            break;
        }
    }
    for path in ["/batch/", "/ce"] {
        arrived(&sink, path, &landed(0, rounds * each));
    }
}

/// A server of our own in a temporary folder, on loopback.
struct Postgres {
    server: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Postgres {
    fn start() -> Result<Postgres, String> {
        let found = |name: &str| {
            let path = std::env::var_os("PATH").unwrap_or_default();
            std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
        };
        let initdb = found("initdb").ok_or("there is no initdb on PATH")?;
        let postgres = found("postgres").ok_or("there is no postgres on PATH")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data).map_err(|error| error.to_string())?;
        // PostgreSQL refuses to run as root.
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"));
        let user = if is_root { Some("nobody") } else { None };
        if let Some(user) = user {
            let owned = Command::new("chown").args(["-R", user]).arg(folder.path()).status();
            if !owned.is_ok_and(|status| status.success()) {
                return Err("this is root, and there is nobody to run PostgreSQL as".into());
            }
        }
        let as_user = |program: &Path| match user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), "--clear-groups", "--regid=65534"]).arg(program);
                command
            }
            None => Command::new(program),
        };
        let mut init = as_user(&initdb);
        init.args(["--auth=trust", "--username=mainguard", "--no-sync", "-D"]).arg(&data).current_dir(folder.path());
        let made = init.output().map_err(|error| format!("initdb cannot be started: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = as_user(&postgres)
            .args(["-D", &data.display().to_string(), "-h", "127.0.0.1", "-p", &port.to_string()])
            .args(["-c", "unix_socket_directories="])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let url = format!("postgres://mainguard@127.0.0.1:{port}/postgres");
        let mut started = Postgres { server, url, _folder: folder };
        for _ in 0..300 {
            if started.server.try_wait().is_ok_and(|ended| ended.is_some()) {
                return Err("PostgreSQL ended at once".into());
            }
            let mut migrate = crate::support::cli::mainguard(Path::new("."));
            if run(migrate.args(["db", "migrate", "--database-url", &started.url])).code == 0 {
                return Ok(started);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Err("PostgreSQL does not answer".into())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
