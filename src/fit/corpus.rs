//! Labelled mails: `.jsonl` files as tests/corpus/dev/README.md describes them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use mail_builder::MessageBuilder;
use mail_builder::headers::raw::Raw;
use serde::Deserialize;

use crate::triage::inquiry::Inquiry;
use crate::triage::read;

/// A labelled mail; what neither scoring nor learning needs is left out.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    pub id: String,
    pub pack: String,
    pub subject: String,
    pub body: String,
    /// Older text below; it must not decide.
    pub quoted: Option<String>,
    /// What it asks about.
    pub scopes: BTreeSet<String>,
    /// Other sets that are right, too.
    #[serde(default)]
    pub accept: Vec<BTreeSet<String>>,
    pub conduct: BTreeSet<String>,
    /// Nobody could tell what is wanted.
    #[serde(default)]
    pub unclear: bool,
    /// Which words carry which clause.
    #[serde(default)]
    pub parts: Vec<Part>,
    from: Option<String>,
    /// A moment; some give only the day, which says nothing about how to decide.
    received_at: Option<String>,
}

/// Words of a mail, verbatim, and the clause they carry.
#[derive(Debug, Clone, Deserialize)]
pub struct Part {
    pub text: String,
    pub scope: String,
}
/// Every record of the files for this pack, in order.
pub fn read(paths: &[PathBuf], pack: &str) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        for (n, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let record: Record = record(path, n + 1, line)?;
            ensure!(
                record.pack == pack,
                "{}:{}: a mail of pack {}, not {pack}: choose with --pack",
                path.display(),
                n + 1,
                record.pack
            );
            records.push(record);
        }
    }
    ensure!(!records.is_empty(), "there are no mails in these files");
    Ok(records)
}

fn record(path: &Path, line: usize, text: &str) -> anyhow::Result<Record> {
    serde_json::from_str(text).with_context(|| format!("{}:{line}: not a labelled mail", path.display()))
}

impl Record {
    /// The mail, read as if it had come in: its plain text with the older text quoted below, written on a Tuesday
    /// morning where the record says nothing else.
    pub fn inquiry(&self) -> Inquiry {
        let from = self.from.clone().unwrap_or_else(|| format!("info@{}.example", self.id));
        let received: Option<Timestamp> = self.received_at.as_ref().and_then(|at| at.parse().ok());
        let date = received.map_or("Tue, 10 Nov 2026 10:05:00 +0900".into(), |at| {
            at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
        });
        let quoted = self.quoted.as_ref().map(|text| {
            let lines: Vec<String> = text.lines().map(|line| format!("> {line}")).collect();
            format!("\n\n2026年11月9日(月) 9:28 サポート窓口 <support@desk.example>:\n{}", lines.join("\n"))
        });
        let mut mail = MessageBuilder::new()
            .from(from)
            .to("support@desk.example")
            .subject(self.subject.clone())
            .header("Date", Raw::new(date))
            .message_id(format!("{}@corpus.example", self.id));
        if quoted.is_some() {
            mail = mail.in_reply_to(format!("r.{}@desk.example", self.id));
        }
        let raw = mail.text_body(self.body.clone() + &quoted.unwrap_or_default()).write_to_vec().unwrap_or_default();
        read::read(&raw, raw.len() as u64, true)
    }
}
