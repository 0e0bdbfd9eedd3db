//! Lines and bytes of an SMTP connection, each step with a time limit. Knows nothing of what they mean.

use std::fmt;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::net::{Stream, within};

/// Longest line of an answer we read. RFC 5321 §4.5.3.1.5 says 512 bytes; real servers write longer ones.
const LONGEST_LINE: u64 = 2048;
const MOST_LINES: usize = 100;
/// Longest text of an answer that goes into errors and logs (characters).
const LONGEST_TEXT: usize = 200;

pub(super) struct Wire {
    stream: BufReader<Stream>,
    limit: Duration,
}

/// A whole answer of the server.
///
/// Our own: lettre's `Response` takes neither a code without text (RFC 5321 §4.2) nor the 571 of some servers, and
/// a mail that was refused so would count as perhaps sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reply {
    /// 200…599.
    pub code: u16,
    /// The text of each line, without code and line end.
    pub lines: Vec<String>,
}

impl Wire {
    pub(super) fn new(stream: Stream, limit: Duration) -> Wire {
        Wire { stream: BufReader::new(stream), limit }
    }

    /// Writes one command with its line end and reads the answer.
    pub(super) async fn ask(&mut self, command: &impl fmt::Display) -> io::Result<Reply> {
        self.write(command.to_string().as_bytes()).await?;
        self.reply().await
    }

    /// Returns once every byte is with the operating system; after an error at least the last one is not.
    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = async {
            self.stream.write_all(bytes).await?;
            self.stream.flush().await
        };
        within(self.limit, written).await
    }

    /// Reads one answer.
    pub(super) async fn reply(&mut self) -> io::Result<Reply> {
        within(self.limit, self.read_reply()).await
    }

    /// Reads the answer to a whole mail. The server may be busy storing and scanning it, and giving up early makes
    /// doubt: twice the usual time, the proportion of RFC 5321 §4.5.3.2.
    pub(super) async fn reply_to_mail(&mut self) -> io::Result<Reply> {
        within(self.limit * 2, self.read_reply()).await
    }

    /// The bare stream for STARTTLS. Bytes that came before the encryption began are an attack: whoever sits in
    /// between would have them read as answers of the encrypted server.
    pub(super) fn into_stream(self) -> io::Result<Stream> {
        match self.stream.buffer() {
            [] => Ok(self.stream.into_inner()),
            _ => Err(nonsense("answers injected before TLS")),
        }
    }

    async fn read_reply(&mut self) -> io::Result<Reply> {
        let mut reply = Reply { code: 0, lines: Vec::new() };
        loop {
            let (code, last, text) = self.read_line().await?;
            if (!reply.lines.is_empty() && code != reply.code) || reply.lines.len() == MOST_LINES {
                return Err(nonsense("not an SMTP answer"));
            }
            reply.code = code;
            reply.lines.push(text);
            if last {
                return Ok(reply);
            }
        }
    }

    async fn read_line(&mut self) -> io::Result<(u16, bool, String)> {
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        match line.last() {
            Some(b'\n') => parse_line(&line).ok_or_else(|| nonsense("not an SMTP answer")),
            Some(_) if line.len() as u64 == LONGEST_LINE => Err(nonsense("endless SMTP answer")),
            _ => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "connection closed by the server")),
        }
    }
}

impl fmt::Display for Reply {
    /// Code and text on one line, short, with the local parts of addresses hidden.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.lines.join(" ");
        let words: Vec<String> = text.split_whitespace().map(hide_local_part).collect();
        let text: String = words.join(" ").chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect();
        write!(f, "{} {text}", self.code)
    }
}

fn hide_local_part(word: &str) -> String {
    word.rsplit_once('@').map_or_else(|| word.to_string(), |(_, domain)| format!("…@{domain}"))
}

/// `250-text` → (250, false, "text"); `250 text` and `250` are last lines.
fn parse_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let line = line.trim_ascii_end();
    let (code, rest) = line.split_at_checked(3)?;
    let code: u16 = std::str::from_utf8(code).ok()?.parse().ok()?;
    let last = match rest.first() {
        None | Some(b' ') => true,
        Some(b'-') => false,
        Some(_) => return None,
    };
    let text = String::from_utf8_lossy(rest.get(1..).unwrap_or_default()).into_owned();
    (200..600).contains(&code).then_some((code, last, text))
}

