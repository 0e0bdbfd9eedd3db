//! What the machine allows, for `scripts/bench`: no product, no retries, no recovery, not even quotes cut off.
//!
//! - `probe classify`: parse, decode and scan the mails of `$CORPUS` on one core
//! - `probe drain`: fetch 64 KB heads, parse and scan, journal (one fdatasync a batch), answer over `$SMTP_CONNECTIONS`
//!   (default 4) with the next envelope behind each dot, label with one STORE a label, journal. Servers: `$IMAP_PORT` and
//!   `$SMTP_PORT` of 127.0.0.1; `$JOURNAL` is the file.

mod lines;

use std::collections::HashMap;
use std::env::var;
use std::fs::{self, File, OpenOptions};
use std::hint::black_box;
use std::io::Write;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use daachorse::CharwiseDoubleArrayAhoCorasick;
use lines::{Connection, login};
use mail_parser::decoders::html::html_to_text;
use mail_parser::{Message, MessageParser, MimeHeaders, PartType};
use serde_json::Value;

const HEAD: usize = 65536;
const BATCH: usize = 100;
const BODY: &str = "44GK5ZWP44GE5ZCI44KP44Gb44KS5Y+X44GR5LuY44GR44G+44GX44Gf44CC";

/// The categories' names, in the order of their precedence, and their phrases.
struct Rules {
    names: Vec<String>,
    phrases: CharwiseDoubleArrayAhoCorasick<u32>,
}

/// An answer to send.
struct Answer {
    to: String,
    id: String,
}

/// A mail on its way: UID, category, and its answer if it gets one.
struct Job {
    uid: u32,
    category: usize,
    answer: Option<Answer>,
}

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("classify") => classify(),
        Some("drain") => drain(),
        _ => panic!("probe classify|drain"),
    }
}

fn corpus() -> String {
    var("CORPUS").unwrap()
}

