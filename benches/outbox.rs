//! Events per second written down: into SQLite and into the outbox folder, in batches, every batch on the disk.
//!
//! ```sh
//! cargo bench --bench outbox
//! ```

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a bench reads the clock and prints")]

use std::time::Instant;

use chrono::DateTime;
use mainguard::delivery::outbox::Outbox;
use mainguard::delivery::sinks::SinkName;
use mainguard::delivery::store::Store;
use mainguard::delivery::{DeliveryEvent, EventKind, Facts, Subject};

const EVENTS: u64 = 50_000;

fn main() {
    let events: Vec<DeliveryEvent> = (0..EVENTS).map(event).collect();
    let folder = tempfile::tempdir().expect("a folder");
    for batch in [100, 1_000] {
        let outbox = Outbox::at(folder.path().join(format!("outbox-{batch}")));
        let mut writer = outbox.writer(&[SinkName::PostHog], "bench");
        let started = Instant::now();
        for part in events.chunks(batch) {
            writer.append(part).expect("written");
        }
        say("folder", batch, started);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let file = folder.path().join(format!("{batch}.db"));
            let store = Store::open(&format!("sqlite:{}", file.display())).await.expect("opened");
            store.migrate().await.expect("tables");
            let started = Instant::now();
            for part in events.chunks(batch) {
                store.append(part, &[SinkName::PostHog]).await.expect("written");
            }
            say("sqlite", batch, started);
            store.close().await;
        });
    }
}

fn say(what: &str, batch: usize, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    println!("{what:<8} batches of {batch:>5}: {:>9.0} events/s", EVENTS as f64 / seconds);
}

fn event(number: u64) -> DeliveryEvent {
    let facts = Facts {
        pr: Some(number),
        sha: format!("{number:040x}"),
        branch: Some(format!("feature/{number}")),
        actor: Some("mona".into()),
        ..Facts::default()
    };
    let at = DateTime::from_timestamp(1_772_000_000 + number as i64, 0).expect("a time");
    DeliveryEvent::new(EventKind::CiPassed, "octo/shop", Subject::run(number), 1, at, facts)
}
