//! A database in which events are kept: SQLite by default, PostgreSQL by address. Edge.
//!
//! One SQL text serves both. Events are appended and never changed; their number grows in the order of commits,
//! because it comes from a counter whose row is locked until then, so a sink's cursor that has passed a number has
//! passed everything before it. A sink is owed what is recorded from the moment in which it is first configured.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::breaker;
use super::drain::Settled;
use super::event::{DeliveryEvent, MOST_EVENT_BYTES};
use super::outbox::Dead;
use super::sinks::SinkName;

/// So many rows are written with one statement: 6 values each, and SQLite takes 32,766.
const ROWS: usize = 100;

/// The version of the tables.
pub const SCHEMA: i64 = 1;

/// The tables, one statement each. Every one may be run again.
const TABLES: [&str; 7] = [
    "CREATE TABLE IF NOT EXISTS mainguard_schema (version BIGINT PRIMARY KEY)",
    "CREATE TABLE IF NOT EXISTS mainguard_counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mainguard_events (seq BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, \
     repository TEXT NOT NULL, occurred_at TEXT NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mainguard_cursors (sink TEXT PRIMARY KEY, seq BIGINT NOT NULL, holder TEXT NOT NULL, \
     held_until BIGINT NOT NULL, health TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS mainguard_dead (sink TEXT NOT NULL, id TEXT NOT NULL, answer TEXT NOT NULL, \
     at TEXT NOT NULL, again BIGINT NOT NULL, PRIMARY KEY (sink, id))",
    "INSERT INTO mainguard_counter (name, value) VALUES ('events', 0) ON CONFLICT (name) DO NOTHING",
    "INSERT INTO mainguard_schema (version) VALUES (1) ON CONFLICT (version) DO NOTHING",
];

/// What went wrong with the database. The message holds no address: it may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is of neither kind.
    #[error("the store's address begins with neither `sqlite:` nor `postgres:`")]
    Address,
    /// The tables are not there.
    #[error("the store has no tables yet")]
    NoTables,
    /// Somebody newer was here.
    #[error("the store has tables of version {0}, and this program knows {SCHEMA}")]
    Newer(i64),
    /// An event is too large for every sink.
    #[error("the event {0} has {1} bytes, and {MOST_EVENT_BYTES} is the most that any sink takes")]
    TooLarge(Uuid, usize),
    /// A row does not hold what it should.
    #[error("the store holds an event that cannot be read: {0}")]
    Damaged(String),
    /// The database.
    #[error("the store could not be {0}: {1}")]
    Database(&'static str, String),
}

impl StoreError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            StoreError::Address => "for instance `sqlite:delivery.db` or `postgres://user@host/database`".into(),
            StoreError::NoTables => "`mainguard db migrate` makes them".into(),
            StoreError::Newer(_) => "install the newer version of mainguard".into(),
            StoreError::TooLarge(..) | StoreError::Damaged(_) => return None,
            StoreError::Database(..) => "MAINGUARD_DATABASE_URL names the store; `mainguard db stats` tries it".into(),
        })
    }
}

/// The database.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file.
    Sqlite(SqlitePool),
    /// A server.
    Postgres(PgPool),
}

/// What the store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// `sqlite` or `postgres`.
    pub database: &'static str,
    /// Events.
    pub events: i64,
    /// Events by kind, in the order of their names.
    pub kinds: Vec<(String, i64)>,
    /// Each sink's cursor: sink, events that it lacks, events that were set aside.
    pub sinks: Vec<(String, i64, i64)>,
    /// When the first and the last of them happened.
    pub first: Option<String>,
    /// The last.
    pub last: Option<String>,
}

/// Runs the same lines with the pool of either database. The two are different types to sqlx, and only that.
macro_rules! either {
    ($store:expr, $pool:ident => $body:expr) => {
        match $store {
            Store::Sqlite($pool) => $body,
            Store::Postgres($pool) => $body,
        }
    };
}

