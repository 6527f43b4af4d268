//! `mainguard queue serve`: a listener for webhooks that only marks that something happened, and the same tick as
//! everywhere. What an event says is never believed; that it came is enough.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

/// Events that come together are answered by one tick.
const DEBOUNCE: Duration = Duration::from_secs(2);
/// What was lost is found at the latest after this time.
const POLL: Duration = Duration::from_secs(60);
/// How many deliveries are remembered.
const MOST_DELIVERIES: usize = 10_000;
/// GitHub's own bound on a delivery.
const LARGEST_BODY: usize = 25 << 20;

struct Listener {
    secret: Vec<u8>,
    seen: Mutex<(BTreeSet<String>, VecDeque<String>)>,
    dirty: SyncSender<()>,
}

/// Listens and ticks until the process ends.
pub(super) fn serve(address: SocketAddr, secret: &str, mut tick: impl FnMut()) -> anyhow::Result<()> {
    let (dirty, wake) = sync_channel(1);
    let listener = Arc::new(Listener { secret: secret.as_bytes().to_vec(), seen: Mutex::default(), dirty });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let socket =
        runtime.block_on(tokio::net::TcpListener::bind(address)).context("the address cannot be listened on")?;
    let app = axum::Router::new()
        .route("/webhook", axum::routing::post(receive))
        .layer(axum::extract::DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(listener);
    let serving = std::thread::spawn(move || runtime.block_on(async { axum::serve(socket, app).await }));
    while !serving.is_finished() {
        tick();
        wait(&wake);
    }
    Ok(())
}

fn wait(wake: &Receiver<()>) {
    if wake.recv_timeout(POLL) != Err(RecvTimeoutError::Timeout) {
        std::thread::sleep(DEBOUNCE);
        while wake.try_recv().is_ok() {}
    }
}

async fn receive(State(listener): State<Arc<Listener>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_signed(&listener.secret, &body, text("x-hub-signature-256")) {
        return StatusCode::UNAUTHORIZED;
    }
    let delivery: String = text("x-github-delivery").chars().take(100).collect();
    let Ok(mut seen) = listener.seen.lock() else { return StatusCode::INTERNAL_SERVER_ERROR };
    let (known, order) = &mut *seen;
    if !delivery.is_empty() && !known.insert(delivery.clone()) {
        return StatusCode::OK;
    }
    order.push_back(delivery);
    if order.len() > MOST_DELIVERIES
        && let Some(oldest) = order.pop_front()
    {
        known.remove(&oldest);
    }
    // A full channel means that a tick is owed already.
    let _ = listener.dirty.try_send(());
    StatusCode::ACCEPTED
}

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>. Compares in constant time.
fn is_signed(secret: &[u8], body: &[u8], signature: &str) -> bool {
    let expected: String = hmac(secret, body).iter().map(|byte| format!("{byte:02x}")).collect();
    let Some(given) = signature.strip_prefix("sha256=").filter(|given| given.len() == expected.len()) else {
        return false;
    };
    given.bytes().zip(expected.bytes()).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// RFC 2104 with SHA-256.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0u8; BLOCK];
    match key.len() > BLOCK {
        true => padded[..32].copy_from_slice(&Sha256::digest(key)),
        false => padded[..key.len()].copy_from_slice(key),
    }
    let inner = Sha256::new().chain_update(padded.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn githubs_own_example_is_accepted() {
        // https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(is_signed(b"It's a Secret to Everybody", b"Hello, World!", signature));
        assert!(!is_signed(b"It's a secret to everybody", b"Hello, World!", signature));
        assert!(!is_signed(b"", b"", "sha256="));
    }
}
