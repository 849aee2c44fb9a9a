//! Getting one file over HTTP into a file of its own, in several tries and several runs if need be.
//!
//! What is in the `.part` file is asked for no more (RFC 9110, section 14: range requests). A server that sends the whole
//! file nevertheless makes it start anew. Connection errors and servers out of order (status 408, 429, 5xx) are tried
//! again; a try that got further than all before does not count.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use ureq::http::{HeaderMap, StatusCode, header};
use ureq::{Agent, Body};

use super::Event;
use super::error::FetchError;

/// Further tries after the first.
const RETRIES: u32 = 3;

/// How long a connection may take, and how long it may be silent.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Client {
    agent: Agent,
    pause: Duration,
}

/// How a try failed.
enum Failure {
    /// Another may succeed.
    Passing(String),
    /// Another will fail just so.
    Lasting(FetchError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

impl Client {
    pub(super) fn new(pause: Duration) -> Self {
        let config = Agent::config_builder()
            .user_agent(concat!("lic/", env!("CARGO_PKG_VERSION")))
            .http_status_as_error(false)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE));
        Self { agent: config.build().new_agent(), pause }
    }

    /// Downloads to `part`, which then is complete.
    pub(super) fn download(
        &self,
        url: &str,
        name: &str,
        part: &Path,
        watch: &mut dyn FnMut(Event),
    ) -> Result<(), FetchError> {
        let mut farthest = length(part);
        let mut failures = 0;
        loop {
            let why = match self.attempt(url, name, part, watch) {
                Ok(()) => return Ok(()),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Passing(why)) => why,
            };
            let reached = length(part);
            failures = if reached > farthest { 1 } else { failures + 1 };
            farthest = farthest.max(reached);
            if failures > RETRIES {
                return Err(FetchError::Unreachable { url: url.to_owned(), why, tries: failures });
            }
            watch(Event::Failed { url, why: &why });
            std::thread::sleep(self.pause);
        }
    }

    fn attempt(&self, url: &str, name: &str, part: &Path, watch: &mut dyn FnMut(Event)) -> Result<(), Failure> {
        let have = length(part);
        // Whoever has asked for a secure transfer is led to no other.
        let mut request = self.agent.get(url).config().https_only(url.starts_with("https:")).build();
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        let response = request.call().map_err(|error| failure(url, error))?;
        let (head, body) = response.into_parts();
        let range = content_range(&head.headers);
        let (start, total) = match head.status {
            StatusCode::OK => (0, body.content_length()),
            StatusCode::PARTIAL_CONTENT if range.is_some_and(|range| range.start == Some(have)) => {
                (have, range.and_then(|range| range.total))
            }
            // The file was complete, only its name was not given yet.
            StatusCode::RANGE_NOT_SATISFIABLE if range.is_some_and(|range| range.total == Some(have)) => return Ok(()),
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => {
                std::fs::remove_file(part).map_err(FetchError::disk(part))?;
                return Err(Failure::Passing("the server has another file now, it is downloaded anew".to_owned()));
            }
            status => return Err(refusal(url, status)),
        };
        watch(Event::Started { name, done: start, total });
        let mut file = if start > 0 { OpenOptions::new().append(true).open(part) } else { File::create(part) }
            .map_err(FetchError::disk(part))?;
        let end = start + receive(body, &mut file, part, watch)?;
        match total {
            Some(total) if total != end => {
                Err(Failure::Passing(format!("the connection broke after {end} of {total} bytes")))
            }
            _ => Ok(()),
        }
    }
}

/// Writes the body to the file and says how many bytes it had.
fn receive(body: Body, file: &mut File, part: &Path, watch: &mut dyn FnMut(Event)) -> Result<u64, Failure> {
    let mut reader = body.into_reader();
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    loop {
        let count = match reader.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Passing(error.to_string())),
        };
        file.write_all(buffer.get(..count).unwrap_or(&buffer)).map_err(FetchError::disk(part))?;
        received += count as u64;
        watch(Event::Arrived(count as u64));
    }
}

/// Why there was no answer.
fn failure(url: &str, error: ureq::Error) -> Failure {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl | ureq::Error::TlsRequired => {
            Failure::Lasting(FetchError::BadAddress { url: url.to_owned(), why: error.to_string() })
        }
        error => Failure::Passing(error.to_string()),
    }
}

/// What an answer without a file means.
fn refusal(url: &str, status: StatusCode) -> Failure {
    let (url, code) = (url.to_owned(), status.as_u16());
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Failure::Lasting(FetchError::NotFound { url, status: code }),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
            Failure::Passing(format!("the server answers {status}"))
        }
        _ if status.is_server_error() => Failure::Passing(format!("the server answers {status}")),
        _ => Failure::Lasting(FetchError::Refused { url, status: code }),
    }
}

/// What `Content-Range: bytes 5-9/10` or `bytes */10` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ContentRange {
    start: Option<u64>,
    total: Option<u64>,
}

fn content_range(headers: &HeaderMap) -> Option<ContentRange> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, total) = text.split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.trim().parse().ok());
    Some(ContentRange { start, total: total.trim().parse().ok() })
}

/// Bytes in a file; 0 if it is not there.
fn length(path: &Path) -> u64 {
    path.metadata().map_or(0, |found| found.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<ContentRange> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_RANGE, text.parse().expect("a header"));
        content_range(&headers)
    }

    #[test]
    fn ranges_are_read() {
        assert_eq!(read("bytes 5-9/10"), Some(ContentRange { start: Some(5), total: Some(10) }));
        assert_eq!(read("bytes 5-9/*"), Some(ContentRange { start: Some(5), total: None }));
        assert_eq!(read("bytes */10"), Some(ContentRange { start: None, total: Some(10) }));
        assert_eq!(read("pages 1-2/3"), None);
    }
}
