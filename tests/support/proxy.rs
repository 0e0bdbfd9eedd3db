//! A mail server that is good but for one mail: everything goes through to a real one, until a command about that mail
//! comes.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// What the server does instead of what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// A tagged answer: `NO [SERVERBUG] …`.
    Answer(&'static str),
    /// Says goodbye and hangs up.
    Bye,
    Cut,
}

/// Commands that fail.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// `UID FETCH`, `UID STORE`, `UID MOVE`, `APPEND`, …
    pub command: &'static str,
    /// Stands behind it; for UID commands after the set of UIDs.
    pub with: &'static str,
    /// For UID commands: only if it is about this mail.
    pub uid: u32,
    pub instead: Instead,
}

pub struct Proxy {
    pub port: u16,
    rule: Arc<Mutex<Option<Rule>>>,
    failed: Arc<AtomicUsize>,
}

impl Proxy {
    /// In front of the server on this port.
    pub fn start(server: u16, rule: Option<Rule>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Proxy { port, rule: Arc::new(Mutex::new(rule)), failed: Arc::default() };
        let (rule, failed) = (proxy.rule.clone(), proxy.failed.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, rule, failed) = (client.unwrap(), rule.clone(), failed.clone());
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                // Whoever hangs up first ends it: that is for the test to judge by the end.
                let answers = (server.try_clone().unwrap(), client.try_clone().unwrap());
                std::thread::spawn(move || _ = pass_on(answers.0, answers.1));
                std::thread::spawn(move || _ = serve(client, server, &rule, &failed));
            }
        });
        proxy
    }

    pub fn rule(&self, rule: Option<Rule>) {
        *self.rule.lock().unwrap() = rule;
    }

    /// How often a command failed.
    pub fn failed(&self) -> usize {
        self.failed.load(Ordering::SeqCst)
    }
}

fn pass_on(server: TcpStream, mut client: TcpStream) -> std::io::Result<()> {
    let (mut lines, mut line) = (BufReader::new(server), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        client.write_all(&line)?;
        line.clear();
    }
    client.shutdown(Shutdown::Both)
}

fn serve(
    mut client: TcpStream,
    mut server: TcpStream,
    rule: &Mutex<Option<Rule>>,
    failed: &AtomicUsize,
) -> std::io::Result<()> {
    let (mut lines, mut line) = (BufReader::new(client.try_clone()?), Vec::new());
    while lines.read_until(b'\n', &mut line)? > 0 {
        let rule = rule.lock().unwrap().filter(|rule| rule.fits(&line));
        failed.fetch_add(usize::from(rule.is_some()), Ordering::SeqCst);
        match rule.map(|rule| rule.instead) {
            None => server.write_all(&line)?,
            Some(Instead::Answer(answer)) => {
                let tag = line.split(|byte| *byte == b' ').next().unwrap_or_default();
                client.write_all(&[tag, b" ", answer.as_bytes(), b"\r\n"].concat())?;
            }
            Some(instead) => {
                if instead == Instead::Bye {
                    client.write_all(b"* BYE internal error\r\n")?;
                }
                client.shutdown(Shutdown::Both)?;
                return server.shutdown(Shutdown::Both);
            }
        }
        line.clear();
    }
    server.shutdown(Shutdown::Both)
}

impl Rule {
    fn fits(&self, line: &[u8]) -> bool {
        let line = String::from_utf8_lossy(line);
        let Some((_, command)) = line.trim_end().split_once(' ') else { return false };
        let Some(rest) = command.strip_prefix(self.command) else { return false };
        match self.command.starts_with("UID") {
            true => {
                let (set, rest) = rest.trim_start().split_once(' ').unwrap_or((rest.trim(), ""));
                holds(set, self.uid) && rest.contains(self.with)
            }
            false => rest.contains(self.with),
        }
    }
}

/// Is it in a set like `1:3,7`?
fn holds(set: &str, uid: u32) -> bool {
    set.split(',').any(|part| {
        let (first, last) = part.split_once(':').unwrap_or((part, part));
        let number = |text: &str| text.parse::<u32>().unwrap_or(u32::MAX);
        (number(first)..=number(last)).contains(&uid)
    })
}
