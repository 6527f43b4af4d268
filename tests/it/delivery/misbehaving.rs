//! Sinks that refuse, stall, break off and let nobody in. No story ends with another exit code.

use super::{arrived, landed, record, record_everywhere, write};
use crate::support::cli::run;
use crate::support::sink::{Reply, Sink};

struct Told {
    stderr: String,
    status: String,
}

/// Records 100 events against a script for PostHog; CDEvents is always well.
fn told(sink: &Sink, many: u64) -> (tempfile::TempDir, Told) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    write(&file, &landed(0, many));
    let answer = run(record(home.path(), sink).arg("events").arg(&file));
    assert_eq!(answer.code, 0, "{}", answer.stderr);
    assert!(!answer.text().contains("thisisthekey"), "{}", answer.text());
    let status = run(record(home.path(), sink).arg("status")).stdout;
    (home, Told { stderr: answer.stderr, status })
}

fn is_posthog(path: &str) -> bool {
    path.starts_with("/batch")
}

#[test]
fn one_bad_event_of_a_hundred_is_found_and_set_aside_with_the_answer() {
    let bad = landed(0, 100)[41].id.to_string();
    let name = bad.clone();
    let sink = Sink::new(move |request| {
        let has = is_posthog(&request.path) && request.events().iter().any(|(id, _)| *id == name);
        Reply::Status(if has { 400 } else { 200 })
    });
    let (home, told) = told(&sink, 100);
    assert!(told.stderr.contains("PostHog: 1 event set aside (400"), "{}", told.stderr);
    assert!(told.status.contains(&bad), "{}", told.status);
    assert_eq!(sink.taken("/batch/").len(), 99);
    // Corrected at the sink, it is sent once more on request.
    sink.script(|_| Reply::Status(200));
    run(record(home.path(), &sink).args(["resend", "--dead"]));
    arrived(&sink, "/batch/", &landed(0, 100));
    arrived(&sink, "/ce", &landed(0, 100));
}

#[test]
fn who_refuses_everything_is_not_about_one_event() {
    let sink = Sink::new(|request| Reply::Status(if is_posthog(&request.path) { 400 } else { 200 }));
    let (_home, told) = told(&sink, 30);
    assert!(told.stderr.contains("PostHog: 30 events kept for later (it refuses every event: 400"), "{}", told.stderr);
    assert!(told.status.contains("PostHog: 30 events to send"), "{}", told.status);
}

#[test]
fn too_much_at_once_is_split() {
    let sink = Sink::new(|request| Reply::Status(if request.events().len() > 7 { 413 } else { 200 }));
    let (_home, told) = told(&sink, 100);
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    arrived(&sink, "/batch/", &landed(0, 100));
}

#[test]
fn a_short_retry_after_is_waited_for_and_a_long_one_is_for_the_next_job() {
    for (after, kept) in [("1", false), ("3600", true)] {
        let mut first = true;
        let sink = Sink::new(move |request| match request.path == "/ce" && std::mem::take(&mut first) {
            true => Reply::With(429, "retry-after", after),
            false => Reply::Status(200),
        });
        let (_home, told) = told(&sink, 3);
        assert_eq!(told.stderr.contains("CDEvents: 3 events kept for later (429"), kept, "{}", told.stderr);
        assert_eq!(sink.taken("/ce").len(), if kept { 0 } else { 3 });
    }
}

#[test]
fn what_does_not_answer_is_kept_and_said_and_sent_by_the_next_job() {
    let scripts = [Reply::Status(429), Reply::Status(503), Reply::Status(500), Reply::Hang, Reply::CloseMidBody];
    for reply in scripts {
        let answer = reply.clone();
        let sink = Sink::new(move |request| if request.path == "/ce" { answer.clone() } else { Reply::Status(200) });
        let (home, told) = told(&sink, 2);
        assert!(told.stderr.contains("CDEvents: 2 events kept for later ("), "{reply:?}: {}", told.stderr);
        assert!(told.status.contains("CDEvents: 2 events to send"), "{reply:?}: {}", told.status);
        sink.script(|_| Reply::Status(200));
        run(record(home.path(), &sink).arg("resend"));
        arrived(&sink, "/ce", &landed(0, 2));
    }
}

#[test]
fn a_refused_handshake_and_a_wrong_key_are_said_and_keep_everything() {
    let sink = Sink::new(|request| Reply::Status(if is_posthog(&request.path) { 401 } else { 200 }));
    let (home, told) = told(&sink, 2);
    assert!(told.stderr.contains("PostHog: 2 events kept for later (it lets us not in: 401"), "{}", told.stderr);
    let mut tls = record(home.path(), &sink);
    let answer = run(tls.arg("resend").env("POSTHOG_HOST", sink.url.replace("http:", "https:")));
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("PostHog: 2 events kept for later"), "{}", answer.stderr);
    assert!(!answer.text().contains("thisisthekey"));
    let blank = run(record(home.path(), &sink).arg("resend").env("POSTHOG_API_KEY", "  "));
    assert!(blank.stderr.contains("POSTHOG_API_KEY is blank"), "{}", blank.stderr);
    assert!(blank.stderr.contains("PostHog is not configured here"), "{}", blank.stderr);
}