impl Store {
    /// Opens the store at an address: `sqlite:FILE` (made when it is not there) or `postgres://…`.
    pub async fn open(address: &str) -> Result<Store, StoreError> {
        if let Some(file) = address.strip_prefix("sqlite:") {
            let file = file.trim_start_matches("//");
            let options = SqliteConnectOptions::new()
                .filename(file)
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                // What was said to be written is there after a power cut, not only after a kill.
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(10));
            let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await;
            return pool.map(Store::Sqlite).map_err(|error| opened(&error));
        }
        if address.starts_with("postgres:") || address.starts_with("postgresql:") {
            // The parser's message repeats what it was given.
            let options = PgConnectOptions::from_str(address)
                .map_err(|_| StoreError::Database("opened", "its address cannot be read".into()))?;
            let pool = PgPoolOptions::new().max_connections(4).acquire_timeout(Duration::from_secs(5));
            return pool.connect_with(options).await.map(Store::Postgres).map_err(|error| opened(&error));
        }
        Err(StoreError::Address)
    }

    /// Makes the tables. Harmless where they are; true when they were not.
    pub async fn migrate(&self) -> Result<bool, StoreError> {
        let there = match self.version().await {
            Ok(()) => true,
            Err(StoreError::NoTables) => false,
            Err(error) => return Err(error),
        };
        either!(self, pool => {
            for statement in TABLES {
                sqlx::query(statement).execute(pool).await.map_err(|error| written(&error))?;
            }
        });
        Ok(!there)
    }

    /// An error when the tables are not those that we know.
    pub async fn version(&self) -> Result<(), StoreError> {
        const SQL: &str = "SELECT MAX(version) FROM mainguard_schema";
        let version: Option<i64> = either!(self, pool => {
            match sqlx::query(SQL).fetch_one(pool).await {
                Ok(row) => row.try_get(0).map_err(|error| read(&error))?,
                Err(sqlx::Error::Database(_)) => None,
                Err(error) => return Err(read(&error)),
            }
        });
        match version {
            None => Err(StoreError::NoTables),
            Some(version) if version > SCHEMA => Err(StoreError::Newer(version)),
            Some(_) => Ok(()),
        }
    }

    /// Appends events; those that are there already are left as they are. All of them, or none. How many are new.
    pub async fn append(&self, events: &[DeliveryEvent], owed: &[SinkName]) -> Result<u64, StoreError> {
        let mut rows = Vec::with_capacity(events.len());
        for event in events {
            let body = event.to_json();
            if body.len() > MOST_EVENT_BYTES {
                return Err(StoreError::TooLarge(event.id, body.len()));
            }
            rows.push((event, body));
        }
        let many = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        either!(self, pool => {
            let mut transaction = pool.begin().await.map_err(|error| written(&error))?;
            // The row is locked from here to the commit: who comes next gets greater numbers and commits later.
            let sql = "UPDATE mainguard_counter SET value = value + $1 WHERE name = 'events' RETURNING value";
            let row = sqlx::query(sql).bind(many).fetch_one(&mut *transaction).await.map_err(|error| written(&error))?;
            let last: i64 = row.try_get(0).map_err(|error| read(&error))?;
            for sink in owed {
                let sql = "INSERT INTO mainguard_cursors (sink, seq, holder, held_until, health) \
                           VALUES ($1, $2, '', 0, '') ON CONFLICT (sink) DO NOTHING";
                let query = sqlx::query(sql).bind(sink.name()).bind(last - many);
                query.execute(&mut *transaction).await.map_err(|error| written(&error))?;
            }
            let (mut new, mut seq) = (0, last - many);
            for chunk in rows.chunks(ROWS) {
                let mut query = sqlx::query(AssertSqlSafe(insert_sql(chunk.len())));
                for (event, body) in chunk {
                    seq += 1;
                    query = query
                        .bind(seq)
                        .bind(event.id.to_string())
                        .bind(event.kind.name())
                        .bind(event.repository.as_str())
                        .bind(time(event.occurred_at))
                        .bind(body.as_str());
                }
                let done = query.execute(&mut *transaction).await.map_err(|error| written(&error))?;
                new += done.rows_affected();
            }
            transaction.commit().await.map_err(|error| written(&error))?;
            Ok(new)
        })
    }

    /// The newest events that happened at `since` or later, oldest first.
    pub async fn events(
        &self,
        kind: Option<&str>,
        since: Option<DateTime<Utc>>,
        most: u32,
    ) -> Result<Vec<DeliveryEvent>, StoreError> {
        const SQL: &str = "SELECT body FROM mainguard_events WHERE ($1 = '' OR kind = $1) AND occurred_at >= $2 \
                           ORDER BY occurred_at DESC, seq DESC LIMIT $3";
        let since = since.map(time).unwrap_or_default();
        let mut events = either!(self, pool => {
            let query = sqlx::query(SQL).bind(kind.unwrap_or_default()).bind(since.as_str()).bind(i64::from(most));
            let rows = query.fetch_all(pool).await.map_err(|error| read(&error))?;
            rows.iter().map(|row| event_of(row.try_get(0))).collect::<Result<Vec<_>, _>>()?
        });
        events.reverse();
        Ok(events)
    }

    /// What it holds.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        const KINDS: &str = "SELECT kind, COUNT(*), MIN(occurred_at), MAX(occurred_at) FROM mainguard_events \
                             GROUP BY kind ORDER BY kind";
        let mut stats = Stats {
            database: match self {
                Store::Sqlite(_) => "sqlite",
                Store::Postgres(_) => "postgres",
            },
            events: 0,
            kinds: Vec::new(),
            sinks: Vec::new(),
            first: None,
            last: None,
        };
        either!(self, pool => {
            for row in sqlx::query(KINDS).fetch_all(pool).await.map_err(|error| read(&error))? {
                let (kind, many): (String, i64) = (get(row.try_get(0))?, get(row.try_get(1))?);
                let (first, last): (String, String) = (get(row.try_get(2))?, get(row.try_get(3))?);
                stats.events += many;
                stats.kinds.push((kind, many));
                stats.first = Some(stats.first.take().map_or(first.clone(), |earlier| earlier.min(first)));
                stats.last = Some(stats.last.take().map_or(last.clone(), |later| later.max(last)));
            }
        });
        for sink in SinkName::ALL {
            let dead = self.dead_of(Some(sink)).await?.len();
            if self.has_cursor(sink).await? {
                let owed = self.owed(sink).await?;
                stats.sinks.push((sink.name().into(), owed as i64, dead as i64));
            }
        }
        Ok(stats)
    }

    /// What was set aside and waits for a person.
    pub async fn dead(&self) -> Result<Vec<Dead>, StoreError> {
        self.dead_of(None).await
    }

    /// Lets everything that was set aside be sent once more; how many.
    pub async fn retry_dead(&self, sink: Option<SinkName>) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE mainguard_dead SET again = 1 WHERE again = 0 AND ($1 = '' OR sink = $1)";
        let sink = sink.map(SinkName::name).unwrap_or_default();
        either!(self, pool => {
            let done = sqlx::query(SQL).bind(sink).execute(pool).await.map_err(|error| written(&error))?;
            Ok(done.rows_affected())
        })
    }

    /// Copies an SQLite store to a file that is not there yet, while others write.
    pub async fn backup(&self, file: &str) -> Result<(), StoreError> {
        match self {
            Store::Sqlite(pool) => {
                let done = sqlx::query("VACUUM INTO $1").bind(file).execute(pool).await;
                done.map(drop).map_err(|error| StoreError::Database("copied", error.to_string()))
            }
            Store::Postgres(_) => {
                Err(StoreError::Database("copied", "it is PostgreSQL, for which there is pg_dump".into()))
            }
        }
    }

    /// Closes it.
    pub async fn close(&self) {
        either!(self, pool => pool.close().await);
    }

    /// Whether this process may send to the sink; it may for its budget and a little longer.
    pub(crate) async fn lease(
        &self,
        sink: SinkName,
        holder: &str,
        now: DateTime<Utc>,
        budget: Duration,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE mainguard_cursors SET holder = $1, held_until = $2 \
                           WHERE sink = $3 AND (held_until < $4 OR held_until > $5 OR holder = $1)";
        let until = now.timestamp_millis() + i64::try_from(budget.as_millis()).unwrap_or(i64::MAX / 4) + 500;
        // A lease from a clock that was ahead must not hold for ever.
        let absurd = now.timestamp_millis() + 86_400_000;
        either!(self, pool => {
            let query = sqlx::query(SQL).bind(holder).bind(until).bind(sink.name());
            let query = query.bind(now.timestamp_millis()).bind(absurd);
            let done = query.execute(pool).await.map_err(|error| written(&error))?;
            // Without a cursor nothing is owed, and there is nothing to wait for.
            Ok(done.rows_affected() == 1 || !self.has_cursor(sink).await?)
        })
    }

    /// Ends the lease and remembers how the peer answered.
    pub(crate) async fn release(&self, sink: SinkName, holder: &str, health: breaker::State) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE mainguard_cursors SET health = $1, held_until = 0 WHERE sink = $2 AND holder = $3";
        let health = serde_json::to_string(&health).unwrap_or_default();
        either!(self, pool => {
            let query = sqlx::query(SQL).bind(health.as_str()).bind(sink.name()).bind(holder);
            query.execute(pool).await.map(drop).map_err(|error| written(&error))
        })
    }

    /// How the peer answered last.
    pub(crate) async fn health(&self, sink: SinkName) -> Result<breaker::State, StoreError> {
        const SQL: &str = "SELECT health FROM mainguard_cursors WHERE sink = $1";
        either!(self, pool => {
            let row = sqlx::query(SQL).bind(sink.name()).fetch_optional(pool).await.map_err(|error| read(&error))?;
            let text: String = row.map(|row| row.try_get(0)).transpose().map_err(|error| read(&error))?.unwrap_or_default();
            Ok(serde_json::from_str(&text).unwrap_or_default())
        })
    }

    /// The oldest events that a sink lacks; those that are tried once more come first.
    pub(crate) async fn lacking(&self, sink: SinkName, most: usize) -> Result<Vec<Arc<DeliveryEvent>>, StoreError> {
        const AGAIN: &str = "SELECT e.body FROM mainguard_dead d JOIN mainguard_events e ON e.id = d.id \
                             WHERE d.sink = $1 AND d.again = 1 ORDER BY e.seq LIMIT $2";
        const NEXT: &str = "SELECT e.body FROM mainguard_events e, mainguard_cursors c \
                            WHERE c.sink = $1 AND e.seq > c.seq ORDER BY e.seq LIMIT $2";
        let most = most as i64;
        either!(self, pool => {
            let mut rows = Vec::new();
            // Not both in one batch: the cursor moves by the last of a batch.
            for sql in [AGAIN, NEXT] {
                if rows.is_empty() {
                    let query = sqlx::query(sql).bind(sink.name()).bind(most);
                    rows = query.fetch_all(pool).await.map_err(|error| read(&error))?;
                }
            }
            rows.iter().map(|row| event_of(row.try_get(0)).map(Arc::new)).collect()
        })
    }

    /// How many events a sink lacks.
    pub async fn owed(&self, sink: SinkName) -> Result<usize, StoreError> {
        const SQL: &str = "SELECT (SELECT COUNT(*) FROM mainguard_events e, mainguard_cursors c WHERE c.sink = $1 \
                           AND e.seq > c.seq) + (SELECT COUNT(*) FROM mainguard_dead WHERE sink = $1 AND again = 1)";
        either!(self, pool => {
            let row = sqlx::query(SQL).bind(sink.name()).fetch_one(pool).await.map_err(|error| read(&error))?;
            let many: i64 = get(row.try_get(0))?;
            Ok(usize::try_from(many).unwrap_or_default())
        })
    }

    /// The sinks that lack something.
    pub(crate) async fn sinks_owed(&self) -> Result<Vec<SinkName>, StoreError> {
        let mut owed = Vec::new();
        for sink in SinkName::ALL {
            if self.owed(sink).await? > 0 {
                owed.push(sink);
            }
        }
        Ok(owed)
    }

    /// Writes down what became of events, and moves the cursor behind them, in one transaction.
    pub(crate) async fn settle(
        &self,
        sink: SinkName,
        settled: &[(Uuid, Settled)],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        const TAKEN: &str = "DELETE FROM mainguard_dead WHERE sink = $1 AND id = $2";
        const DEAD: &str = "INSERT INTO mainguard_dead (sink, id, answer, at, again) VALUES ($1, $2, $3, $4, 0) \
                            ON CONFLICT (sink, id) DO UPDATE SET answer = excluded.answer, at = excluded.at, again = 0";
        const CURSOR: &str = "UPDATE mainguard_cursors SET seq = (SELECT seq FROM mainguard_events WHERE id = $1) \
                              WHERE sink = $2 AND seq < (SELECT seq FROM mainguard_events WHERE id = $1)";
        either!(self, pool => {
            let mut transaction = pool.begin().await.map_err(|error| written(&error))?;
            for (id, what) in settled {
                let id = id.to_string();
                let query = match what {
                    Settled::Taken => sqlx::query(TAKEN).bind(sink.name()).bind(id),
                    Settled::Dead(answer) => {
                        sqlx::query(DEAD).bind(sink.name()).bind(id).bind(answer.as_str()).bind(time(now))
                    }
                };
                query.execute(&mut *transaction).await.map_err(|error| written(&error))?;
            }
            for (id, _) in settled {
                let query = sqlx::query(CURSOR).bind(id.to_string()).bind(sink.name());
                query.execute(&mut *transaction).await.map_err(|error| written(&error))?;
            }
            transaction.commit().await.map_err(|error| written(&error))
        })
    }

    async fn has_cursor(&self, sink: SinkName) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM mainguard_cursors WHERE sink = $1";
        either!(self, pool => {
            let row = sqlx::query(SQL).bind(sink.name()).fetch_optional(pool).await.map_err(|error| read(&error))?;
            Ok(row.is_some())
        })
    }

    async fn dead_of(&self, sink: Option<SinkName>) -> Result<Vec<Dead>, StoreError> {
        const SQL: &str = "SELECT d.sink, d.answer, d.at, e.body FROM mainguard_dead d JOIN mainguard_events e \
                           ON e.id = d.id WHERE d.again = 0 AND ($1 = '' OR d.sink = $1) ORDER BY d.sink, e.seq";
        let wanted = sink.map(SinkName::name).unwrap_or_default();
        either!(self, pool => {
            let rows = sqlx::query(SQL).bind(wanted).fetch_all(pool).await.map_err(|error| read(&error))?;
            rows.iter()
                .map(|row| {
                    let (sink, answer, at): (String, String, String) =
                        (get(row.try_get(0))?, get(row.try_get(1))?, get(row.try_get(2))?);
                    let damaged = || StoreError::Damaged(format!("{sink} {at}"));
                    Ok(Dead {
                        sink: SinkName::named(&sink).ok_or_else(damaged)?,
                        answer,
                        at: at.parse().map_err(|_| damaged())?,
                        event: event_of(row.try_get(3))?,
                    })
                })
                .collect()
        })
    }
}