fn rules() -> Rules {
    let rules: Value = serde_json::from_slice(&fs::read(format!("{}/rules.json", corpus())).unwrap()).unwrap();
    let categories = rules["categories"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let phrases = (0..).zip(categories).flat_map(|(number, category)| {
        category["phrases"].as_array().unwrap().iter().map(move |phrase| (text(phrase), number))
    });
    let phrases = CharwiseDoubleArrayAhoCorasick::with_values(phrases).unwrap();
    let names = categories.iter().map(|category| text(&category["id"])).chain(["other".to_owned()]).collect();
    Rules { names, phrases }
}

/// Subject and every decoded text part, HTML as mail-parser's own text.
fn texts(message: &Message, see: &mut dyn FnMut(&str)) {
    if let Some(subject) = message.subject() {
        see(subject);
    }
    for part in message.parts.iter().filter(|part| part.attachment_name().is_none()) {
        match &part.body {
            PartType::Text(text) => see(text),
            PartType::Html(html) => see(&html_to_text(html)),
            _ => {}
        }
    }
}

impl Rules {
    /// The first category with a phrase in the mail; the last one, `other`, if there is none.
    fn category(&self, message: &Message) -> usize {
        let mut first = self.names.len() - 1;
        texts(message, &mut |text| {
            self.phrases.find_overlapping_iter(text).for_each(|found| first = first.min(found.value() as usize));
        });
        first
    }
}

fn classify() {
    let (rules, parser) = (rules(), MessageParser::default());
    let truth = fs::read_to_string(format!("{}/truth.jsonl", corpus())).unwrap();
    let files = truth.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mails: Vec<Vec<u8>> = files
        .map(|mail| fs::read(format!("{}/mail/cur/{}", corpus(), mail["file"].as_str().unwrap())).unwrap())
        .collect();
    let loops: usize = var("LOOPS").ok().and_then(|loops| loops.parse().ok()).unwrap_or(3);
    for (name, longest) in [("scan under 64 KB", HEAD - 1), ("scan all", usize::MAX)] {
        let chosen: Vec<&Vec<u8>> = mails.iter().filter(|mail| mail.len() <= longest).collect();
        let before = cpu();
        for mail in (0..loops).flat_map(|_| &chosen) {
            black_box(parser.parse(mail.as_slice()).map(|message| rules.category(&message)));
        }
        let spent = (cpu() - before) / (chosen.len() * loops) as f64 * 1000.0;
        println!("{name:24} cpu/1000 {spent:.4}");
    }
}

/// Processor time of this thread, in seconds.
fn cpu() -> f64 {
    let spent = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    spent.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}

fn drain() {
    let rules = rules();
    let journal = OpenOptions::new().create(true).append(true).open(var("JOURNAL").unwrap()).unwrap();
    let journal = Arc::new(Mutex::new(journal));
    let (jobs, waiting) = mpsc::channel::<Job>();
    let waiting = Arc::new(Mutex::new(waiting));
    let (done, answered) = mpsc::channel::<Job>();
    let connections = var("SMTP_CONNECTIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(4);
    let senders: Vec<_> = (0..connections)
        .map(|_| {
            let (waiting, done) = (waiting.clone(), done.clone());
            thread::spawn(move || send(&waiting, &done))
        })
        .collect();
    drop(done);
    let (names, kept) = (rules.names.clone(), journal.clone());
    let labeller = thread::spawn(move || label(&answered, &names, &kept));
    fetch(&rules, &jobs, &journal);
    drop(jobs);
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    labeller.join().unwrap();
}

fn note(journal: &Mutex<File>, lines: &str) {
    let mut journal = journal.lock().unwrap();
    journal.write_all(lines.as_bytes()).unwrap();
    journal.sync_data().unwrap();
}

fn fetch(rules: &Rules, jobs: &mpsc::Sender<Job>, journal: &Mutex<File>) {
    let (mut server, parser) = (login(), MessageParser::default());
    server.write("c UID FETCH 1:* (UID BODY.PEEK[]<0.65536>)\r\n");
    let mut batch = Vec::new();
    let mut flush = |batch: &mut Vec<Job>| {
        let line = |job: &Job| {
            let answer = job.answer.as_ref().map(|answer| format!("{} {}", answer.to, answer.id));
            format!("answer {} {} {}\n", job.uid, job.category, answer.unwrap_or_default())
        };
        note(journal, &batch.iter().map(line).collect::<String>());
        batch.drain(..).for_each(|job| jobs.send(job).unwrap());
    };
    server.imap("c", |response| {
        let Some((uid, raw)) = literal(response) else { return };
        let Some(message) = parser.parse(raw) else { return };
        let address = message.from().and_then(|from| from.first()).and_then(|from| from.address());
        let answer = address
            .filter(|_| message.header("Auto-Submitted").is_none())
            .map(|to| Answer { to: to.to_owned(), id: message.message_id().unwrap_or_default().to_owned() });
        batch.push(Job { uid, category: rules.category(&message), answer });
        if batch.len() >= BATCH {
            flush(&mut batch);
        }
    });
    flush(&mut batch);
    server.write("z LOGOUT\r\n");
    server.imap("z", |_| ());
}

/// The UID and the literal of a FETCH response, cut to its stated length.
fn literal(response: &[u8]) -> Option<(u32, &[u8])> {
    let line = response.iter().position(|byte| *byte == b'\n')? + 1;
    let head = std::str::from_utf8(&response[..line]).ok()?;
    let digits = |text: &str| text.split(|c: char| !c.is_ascii_digit()).next()?.parse::<usize>().ok();
    let uid = digits(head.split_once("UID ")?.1)?;
    let length = digits(head.rsplit_once('{')?.1)?;
    Some((uid as u32, response.get(line..line + length)?))
}

fn envelope(answer: &Answer) -> String {
    format!("MAIL FROM:<bounce@desk.example.co.jp>\r\nRCPT TO:<{}>\r\nDATA\r\n", answer.to)
}

fn mail(answer: &Answer, category: usize) -> String {
    format!(
        "From: support@desk.example.co.jp\r\nTo: {}\r\nIn-Reply-To: <{}>\r\nAuto-Submitted: auto-replied\r\n\
         Subject: {category}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n.\r\n",
        answer.to,
        answer.id,
        BODY.repeat(6)
    )
}

/// One connection: RFC 2920, and the next mail's envelope rides behind the dot.
fn send(waiting: &Mutex<mpsc::Receiver<Job>>, done: &mpsc::Sender<Job>) {
    let mut server = Connection::open("SMTP_PORT");
    server.smtp();
    server.write("EHLO probe\r\n");
    server.smtp();
    let next = |wait: bool| loop {
        let queue = waiting.lock().unwrap();
        let job = if wait { queue.recv().ok() } else { queue.try_recv().ok() }?;
        if job.answer.is_some() {
            return Some(job);
        }
        done.send(job).unwrap();
    };
    let mut current = next(true);
    let mut written = false;
    while let Some(job) = current {
        let Some(answer) = &job.answer else { break };
        if !written {
            server.write(&envelope(answer));
        }
        (0..3).for_each(|_| server.smtp());
        let following = next(false);
        let envelope = following.as_ref().and_then(|job| job.answer.as_ref()).map(envelope);
        written = envelope.is_some();
        server.write(&(mail(answer, job.category) + &envelope.unwrap_or_default()));
        server.smtp();
        done.send(job).unwrap();
        current = following.or_else(|| next(true));
    }
    server.write("QUIT\r\n");
    server.smtp();
}

/// Gathers for up to 20 ms or 200 mails, then sets each label once.
fn label(answered: &mpsc::Receiver<Job>, names: &[String], journal: &Mutex<File>) {
    let mut server = login();
    while let Ok(first) = answered.recv() {
        let (mut batch, begin) = (vec![first], Instant::now());
        while batch.len() < 200 {
            match answered.recv_timeout(Duration::from_millis(20).saturating_sub(begin.elapsed())) {
                Ok(job) => batch.push(job),
                Err(_) => break,
            }
        }
        let mut groups: HashMap<usize, Vec<String>> = HashMap::new();
        for job in &batch {
            groups.entry(job.category).or_default().push(job.uid.to_string());
        }
        let command = |(category, uids): (&usize, &Vec<String>)| {
            format!("d{category} UID STORE {} +FLAGS.SILENT (cat_{})\r\n", uids.join(","), names[*category])
        };
        server.write(&groups.iter().map(command).collect::<String>());
        groups.keys().for_each(|category| server.imap(&format!("d{category} "), |_| ()));
        note(journal, &batch.iter().map(|job| format!("done {}\n", job.uid)).collect::<String>());
    }
    server.write("z LOGOUT\r\n");
    server.imap("z", |_| ());
}