#[test]
fn with_every_sink_hanging_a_job_goes_on_after_the_budget() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    write(&file, &landed(0, 10));
    let sink = Sink::new(|_| Reply::Hang);
    let started = std::time::Instant::now();
    let answer = run(record_everywhere(home.path(), &sink).arg("events").arg(&file));
    println!("every sink hangs: {} ms", started.elapsed().as_millis());
    assert_eq!(answer.code, 0);
    for title in ["PostHog", "Slack", "CDEvents", "OTLP"] {
        assert!(answer.stderr.contains(&format!("{title}: 10 events kept for later")), "{}", answer.stderr);
    }
    let healthy = Sink::healthy();
    let started = std::time::Instant::now();
    let nothing = run(record_everywhere(home.path(), &healthy).arg("status"));
    let bare = started.elapsed();
    let other = tempfile::tempdir().unwrap();
    write(&file, &landed(0, 1));
    let started = std::time::Instant::now();
    let one = run(record_everywhere(other.path(), &healthy).arg("events").arg(&file));
    println!("healthy sinks add {} ms", started.elapsed().saturating_sub(bare).as_millis());
    assert_eq!((nothing.code, one.code), (0, 0));
}

#[test]
fn two_megabytes_and_a_line_that_is_no_event_are_said_and_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let sink = Sink::healthy();
    let mut event = landed(0, 1).remove(0);
    event.facts.title = Some("x".repeat(2 << 20));
    let file = home.path().join("events.jsonl");
    write(&file, &[event]);
    let answer = run(record(home.path(), &sink).arg("events").arg(&file));
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("the most that any sink takes"), "{}", answer.stderr);
    std::fs::write(&file, "{\"id\":1}\n").unwrap();
    let answer = run(record(home.path(), &sink).arg("events").arg(&file));
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("events.jsonl:1: this is no event"), "{}", answer.stderr);
}

#[test]
fn what_a_collector_takes_and_throws_away_is_said_and_not_sent_again() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    write(&file, &landed(0, 3));
    let some = r#"{"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"too old <b>"}}"#;
    let sink = Sink::new(move |request| match request.path.as_str() {
        "/v1/logs" => Reply::Says(some),
        _ => Reply::Status(200),
    });
    let answer = run(record_everywhere(home.path(), &sink).arg("events").arg(&file));
    assert_eq!(answer.code, 0);
    assert!(answer.stderr.contains("OTLP: 1 record(s) rejected (too old <b>)"), "{}", answer.stderr);
    let status = run(record_everywhere(home.path(), &sink).arg("status")).stdout;
    assert!(status.contains("OTLP: 0 events") || !status.contains("OTLP"), "{status}");
    // All of them: then it is about these events, and they are set aside with the answer.
    let all = r#"{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}"#;
    sink.script(move |request| if request.path == "/v1/logs" { Reply::Says(all) } else { Reply::Status(200) });
    write(&file, &landed(10, 3));
    let answer = run(record_everywhere(home.path(), &sink).arg("events").arg(&file));
    assert!(answer.stderr.contains("OTLP: 3 events set aside (rejected: too old)"), "{}", answer.stderr);
    assert_eq!(sink.received.lock().unwrap().iter().filter(|request| request.path == "/v1/logs").count(), 2);
}

#[test]
fn whoever_is_cut_off_by_our_own_budget_has_not_failed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    let sink = Sink::new(|request| if request.path == "/ce" { Reply::Hang } else { Reply::Status(200) });
    for job in 0..7 {
        write(&file, &landed(job, 1));
        let answer = run(record(home.path(), &sink).args(["events", "--budget", "0.3"]).arg(&file));
        assert!(answer.stderr.contains("kept for later") && !answer.stderr.contains("left alone"), "{}", answer.stderr);
    }
    sink.script(|_| Reply::Status(200));
    run(record(home.path(), &sink).arg("resend"));
    arrived(&sink, "/ce", &landed(0, 7));
}

#[test]
fn who_says_nothing_for_a_whole_second_has_failed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("events.jsonl");
    let sink = Sink::new(|request| if request.path == "/ce" { Reply::Hang } else { Reply::Status(200) });
    let job = |number: u64| {
        write(&file, &landed(number, 1));
        run(record(home.path(), &sink).args(["events", "--budget", "1.3"]).arg(&file)).stderr
    };
    let said: Vec<String> = (0..6).map(job).collect();
    assert!(said[..5].iter().all(|said| said.contains("kept for later") && !said.contains("left alone")), "{said:?}");
    assert!(said[5].contains("left alone"), "{said:?}");
}

/// A machine whose clock is three hours ahead, then one that is three hours behind, then one that is right.
#[test]
fn a_clock_three_hours_off_changes_no_event_and_shuts_no_door() {
    let right = chrono::Utc::now();
    let hours = |off: i64| (right + chrono::Duration::hours(off)).to_rfc3339();
    for database in [false, true] {
        let home = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", home.path().join("store.db").display());
        let file = home.path().join("events.jsonl");
        let sink = Sink::new(|request| Reply::Status(if request.path == "/ce" { 500 } else { 200 }));
        let job = |from: u64, off: i64| {
            write(&file, &landed(from, 2));
            let mut command = record(home.path(), &sink);
            command.arg("events").arg(&file).env("MAINGUARD_TEST_NOW", hours(off));
            if database {
                command.env("MAINGUARD_DATABASE_URL", &store);
            }
            let answer = run(&mut command);
            assert_eq!(answer.code, 0, "{}", answer.stderr);
            answer.stderr
        };
        // The breaker opens by a clock that is ahead.
        let said: Vec<String> = (0..6).map(|number| job(number * 2, 3)).collect();
        assert!(said[5].contains("left alone"), "{said:?}");
        sink.script(|_| Reply::Status(200));
        assert!(!job(12, -3).contains("left alone"));
        assert!(!job(14, 0).contains("kept for later"));
        for path in ["/ce", "/batch/"] {
            arrived(&sink, path, &landed(0, 16));
        }
        for request in sink.received.lock().unwrap().iter().filter(|request| request.path == "/ce") {
            let told = request.json()["context"]["timestamp"].as_str().unwrap_or_default().to_string();
            assert!(told.starts_with("2026-03-01T10:00:"), "the fact's own time: {told}");
        }
    }
}
