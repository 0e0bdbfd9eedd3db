//! The strict command layer: a command has succeeded only if its own tagged OK was read. NO, BAD, BYE, the end of
//! the stream, silence and nonsense are errors.
//!
//! `async-imap` is used for framing and parsing answers only. Its own commands take NO, BAD and a lost connection for
//! empty results, and what it writes ends up, password and all, in its trace log.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use async_imap::Client;
use imap_proto::{MailboxDatum, Outcome, Response, ResponseCode, Status};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use crate::mailbox::MailboxError;
use crate::net::{Stream, short};

/// Sees every answer to a command, the tagged one included. One by one: collected answers keep 4 KiB each.
pub(super) type Watch<'a> = &'a mut (dyn FnMut(&Response<'_>) + Send);

/// Bytes written under one timeout: a large draft on a slow line may take long, silence may not.
const CHUNK: usize = 16 * 1024;

/// Commands sent together, so that neither side's buffers fill up before the other reads.
const AT_ONCE: usize = 50;

/// A command and its arguments, each argument written so that it cannot be taken for anything else.
pub(super) struct Command {
    name: &'static str,
    /// Sent in order; before each but the first the server must ask for it with `+`.
    pieces: Vec<Vec<u8>>,
}

impl Command {
    pub fn new(name: &'static str) -> Command {
        Command { name, pieces: vec![name.as_bytes().to_vec()] }
    }

    /// An argument that is syntax already: a UID set, a flag list, fetch items.
    pub fn raw(mut self, argument: &str) -> Command {
        self.push(b" ");
        self.push(argument.as_bytes());
        self
    }

    /// Any string: quoted where it may be, as a literal else (RFC 9051 §4.3).
    pub fn string(mut self, argument: &str) -> Command {
        if !argument.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return self.literal(argument.as_bytes());
        }
        let quoted = argument.replace('\\', "\\\\").replace('"', "\\\"");
        self.push(format!(" \"{quoted}\"").as_bytes());
        self
    }

    /// A synchronising literal: every server knows it, and a refusal comes before the bytes are sent.
    pub fn literal(mut self, argument: &[u8]) -> Command {
        self.push(format!(" {{{}}}\r\n", argument.len()).as_bytes());
        self.pieces.push(argument.to_vec());
        self
    }

    /// What the server asks for with a challenge (RFC 9051 §6.2.2), in base64.
    pub fn response(mut self, base64: &str) -> Command {
        self.push(b"\r\n");
        self.pieces.push(base64.as_bytes().to_vec());
        self
    }

    fn push(&mut self, bytes: &[u8]) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.extend_from_slice(bytes);
        }
    }
}

/// What an answer means to the command that is running.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Untagged,
    /// The server asks for more (`+`).
    Continue,
    /// The command's tagged OK.
    Done,
}

pub(super) struct Wire {
    client: Client<Stream>,
    timeout: Duration,
    tag: u32,
    /// Commands that were sent and whose tagged answers were not read. If there are any when the next one starts, one
    /// before failed or was dropped, and what comes next on the line is not ours to guess.
    waiting: Vec<u32>,
    /// The command whose tagged answer was read last.
    answered: u32,
    /// EXISTS was seen since somebody last cleared this: there may be new mail.
    pub news: bool,
}

impl Wire {
    pub fn new(stream: Stream, timeout: Duration) -> Wire {
        Wire { client: Client::new(stream), timeout, tag: 0, waiting: Vec::new(), answered: 0, news: false }
    }

    /// The stream below, for STARTTLS. Answers buffered but not read are thrown away: what came before the
    /// handshake is not from whom we think.
    pub fn into_stream(self) -> Stream {
        self.client.into_inner()
    }