/// The mail as it goes after `DATA`, to the final dot (RFC 5321 §4.5.2).
///
/// Bare CR and LF become line ends: servers that take `LF . LF` for the end of a mail would read the rest of it as
/// commands (SMTP smuggling). lettre's private codec would pass them on.
pub(super) fn dot_stuffed(mail: &[u8]) -> Vec<u8> {
    let mail = mail.strip_suffix(b"\n").unwrap_or(mail);
    let lines = mail.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let mut stuffed = Vec::with_capacity(mail.len() + mail.len() / 32 + 8);
    for line in lines.flat_map(|line| line.split(|b| *b == b'\r')) {
        if line.first() == Some(&b'.') {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

fn nonsense(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(answer: &'static [u8]) -> Result<Reply, io::ErrorKind> {
        let stream: Stream = Box::new(tokio::io::join(answer, tokio::io::sink()));
        let mut wire = Wire::new(stream, Duration::from_secs(5));
        wire.reply().await.map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_last_line() {
        let check = async |answer, code, lines: &[&str]| {
            let reply = read(answer).await.unwrap();
            assert_eq!((reply.code, reply.lines), (code, lines.iter().map(|l| l.to_string()).collect()));
        };
        check(b"250 ok\r\n", 250, &["ok"]).await;
        check(b"250\r\n", 250, &[""]).await;
        check(b"250 ok\n", 250, &["ok"]).await;
        check(
            b"250-mx.example.jp\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n",
            250,
            &["mx.example.jp", "STARTTLS", "AUTH PLAIN"],
        )
        .await;
        check(b"571 blocked\r\n", 571, &["blocked"]).await;
        check(b"550 \x83\x81\r\n", 550, &["\u{fffd}\u{fffd}"]).await;
    }

    #[tokio::test]
    async fn what_is_no_answer_is_an_error() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        let check = async |answer, kind| assert_eq!(read(answer).await.unwrap_err(), kind, "{answer:?}");
        check(b"", UnexpectedEof).await;
        check(b"250 o", UnexpectedEof).await;
        check(b"250-a\r\n", UnexpectedEof).await;
        check(b"250-a\r\n550 b\r\n", InvalidData).await;
        check(b"HTTP/1.1 200 OK\r\n", InvalidData).await;
        check(b"250?\r\n", InvalidData).await;
        check(b"999 no\r\n", InvalidData).await;
        check(b"\r\n", InvalidData).await;
        check(&[b'2'; 5000], InvalidData).await;
    }

    #[tokio::test]
    async fn an_endless_answer_is_an_error() {
        let endless: &'static [u8] = b"250-more\r\n".repeat(MOST_LINES + 1).leak();
        assert_eq!(read(endless).await.unwrap_err(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_reply_in_a_log_hides_people_and_stays_short() {
        let reply = |lines: &[&str]| Reply { code: 550, lines: lines.iter().map(|l| l.to_string()).collect() };
        let shown = reply(&["5.1.1 <taro.yamada@example.jp>:", "unknown\tuser"]).to_string();
        assert_eq!(shown, "550 5.1.1 …@example.jp>: unknown user");
        assert!(reply(&["long ".repeat(500).as_str()]).to_string().chars().count() < 210);
        assert_eq!(reply(&["\x1b[1mbold"]).to_string(), "550 [1mbold");
    }

    #[test]
    fn dots_are_stuffed_and_every_line_ends_in_crlf() {
        let check = |mail: &str, wire: &str| {
            let stuffed = String::from_utf8(dot_stuffed(mail.as_bytes())).unwrap();
            assert_eq!(stuffed, format!("{wire}.\r\n"), "{mail:?}");
        };
        check("a\r\n", "a\r\n");
        check("a", "a\r\n");
        check("a\r\n\r\n", "a\r\n\r\n");
        check(".\r\n..\r\nx.\r\n", "..\r\n...\r\nx.\r\n");
        check("a\n.\nb", "a\r\n..\r\nb\r\n");
        check("a\r.\rb", "a\r\n..\r\nb\r\n");
        check("a\r\n.\n", "a\r\n..\r\n");
        check("a\n.\r\nMAIL FROM:<x>", "a\r\n..\r\nMAIL FROM:<x>\r\n");
    }
}
