//! Invariant 8 over the corpus: whatever customers write, the log names none of them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use regex::Regex;

use crate::support::desk::{TestDesk, corpus, corpus_register};

/// Every address and Message-ID that stands in these mails as plain text, as those of senders do.
fn addresses<'a>(mails: impl Iterator<Item = &'a Vec<u8>>) -> BTreeSet<String> {
    let address = Regex::new(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+").unwrap();
    let texts = mails.map(|raw| String::from_utf8_lossy(raw).into_owned());
    texts.flat_map(|text| address.find_iter(&text).map(|found| found.as_str().to_owned()).collect::<Vec<_>>()).collect()
}

/// The most that can be logged, of a desk that reads, decides and answers, and of what operators ask about it.
fn log_of(pack: &str, mails: &BTreeMap<String, Vec<u8>>, every: usize) -> String {
    let desk = TestDesk::start(pack, &corpus_register(mails.keys()));
    mails.values().step_by(every).for_each(|raw| desk.dovecot.deliver(raw));
    let mut logs = String::new();
    for words in [&["run", "--once"][..], &["reconcile"][..], &["doctor"][..]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madoguchi"));
        command.args(words).arg("-c").arg(desk.config_file()).env("MADOGUCHI_LOG", "trace").env("LC_ALL", "C.UTF-8");
        let output = command.output().unwrap();
        logs.push_str(&String::from_utf8_lossy(&output.stderr));
        if words[0] != "run" {
            logs.push_str(&String::from_utf8_lossy(&output.stdout));
        }
    }
    logs
}

#[test]
fn no_address_of_the_corpus_is_ever_logged() {
    for pack in ["optim-biz", "biz-phone"] {
        let mails = corpus(pack);
        let addresses = addresses(mails.values());
        assert!(addresses.len() > 1000, "only {} addresses", addresses.len());
        let log = log_of(pack, &mails, 12);
        let decided = log.matches(" decided ").count();
        assert!(decided > 50 && log.contains("answer sent"), "{pack}: {decided} decided");
        let found: Vec<&String> = addresses.iter().filter(|address| log.contains(address.as_str())).collect();
        assert!(found.is_empty(), "{pack}: {found:?}");
        assert!(!log.contains("support@desk.example"), "{pack}: nor its own");
    }
}