    /// Reads the server's greeting; true if it counts us as logged in already.
    pub async fn greeting(&mut self) -> Result<bool, MailboxError> {
        let mut status = None;
        let mut watch = |response: &Response<'_>| {
            if let Response::Data { status: said, .. } = response {
                status = Some(matches!(said, Status::PreAuth));
            }
        };
        self.step("the connection", self.timeout, &mut watch).await?;
        status.ok_or(MailboxError::Protocol("no greeting"))
    }

    /// Runs a command whose answers do not matter.
    pub async fn run(&mut self, command: Command) -> Result<(), MailboxError> {
        self.watch(command, &mut |_| ()).await
    }

    /// Runs a command and shows every answer to `watch`.
    pub async fn watch(&mut self, command: Command, watch: Watch<'_>) -> Result<(), MailboxError> {
        self.send(&command, watch).await?;
        self.finish(command.name, watch).await
    }

    /// Runs commands without literals whose answers do not matter and that do not depend on each other: all are sent
    /// before the first answer is read (RFC 9051 §5.5). Answers how each one ended.
    pub async fn run_all(&mut self, commands: &[Command]) -> Result<Vec<Result<(), MailboxError>>, MailboxError> {
        if !self.waiting.is_empty() {
            return Err(MailboxError::Closed);
        }
        let mut ended = Vec::new();
        for commands in commands.chunks(AT_ONCE) {
            self.run_some(commands, &mut ended).await?;
        }
        Ok(ended)
    }

    async fn run_some(
        &mut self,
        commands: &[Command],
        ended: &mut Vec<Result<(), MailboxError>>,
    ) -> Result<(), MailboxError> {
        let Some(first) = commands.first() else { return Ok(()) };
        let (before, offset) = (self.tag, ended.len());
        let mut bytes = Vec::new();
        for piece in commands.iter().flat_map(|command| &command.pieces) {
            bytes.extend(self.next_tag());
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
        }
        ended.extend(commands.iter().map(|_| Ok(())));
        self.write(first.name, &bytes).await?;
        while !self.waiting.is_empty() {
            match self.step(first.name, self.timeout, &mut |_| ()).await {
                Ok(_) => {}
                Err(refused @ MailboxError::Refused { .. }) => {
                    let place = self.answered.wrapping_sub(before).wrapping_sub(1) as usize;
                    ended[offset + place] = Err(refused);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The tag of the next command, whose answer is waited for from now on.
    fn next_tag(&mut self) -> Vec<u8> {
        self.tag = self.tag.wrapping_add(1);
        self.waiting.push(self.tag);
        format!("M{} ", self.tag).into_bytes()
    }

    /// Sends a command and leaves its answers to be read by [`Wire::step`] and [`Wire::finish`].
    pub async fn send(&mut self, command: &Command, watch: Watch<'_>) -> Result<(), MailboxError> {
        if !self.waiting.is_empty() {
            return Err(MailboxError::Closed);
        }
        let mut tagged = self.next_tag();
        for (index, piece) in command.pieces.iter().enumerate() {
            if index > 0 {
                self.asked_for_more(command.name, watch).await?;
            }
            tagged.extend_from_slice(piece);
            let last = index + 1 == command.pieces.len();
            tagged.extend_from_slice(if last { b"\r\n" } else { b"" });
            self.write(command.name, &std::mem::take(&mut tagged)).await?;
        }
        Ok(())
    }

    /// Writes bytes outside of any command (`DONE`), each chunk within the timeout.
    pub async fn write(&mut self, command: &'static str, bytes: &[u8]) -> Result<(), MailboxError> {
        let (limit, stream) = (self.timeout, self.client.get_mut());
        for chunk in bytes.chunks(CHUNK) {
            written(limit, command, stream.write_all(chunk)).await?;
        }
        written(limit, command, flush(stream)).await
    }

    pub async fn asked_for_more(&mut self, command: &'static str, watch: Watch<'_>) -> Result<(), MailboxError> {
        loop {
            match self.step(command, self.timeout, watch).await? {
                Step::Continue => return Ok(()),
                Step::Untagged => {}
                Step::Done => return Err(MailboxError::Protocol("a command ended before it was complete")),
            }
        }
    }

    /// Reads to the tagged answer.
    pub async fn finish(&mut self, command: &'static str, watch: Watch<'_>) -> Result<(), MailboxError> {
        while self.step(command, self.timeout, watch).await? != Step::Done {}
        Ok(())
    }

    /// Reads one answer. May be dropped while it waits: what was read stays in the buffer.
    pub async fn step(
        &mut self,
        command: &'static str,
        limit: Duration,
        watch: Watch<'_>,
    ) -> Result<Step, MailboxError> {
        let read = timeout(limit, unpanicked(self.client.read_response())).await;
        let answer = match read.map_err(|_| MailboxError::Timeout(command))? {
            Ok(Some(answer)) => answer,
            Ok(None) => return Err(MailboxError::Closed),
            Err(error) => return Err(unreadable(error)),
        };
        let response = answer.parsed();
        watch(response);
        match response {
            Response::Data { status: Status::Bye, outcome } => Err(MailboxError::Bye(words(outcome))),
            Response::Continue(_) => Ok(Step::Continue),
            Response::Done { tag, status, outcome } => self.tagged(command, &tag.0, status, outcome),
            Response::MailboxData(MailboxDatum::Exists(_)) => {
                self.news = true;
                Ok(Step::Untagged)
            }
            _ => Ok(Step::Untagged),
        }
    }

    fn tagged(
        &mut self,
        command: &'static str,
        tag: &str,
        status: &Status,
        outcome: &Outcome<'_>,
    ) -> Result<Step, MailboxError> {
        let number = tag.strip_prefix('M').and_then(|number| number.parse().ok());
        let Some(place) = self.waiting.iter().position(|waiting| Some(*waiting) == number) else {
            return Err(MailboxError::Protocol("an answer to a command that was not sent"));
        };
        self.answered = self.waiting.remove(place);
        match status {
            Status::Ok => Ok(Step::Done),
            _ => Err(MailboxError::Refused { command, code: code(status, outcome), text: words(outcome) }),
        }
    }
}

async fn written(
    limit: Duration,
    command: &'static str,
    write: impl Future<Output = io::Result<()>>,
) -> Result<(), MailboxError> {
    timeout(limit, write).await.map_err(|_| MailboxError::Timeout(command))?.map_err(MailboxError::Io)
}

async fn flush(stream: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    stream.flush().await
}

/// The parser panics on some answers (`* OK [ALERT]` and a letter of several bytes right behind): to us that is an
/// answer like any other that cannot be parsed.
async fn unpanicked<T>(read: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let mut read = pin!(read);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| read.as_mut().poll(context)));
        polled.unwrap_or_else(|_| Poll::Ready(Err(io::Error::other("the parser panicked"))))
    })
    .await
}

/// The parser's own message quotes its whole buffer, which is mail: it must not reach a log.
fn unreadable(error: io::Error) -> MailboxError {
    match error.kind() {
        ErrorKind::Other => MailboxError::Protocol("an answer that cannot be parsed"),
        ErrorKind::UnexpectedEof => MailboxError::Closed,
        _ => MailboxError::Io(error),
    }
}

/// The answer's response code as a word, or NO / BAD where it has none. Codes the parser does not know are left in
/// the text, in brackets.
fn code(status: &Status, outcome: &Outcome<'_>) -> String {
    let in_text = outcome.information.as_deref().and_then(|text| text.strip_prefix('[')?.split([']', ' ']).next());
    match (&outcome.code, in_text) {
        (Some(ResponseCode::TryCreate), _) => "TRYCREATE".to_owned(),
        (None, Some(word)) => short(word).to_ascii_uppercase(),
        _ if matches!(status, Status::Bad) => "BAD".to_owned(),
        _ => "NO".to_owned(),
    }
}

fn words(outcome: &Outcome<'_>) -> String {
    short(outcome.information.as_deref().unwrap_or_default())
}
