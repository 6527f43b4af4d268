//! `mainguard db`: looks after the store of delivery events.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use mainguard::delivery::EventKind;
use mainguard::delivery::sinks::SinkName;
use mainguard::delivery::store::{Store, StoreError};
use mainguard::text::visible;

use crate::console::{Console, Hinted};
use crate::environment::Environment;

pub(crate) const EXAMPLES: &str = "\
Examples:
  mainguard db migrate                       make the tables
  mainguard db stats                         what is in it, and what each sink lacks
  mainguard db events --kind dev_deployed --limit 20
  mainguard db dead list                     what a sink refused, and its answer
  mainguard db dead retry --sink posthog     send it once more with the next event
  mainguard db backup delivery-copy.db

The store is named by MAINGUARD_DATABASE_URL: `sqlite:FILE` or `postgres://USER@HOST/DATABASE`.";

#[derive(Debug, Args)]
pub(crate) struct DbArgs {
    /// The store's address
    #[arg(long, global = true, env = "MAINGUARD_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: DbCommand,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    /// Make the tables; harmless where they are
    Migrate,
    /// Say what it holds and what each sink lacks
    Stats,
    /// Print events, oldest first
    Events {
        /// Only this kind, for instance dev_deployed
        #[arg(long, value_name = "KIND", value_parser = parse_kind)]
        kind: Option<EventKind>,
        /// Only what happened then or later (RFC 3339)
        #[arg(long, value_name = "TIME")]
        since: Option<DateTime<Utc>>,
        /// The newest so many
        #[arg(long, value_name = "NUMBER", default_value_t = 100)]
        limit: u32,
    },
    /// What sinks refused
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Copy an SQLite store to a new file while others write
    Backup {
        /// The file; it must not be there yet
        file: String,
    },
}

#[derive(Debug, Subcommand)]
enum DeadCommand {
    /// Print it with the answers
    List,
    /// Let it be sent once more
    Retry {
        /// Only what this sink refused
        #[arg(long, value_name = "SINK", value_parser = parse_sink)]
        sink: Option<SinkName>,
    },
}

pub(crate) fn run(args: &DbArgs, environment: &Environment, console: &Console) -> anyhow::Result<u8> {
    let address = args.database_url.as_deref().map(str::trim).filter(|address| !address.is_empty());
    let address = address.ok_or_else(|| {
        Hinted::error("it is not known where the store is", "--database-url sqlite:FILE, or MAINGUARD_DATABASE_URL")
    })?;
    let _ = environment;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let text = runtime.block_on(async {
        let store = Store::open(address).await?;
        let text = answer(&store, args).await;
        store.close().await;
        text
    });
    console.answer(&text.map_err(with_hint)?)?;
    Ok(0)
}

async fn answer(store: &Store, args: &DbArgs) -> Result<String, StoreError> {
    if !matches!(args.command, DbCommand::Migrate) {
        store.version().await?;
    }
    let mut text = String::new();
    match &args.command {
        DbCommand::Migrate => {
            let new = store.migrate().await?;
            text.push_str(if new { "the tables are made\n" } else { "the tables are there\n" });
        }
        DbCommand::Stats => {
            let stats = store.stats().await?;
            if args.json {
                return Ok(format!("{:#}", serde_json::json!({"version": 1, "stats": stats})));
            }
            text.push_str(&format!("{}: {} events\n", stats.database, stats.events));
            for (kind, many) in &stats.kinds {
                text.push_str(&format!("  {many:>8} {}\n", visible(kind)));
            }
            for (sink, owed, dead) in &stats.sinks {
                text.push_str(&format!("  {sink}: {owed} to send, {dead} set aside\n"));
            }
        }
        DbCommand::Events { kind, since, limit } => {
            for event in store.events(kind.map(EventKind::name), *since, (*limit).min(100_000)).await? {
                match args.json {
                    true => text.push_str(&event.to_json()),
                    false => text.push_str(&format!(
                        "{} {} {} {} {}",
                        event.occurred_at.format("%Y-%m-%d %H:%M:%S"),
                        event.kind.name(),
                        visible(&event.repository),
                        visible(event.subject.as_str()),
                        event.id
                    )),
                }
                text.push('\n');
            }
        }
        DbCommand::Dead(DeadCommand::List) => {
            for dead in store.dead().await? {
                match args.json {
                    true => text.push_str(&serde_json::to_string(&dead).unwrap_or_default()),
                    false => text.push_str(&format!(
                        "{} {} {}: {}",
                        dead.sink.name(),
                        dead.event.kind.name(),
                        dead.event.id,
                        visible(&dead.answer)
                    )),
                }
                text.push('\n');
            }
        }
        DbCommand::Dead(DeadCommand::Retry { sink }) => {
            let many = store.retry_dead(*sink).await?;
            text.push_str(&format!("{many} to be sent once more; `mainguard record resend` sends them\n"));
        }
        DbCommand::Backup { file } => {
            store.backup(file).await?;
            text.push_str(&format!("copied to {file}\n"));
        }
    }
    Ok(text)
}

fn with_hint(error: StoreError) -> anyhow::Error {
    match error.hint() {
        Some(hint) => Hinted::error(error.to_string(), hint),
        None => anyhow::Error::new(error),
    }
}

fn parse_kind(name: &str) -> Result<EventKind, String> {
    EventKind::named(name).ok_or_else(|| {
        let names: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("the kinds are {}", names.join(", "))
    })
}

fn parse_sink(name: &str) -> Result<SinkName, String> {
    SinkName::named(name).ok_or_else(|| format!("the sinks are {}", SinkName::ALL.map(SinkName::name).join(", ")))
}
