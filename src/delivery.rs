//! What happens on the way to production, told to whoever measures it: every event arrives, counted once.
//!
//! What pulls on this room: jobs are short-lived and steps are run again; networks fail; a sink may refuse one event of
//! a hundred, or hang; and nothing of it may change an exit code or hold up a build. So a fact has one id and one time
//! however often it is told ([`event`]); it is written down before it is sent ([`outbox`] for jobs, [`store`] where
//! there is a database); each sink has its own place in what was written ([`drain`]); and a peer that fails is left
//! alone for a while ([`breaker`]).
//!
//! ```text
//! payload, verdict, queue ─► sources::* ─► DeliveryEvent ─► outbox or store ─► drain ─► PostHog, Slack, CDEvents, OTLP
//! ```

pub mod breaker;
pub mod config;
pub mod cost;
pub mod drain;
pub mod event;
pub mod outbox;
pub mod sinks;
pub mod sources;
pub mod store;
pub mod touched;

pub use config::Config;
pub use event::{DeliveryEvent, EventKind, Facts, Subject};
