//! A small HTTP server on this machine, which can misbehave.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How the server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should, ranges too.
    Good,
    /// With the whole file, whatever range was asked for.
    IgnoresRanges,
    /// The first answer breaks off after half of the file; further ones are good.
    BreaksOnce,
    /// The first answer breaks off after half of the file; further ones are of status 404.
    BreaksAndForgets,
    /// Always with this status.
    Status(u16),
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path, with its slash.
    pub path: String,
    /// The first byte asked for, if a range was.
    pub range: Option<usize>,
}

/// A server that lives as long as the test program.
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Serves files by their paths (without the first slash).
    pub fn start(manner: Manner, files: &[(&str, &[u8])]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let files: HashMap<String, Vec<u8>> =
            files.iter().map(|(path, bytes)| (format!("/{path}"), bytes.to_vec())).collect();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.expect("a connection");
                let Some(request) = read(&stream) else { continue };
                let nth = {
                    let mut seen = seen.lock().expect("no panic in another thread");
                    seen.push(request.clone());
                    seen.len()
                };
                // A client that has heard enough may hang up.
                let _ = answer(stream, manner, nth, files.get(&request.path), request.range);
            }
        });
        Self { address, requests }
    }

    /// All requests until now.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic in another thread").clone()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let mut range = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        let line = line.to_ascii_lowercase();
        if let Some(bytes) = line.strip_prefix("range: bytes=") {
            range = bytes.strip_suffix('-').and_then(|start| start.parse().ok());
        }
    }
    Some(Request { path, range })
}

fn answer(
    mut stream: TcpStream,
    manner: Manner,
    nth: usize,
    file: Option<&Vec<u8>>,
    range: Option<usize>,
) -> std::io::Result<()> {
    let status = match manner {
        Manner::Status(status) => Some(status),
        Manner::BreaksAndForgets if nth > 1 => Some(404),
        _ if file.is_none() => Some(404),
        _ => None,
    };
    let file = file.map(Vec::as_slice).unwrap_or_default();
    if let Some(status) = status {
        return write!(stream, "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let total = file.len();
    let start = range.filter(|_| manner != Manner::IgnoresRanges);
    if start.is_some_and(|start| start >= total) {
        return write!(
            stream,
            "HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
    }
    let body = &file[start.unwrap_or(0)..];
    match start {
        Some(start) => {
            write!(stream, "HTTP/1.1 206 Partial\r\nContent-Range: bytes {start}-{}/{total}\r\n", total - 1)?;
        }
        None => write!(stream, "HTTP/1.1 200 OK\r\n")?,
    }
    write!(stream, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    let breaks = matches!(manner, Manner::BreaksOnce | Manner::BreaksAndForgets) && nth == 1;
    stream.write_all(&body[..if breaks { body.len() / 2 } else { body.len() }])
}
