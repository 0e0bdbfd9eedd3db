//! What staff see in their mail program: labels, folders, drafts, copies.

use std::collections::BTreeMap;

use crate::site::{Desk, Kind, Site, dovecot, id, mail};
use crate::support::desk::labels;
use crate::support::dovecot::Dovecot;
use crate::support::smtp::SmtpSink;

const KINDS: [Kind; 6] = [Kind::HowTo, Kind::Purchase, Kind::Unclear, Kind::Doubtful, Kind::Threat, Kind::Robot];

/// What is where after [`KINDS`] were worked off.
#[derive(Debug, PartialEq)]
struct Seen {
    /// Folder of each of [`KINDS`].
    folders: [&'static str; 6],
    /// Mails answered by a draft, sorted.
    drafts: Vec<Kind>,
    copies: Vec<Kind>,
    sent: usize,
}

fn check(keys: &str, tables: &str, expected: Seen) {
    let (dovecot, sink) = (dovecot(), SmtpSink::start());
    let site = Site::new(&[Desk::on("desk", &dovecot, &sink).keys(keys).tables(tables)]);
    KINDS.iter().enumerate().for_each(|(n, kind)| dovecot.deliver(&mail(n, *kind)));
    site.once();
    let seen = Seen {
        folders: KINDS.map(|kind| folder_of(&dovecot, kind, &expected.folders)),
        drafts: answered_in(&dovecot, "下書きフォルダ"),
        copies: answered_in(&dovecot, "Out"),
        sent: sink.count(),
    };
    assert_eq!(seen, expected, "{keys} {tables}");
    let flagged = |folder: &str, flag: &str| {
        dovecot.doveadm(&["search", "mailbox", folder, flag]).lines().filter(|line| !line.is_empty()).count()
    };
    assert_eq!(flagged("下書きフォルダ", "DRAFT"), seen.drafts.len(), "drafts are marked as such");
    for folder in expected.folders.iter().chain(&["下書きフォルダ"]) {
        assert_eq!(flagged(folder, "SEEN"), 0, "nothing is marked as read: {folder}");
    }
    site.once();
    assert_eq!((answered_in(&dovecot, "下書きフォルダ"), sink.count()), (seen.drafts, seen.sent), "nothing twice");
}

/// The folder that has the mail, labels and all.
fn folder_of(dovecot: &Dovecot, kind: Kind, folders: &[&'static str]) -> &'static str {
    let number = KINDS.iter().position(|k| *k == kind).unwrap();
    let disposition = match kind {
        Kind::HowTo | Kind::Purchase => "mado-auto",
        Kind::Unclear | Kind::Doubtful => "mado-review",
        Kind::Threat => "mado-hold",
        Kind::Robot => "mado-ignore",
    };
    let found: BTreeMap<&'static str, Vec<String>> =
        folders.iter().filter_map(|folder| Some((*folder, labels(dovecot, folder).remove(&id(number))?))).collect();
    let [(folder, labels)] = found.iter().collect::<Vec<_>>()[..] else { panic!("{kind:?} is in {found:?}") };
    assert!(labels.contains(&disposition.to_owned()), "{kind:?} has {labels:?}");
    folder
}

/// Which of [`KINDS`] the mails of a folder answer.
fn answered_in(dovecot: &Dovecot, folder: &str) -> Vec<Kind> {
    let fetched = dovecot.doveadm(&["-f tab fetch", "hdr.in-reply-to", "mailbox", folder]);
    let mut numbers: Vec<usize> = fetched
        .lines()
        .skip(1)
        .map(|line| (0..KINDS.len()).find(|n| line.contains(&id(*n))).expect("an answer to one of our mails"))
        .collect();
    numbers.sort();
    numbers.into_iter().map(|n| KINDS[n]).collect()
}

const INBOX: [&str; 6] = ["INBOX"; 6];
const FOLDERS: &str = r#"
[desk.folders]
review = "要確認"
hold = "要注意/至急"
ignore = "自動メール"
"buy" = "購入/見積"
"#;

#[test]
fn without_folders_mail_stays_and_answers_are_sent_with_copies() {
    let sent = vec![Kind::HowTo, Kind::Purchase];
    check("drafts = \"never\"", "", Seen { folders: INBOX, drafts: vec![], copies: sent, sent: 2 });
    check("sent_copy = false", "", Seen { folders: INBOX, drafts: vec![], copies: vec![], sent: 2 });
}

#[test]
fn mail_goes_to_the_folder_of_its_clause_or_disposition_with_its_labels() {
    let folders = ["INBOX", "購入/見積", "要確認", "要確認", "要注意/至急", "自動メール"];
    let (drafts, copies) = (vec![Kind::Doubtful], vec![Kind::HowTo, Kind::Purchase]);
    check("drafts = \"review\"", FOLDERS, Seen { folders, drafts, copies, sent: 2 });
}

#[test]
fn a_desk_of_drafts_sends_nothing() {
    let folders = ["INBOX", "購入/見積", "要確認", "要確認", "要注意/至急", "自動メール"];
    let drafts = vec![Kind::HowTo, Kind::Purchase, Kind::Doubtful];
    check("drafts = \"all\"", FOLDERS, Seen { folders, drafts, copies: vec![], sent: 0 });
}
