//! An SMTP server that fails where a test wants it, until it is mended.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A step of the dialogue; `Text`: after the final dot, when the mail is the server's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Greeting,
    Ehlo,
    Auth,
    Mail,
    Rcpt,
    Data,
    Text,
}

/// What happens instead of the usual answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Say(&'static str),
    Cut,
    /// Says nothing more and keeps the connection.
    Silence,
}

/// One thread a connection.
pub struct FaultySmtp {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    fault: Option<(At, Fault)>,
    /// Mails that it takes before it fails.
    spared: usize,
    /// It fails on one connection and is good on all others.
    once: bool,
    /// Message-IDs of mails whose final dot came and that were not refused.
    taken: Vec<String>,
    /// A step was reached at which it fails.
    failed: usize,
    silent: Vec<TcpStream>,
}

impl FaultySmtp {
    pub fn start(at: At, fault: Fault) -> FaultySmtp {
        FaultySmtp::start_sparing(0, at, fault)
    }

    /// Takes so many mails before it fails.
    pub fn start_sparing(spared: usize, at: At, fault: Fault) -> FaultySmtp {
        FaultySmtp::start_with(State { fault: Some((at, fault)), spared, ..State::default() })
    }

    /// Takes so many mails before one connection fails.
    pub fn start_failing_once(spared: usize, at: At, fault: Fault) -> FaultySmtp {
        FaultySmtp::start_with(State { fault: Some((at, fault)), spared, once: true, ..State::default() })
    }

    fn start_with(state: State) -> FaultySmtp {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, shared) = (stream.unwrap(), shared.clone());
                // The client may hang up at any time: that is for the test to judge by the end.
                std::thread::spawn(move || _ = serve(stream, &shared));
            }
        });
        FaultySmtp { port, state }
    }

    pub fn mend(&self) {
        let mut state = self.state.lock().unwrap();
        state.fault = None;
        state.silent.clear();
    }

    pub fn taken(&self) -> Vec<String> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn failed(&self) -> usize {
        self.state.lock().unwrap().failed
    }
}

fn serve(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut goes_on = answer(&mut stream, state, At::Greeting, "220 mx", None)?;
    let mut line = String::new();
    while goes_on && lines.read_line(&mut line)? > 0 {
        let (at, usual) = match line.get(..4).unwrap_or_default() {
            "EHLO" => (At::Ehlo, "250-mx\r\n250 AUTH PLAIN"),
            "AUTH" => (At::Auth, "235 in"),
            "MAIL" => (At::Mail, "250 ok"),
            "RCPT" => (At::Rcpt, "250 ok"),
            "DATA" => (At::Data, "354 go"),
            _ => return Ok(()),
        };
        goes_on = answer(&mut stream, state, at, usual, None)?;
        if goes_on && at == At::Data {
            let id = hear_mail(&mut lines)?;
            goes_on = answer(&mut stream, state, At::Text, "250 queued", Some(id))?;
        }
        line.clear();
    }
    Ok(())
}

/// Answers as it should, or fails; false if the dialogue is over. `id`: of a mail that was heard to its end.
fn answer(
    stream: &mut TcpStream,
    state: &Mutex<State>,
    at: At,
    usual: &str,
    id: Option<String>,
) -> std::io::Result<bool> {
    let mut state = state.lock().unwrap();
    let due = state.taken.len() >= state.spared;
    let fault = state.fault.filter(|(step, _)| due && *step == at).map(|(_, fault)| fault);
    if !matches!(fault, Some(Fault::Say(_))) {
        state.taken.extend(id);
    }
    state.failed += usize::from(fault.is_some());
    if fault.is_some() && state.once {
        state.fault = None;
    }
    let text = match fault {
        None => usual,
        Some(Fault::Say(text)) => text,
        Some(Fault::Cut) => return Ok(false),
        Some(Fault::Silence) => {
            state.silent.push(stream.try_clone()?);
            return Ok(false);
        }
    };
    drop(state);
    stream.write_all(format!("{text}\r\n").as_bytes())?;
    Ok(fault.is_none())
}

/// Reads a mail to its dot; answers its Message-ID.
fn hear_mail(lines: &mut impl BufRead) -> std::io::Result<String> {
    let (mut id, mut line) = (String::new(), String::new());
    while line != ".\r\n" {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(value) = line.strip_prefix("Message-ID:") {
            id = value.trim().trim_matches(['<', '>']).to_owned();
        }
    }
    Ok(id)
}
