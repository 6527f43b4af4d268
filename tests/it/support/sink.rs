//! A sink on loopback that misbehaves on script: raw sockets, so that it can hang and break off.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    /// The body, unpacked where it is packed.
    pub(crate) fn json(&self) -> Value {
        let mut text = Vec::new();
        match self.headers.get("content-encoding").map(String::as_str) {
            Some("gzip") => drop(flate2::read::GzDecoder::new(&self.body[..]).read_to_end(&mut text)),
            _ => text.clone_from(&self.body),
        }
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// The ids and contents of the events in it, whichever sink it is meant for.
    pub(crate) fn events(&self) -> Vec<(String, String)> {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        if self.path.starts_with("/batch") {
            let batch = json["batch"].as_array().cloned().unwrap_or_default();
            return batch.iter().map(|event| (text(&event["uuid"]), sorted(event).to_string())).collect();
        }
        if self.path == "/v1/logs" {
            let records = json["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().cloned().unwrap_or_default();
            let id = |record: &Value| {
                let attributes = record["attributes"].as_array().unwrap().iter();
                let found = attributes.into_iter().find(|attribute| attribute["key"] == "mainguard.event.id");
                text(&found.unwrap()["value"]["stringValue"])
            };
            return records.iter().map(|record| (id(record), record.to_string())).collect();
        }
        if self.path == "/ce" {
            return vec![(text(&json["context"]["id"]), json.to_string())];
        }
        if self.path == "/slack" {
            let blocks = json["blocks"].as_array().cloned().unwrap_or_default();
            let id = blocks.last().map(|block| text(&block["block_id"])).unwrap_or_default();
            return vec![(id, json.to_string())];
        }
        Vec::new()
    }
}

/// PostHog's client keeps properties in no order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<_, _> = map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            serde_json::to_value(ordered).unwrap()
        }
        other => other.clone(),
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    With(u16, &'static str, &'static str),
    /// 200 with this body.
    Says(&'static str),
    Hang,
    CloseMidBody,
}

type Script = Box<dyn FnMut(&Received) -> Reply + Send>;

/// By path, the contents that came under each id.
type Taken = BTreeMap<String, BTreeMap<String, Vec<String>>>;

/// The server; it takes what its script takes.
pub(crate) struct Sink {
    pub(crate) url: String,
    /// Everything that came, in order.
    pub(crate) received: Arc<Mutex<Vec<Received>>>,
    /// Id → contents, of what was taken, by path.
    taken: Arc<Mutex<Taken>>,
    script: Arc<Mutex<Script>>,
}

impl Sink {
    pub(crate) fn new(script: impl FnMut(&Received) -> Reply + Send + 'static) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sink = Sink {
            url,
            received: Arc::default(),
            taken: Arc::default(),
            script: Arc::new(Mutex::new(Box::new(script))),
        };
        let (received, taken, script) = (sink.received.clone(), sink.taken.clone(), sink.script.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (received, taken, script) = (received.clone(), taken.clone(), script.clone());
                std::thread::spawn(move || {
                    let _ = serve(stream, &received, &taken, &script);
                });
            }
        });
        sink
    }

    /// One that takes everything.
    pub(crate) fn healthy() -> Sink {
        Sink::new(|_| Reply::Status(200))
    }

    pub(crate) fn script(&self, script: impl FnMut(&Received) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// What was taken below a path: id → the different contents that it came with.
    pub(crate) fn taken(&self, path: &str) -> BTreeMap<String, Vec<String>> {
        self.taken.lock().unwrap().get(path).cloned().unwrap_or_default()
    }
}

fn serve(
    stream: TcpStream,
    received: &Mutex<Vec<Received>>,
    taken: &Mutex<BTreeMap<String, BTreeMap<String, Vec<String>>>>,
    script: &Mutex<Script>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    stream.set_nodelay(true)?;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_string();
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.insert(name.to_lowercase(), value.trim().to_string());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let request = Received { path, headers, body };
        let reply = script.lock().unwrap()(&request);
        received.lock().unwrap().push(request.clone());
        let mut text = "{\"status\":\"ok\"}";
        let (status, name, value) = match reply {
            Reply::Says(body) => {
                text = body;
                (200, "content-type", "application/json")
            }
            Reply::Status(status) => (status, "x-nothing", "x"),
            Reply::With(status, name, value) => (status, name, value),
            Reply::Hang => {
                std::thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
            Reply::CloseMidBody => {
                return stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"sta");
            }
        };
        if status < 300 {
            let place = request.path.split('?').next().unwrap_or_default().to_string();
            let mut taken = taken.lock().unwrap();
            let below = taken.entry(place).or_default();
            for (id, content) in request.events() {
                let contents = below.entry(id).or_default();
                if !contents.contains(&content) {
                    contents.push(content);
                }
            }
        }
        write!(
            stream,
            "HTTP/1.1 {status} X\r\n{name}: {value}\r\ndate: Sun, 01 Mar 2026 10:00:00 GMT\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )?;
    }
}