/// `INSERT` of so many rows.
fn insert_sql(rows: usize) -> String {
    let mut sql = String::from("INSERT INTO mainguard_events (seq, id, kind, repository, occurred_at, body) VALUES ");
    for row in 0..rows {
        let first = row * 6;
        let comma = if row == 0 { "" } else { ", " };
        let [a, b, c, d, e, f] = [1, 2, 3, 4, 5, 6].map(|column| first + column);
        sql.push_str(&format!("{comma}(${a}, ${b}, ${c}, ${d}, ${e}, ${f})"));
    }
    sql.push_str(" ON CONFLICT (id) DO NOTHING");
    sql
}

/// Text that sorts as time does.
fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn event_of(body: Result<String, sqlx::Error>) -> Result<DeliveryEvent, StoreError> {
    serde_json::from_str(&get(body)?).map_err(|error| StoreError::Damaged(error.to_string()))
}

fn get<T>(value: Result<T, sqlx::Error>) -> Result<T, StoreError> {
    value.map_err(|error| read(&error))
}

fn opened(error: &sqlx::Error) -> StoreError {
    StoreError::Database("opened", error.to_string())
}

fn read(error: &sqlx::Error) -> StoreError {
    StoreError::Database("read", error.to_string())
}

fn written(error: &sqlx::Error) -> StoreError {
    StoreError::Database("written", error.to_string())
}
