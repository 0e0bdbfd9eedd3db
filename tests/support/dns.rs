//! A DNS server for tests: answers TXT questions on 127.0.0.1 by UDP (RFC 1035 §4).

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it does when asked for a name. Names it does not know do not exist.
#[derive(Debug, Clone)]
pub enum Says {
    Text(String),
    NoSuchName,
    /// SERVFAIL.
    Failure,
    /// Bytes that are no answer.
    Garbage,
    Nothing,
}

pub struct Dns {
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Dns {
    pub fn start(names: &[(&str, Says)]) -> Dns {
        let names: HashMap<String, Says> = names.iter().map(|(name, says)| (name.to_string(), says.clone())).collect();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = Dns { address: socket.local_addr().unwrap(), asked: Arc::default() };
        let asked = dns.asked.clone();
        thread::spawn(move || {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                let question = &buffer[..length];
                let (name, end) = name(question);
                asked.lock().unwrap().push(name.clone());
                let answer = answer(&question[..end], names.get(&name).unwrap_or(&Says::NoSuchName));
                answer.into_iter().for_each(|bytes| drop(socket.send_to(&bytes, from)));
            }
        });
        dns
    }

    /// How many questions came in.
    pub fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// How many different names were asked for.
    pub fn names(&self) -> usize {
        let mut names = self.asked.lock().unwrap().clone();
        names.sort();
        names.dedup();
        names.len()
    }
}

/// The name of the first question in lower case, and where the question ends.
fn name(question: &[u8]) -> (String, usize) {
    let (mut labels, mut at) = (Vec::new(), 12);
    while question[at] > 0 {
        let end = at + 1 + usize::from(question[at]);
        labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
        at = end;
    }
    (labels.join("."), at + 5)
}

/// `question`: header and question of what was asked.
fn answer(question: &[u8], says: &Says) -> Option<Vec<u8>> {
    let (code, text) = match says {
        Says::Text(text) => (0, Some(text)),
        Says::NoSuchName => (3, None),
        Says::Failure => (2, None),
        Says::Garbage => return Some(vec![0xff; 40]),
        Says::Nothing => return None,
    };
    let mut answer = question[..2].to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(text.is_some()), 0, 0, 0, 0]);
    answer.extend(&question[12..]);
    if let Some(text) = text {
        let mut data: Vec<u8> = Vec::new();
        for piece in text.as_bytes().chunks(255) {
            data.push(u8::try_from(piece.len()).unwrap());
            data.extend(piece);
        }
        if data.is_empty() {
            data.push(0);
        }
        // The name again, TXT, IN, sixty seconds.
        answer.extend([0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60]);
        answer.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        answer.extend(data);
    }
    Some(answer)
}
