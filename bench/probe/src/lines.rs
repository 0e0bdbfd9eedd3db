//! Connections that are read line by line, with IMAP's literals in one piece.

use std::env::var;
use std::io::{Read, Write};
use std::net::TcpStream;

const CHUNK: usize = 256 << 10;

pub struct Connection {
    stream: TcpStream,
    bytes: Vec<u8>,
    /// What stands before is read.
    at: usize,
}

/// A connection with INBOX selected.
pub fn login() -> Connection {
    let mut server = Connection::open("IMAP_PORT");
    server.response();
    server.write("a LOGIN support pw\r\nb SELECT INBOX\r\n");
    server.imap("a", |_| ());
    server.imap("b", |_| ());
    server
}

impl Connection {
    /// To the port of 127.0.0.1 that the environment variable names.
    pub fn open(port: &str) -> Connection {
        let stream = TcpStream::connect(format!("127.0.0.1:{}", var(port).unwrap())).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, bytes: Vec::new(), at: 0 }
    }

    pub fn write(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    fn fill(&mut self) {
        if self.at > 4 * CHUNK {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        let have = self.bytes.len();
        self.bytes.resize(have + CHUNK, 0);
        let read = self.stream.read(&mut self.bytes[have..]).unwrap();
        assert!(read > 0, "closed");
        self.bytes.truncate(have + read);
    }

    /// Where the line ends that goes on `from` so far.
    fn line_end(&mut self, mut from: usize) -> usize {
        loop {
            match self.bytes[self.at + from..].iter().position(|byte| *byte == b'\n') {
                Some(end) => return from + end + 1,
                None => from = self.bytes.len() - self.at,
            }
            self.fill();
        }
    }

    /// Reads an SMTP answer, which must be a good one.
    pub fn smtp(&mut self) {
        loop {
            let end = self.line_end(0);
            let (class, more) = (self.bytes[self.at], self.bytes[self.at + 3]);
            self.at += end;
            if more != b'-' {
                assert!(class == b'2' || class == b'3', "refused");
                return;
            }
        }
    }

    fn response(&mut self) -> &[u8] {
        let mut end = self.line_end(0);
        while let Some(length) = literal_length(&self.bytes[self.at..self.at + end]) {
            while self.bytes.len() - self.at < end + length {
                self.fill();
            }
            end = self.line_end(end + length);
        }
        let begin = self.at;
        self.at += end;
        &self.bytes[begin..begin + end]
    }

    /// Reads to the tagged OK.
    pub fn imap(&mut self, tag: &str, mut see: impl FnMut(&[u8])) {
        loop {
            let response = self.response();
            if let Some(status) = response.strip_prefix(tag.as_bytes()) {
                assert!(status.trim_ascii_start().starts_with(b"OK"), "{}", String::from_utf8_lossy(response));
                return;
            }
            see(response);
        }
    }
}

/// `… {123}\r\n`
fn literal_length(line: &[u8]) -> Option<usize> {
    let open = line.strip_suffix(b"}\r\n")?;
    let digits = &open[open.iter().rposition(|byte| *byte == b'{')? + 1..];
    std::str::from_utf8(digits).ok()?.parse().ok()
}
