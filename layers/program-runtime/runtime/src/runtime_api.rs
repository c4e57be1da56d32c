//! Lambda's Runtime API: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::io::{self, Read, Write};
use std::net::TcpStream;

pub struct Invocation {
    pub id: String,
    pub trace: String,
    pub event: Vec<u8>,
}

/// Why an event was not answered.
pub struct Failure {
    json: String,
}

impl Failure {
    pub fn new(kind: &str, message: &str) -> Self {
        let json = format!(
            r#"{{"errorType": {}, "errorMessage": {}}}"#,
            quoted(kind),
            quoted(message)
        );
        Self { json }
    }
}

pub struct RuntimeApi {
    address: String,
}

impl RuntimeApi {
    /// The API at an address such as `127.0.0.1:9001`.
    pub fn new(address: String) -> Self {
        Self { address }
    }

    /// Waits for an event.
    pub fn next(&self) -> io::Result<Invocation> {
        let answer = self.ask("GET", "invocation/next", &[])?;
        if !answer.status.starts_with('2') {
            return Err(io::Error::other(format!("no event: {}", answer.status)));
        }
        let id = answer
            .header("Lambda-Runtime-Aws-Request-Id")
            .ok_or_else(|| io::Error::other("an event without an id"))?;
        let trace = answer.header("Lambda-Runtime-Trace-Id").unwrap_or_default();
        Ok(Invocation {
            id,
            trace,
            event: answer.body,
        })
    }

    pub fn respond(&self, invocation: &Invocation, response: &[u8]) -> io::Result<()> {
        self.ask(
            "POST",
            &format!("invocation/{}/response", invocation.id),
            response,
        )
        .map(drop)
    }

    pub fn fail(&self, invocation: &Invocation, failure: &Failure) -> io::Result<()> {
        self.ask(
            "POST",
            &format!("invocation/{}/error", invocation.id),
            failure.json.as_bytes(),
        )
        .map(drop)
    }

    pub fn fail_to_start(&self, failure: &Failure) -> io::Result<()> {
        self.ask("POST", "init/error", failure.json.as_bytes())
            .map(drop)
    }

    /// What was refused, a response that is too large, say, is Lambda's to tell the caller.
    fn ask(&self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(&self.address)?;
        // HTTP 1.0: its answers end with the connection, and never come in chunks.
        let head = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        Answer::parse(&bytes).ok_or_else(|| io::Error::other("an answer that is not HTTP"))
    }
}

struct Answer {
    status: String,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let (first, headers) = head.split_once("\r\n").unwrap_or((&head, ""));
        let status = first.split(' ').nth(1)?.to_owned();
        Some(Self {
            status,
            headers: headers.to_owned(),
            body: bytes[end + 4..].to_vec(),
        })
    }

    fn header(&self, name: &str) -> Option<String> {
        let mut pairs = self.headers.lines().filter_map(|line| line.split_once(':'));
        pairs
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    }
}

/// The text as a string of JSON.
fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            control if control < ' ' => json.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}
