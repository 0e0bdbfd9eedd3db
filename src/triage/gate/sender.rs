//! Rules about who wrote, and to whom (R9–R11, R13, R14, R24).

use super::address::{addresses, in_own_domain, is_own, is_plausible, without_comments_and_quotes};
use super::subject::normalised;
use super::{Facts, Finding, human, sink};
use crate::triage::decision::{AuthLevel, GateVerdict};
use crate::triage::inquiry::{Inquiry, Mailbox};

/// Local parts of mail systems, without `-`, `_` and `.`: never an inquiry.
const DAEMONS: &[&str] = &["mailerdaemon", "maildaemon", "daemon", "doublebounce"];
/// Local parts of robots and roles, without `-`, `_` and `.`.
const ROBOTS: &[&str] = &[
    "postmaster",
    "majordomo",
    "listserv",
    "listproc",
    "root",
    "nobody",
    "www",
    "wwwdata",
    "abuse",
    "autoresponder",
    "vacation",
];
/// Names that mail systems give themselves, folded.
const SYSTEM_NAMES: &[&str] = &[
    "mailer-daemon",
    "mail delivery system",
    "mail delivery subsystem",
    "postmaster",
    "mail administrator",
    "system administrator",
    "メール配信システム",
];

/// R9: a robot's address in any field that could name the sender. That a web form of ours is a robot is known; what
/// was typed into it proves nothing, so it never sinks the mail.
pub fn robot_address(facts: &Facts) -> Finding {
    let inquiry = facts.inquiry;
    if inquiry.form.is_some() {
        let typed = inquiry.author().and_then(|author| robot_kind(&author.address.to_lowercase()));
        return typed.map(|(_, kind)| human(format!("web form: {kind}")));
    }
    let listed = |mailboxes: &[Mailbox]| mailboxes.iter().map(|m| m.address.to_lowercase()).collect::<Vec<_>>();
    let fields = [
        ("From", listed(&inquiry.from)),
        ("Sender", listed(&inquiry.sender)),
        ("Reply-To", listed(&inquiry.reply_to)),
        ("Return-Path", inquiry.header("Return-Path").flat_map(addresses).collect()),
    ];
    let named = fields.iter().flat_map(|(field, found)| found.iter().map(move |address| (field, address)));
    let hits = named.filter_map(|(field, address)| {
        let (verdict, kind) = robot_kind(address)?;
        Some((verdict, format!("{field}: {kind}")))
    });
    // The first of the worst.
    hits.reduce(|worst, next| if next.0 > worst.0 { next } else { worst })
}

/// Does a mail system write from this address (RFC 5321 §4.5.1, RFC 2142 §5)?
pub fn is_mail_system(address: &str) -> bool {
    matches!(robot_kind(&address.to_lowercase()), Some((GateVerdict::Sink, _)) | Some((_, "postmaster")))
}

/// The kind, not the local part itself: bounce addresses carry the recipient's address.
fn robot_kind(address: &str) -> Option<(GateVerdict, &'static str)> {
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let squeezed = local.replace(['-', '_', '.'], "");
    let known = |names: &[&'static str]| names.iter().find(|name| **name == squeezed).copied();
    let daemon = known(DAEMONS).map(|kind| (GateVerdict::Sink, kind));
    let robot = || known(ROBOTS).or_else(|| patterned(local, &squeezed)).map(|kind| (GateVerdict::Human, kind));
    daemon.or_else(robot)
}

/// Names that carry a list's name or a tag.
fn patterned(local: &str, squeezed: &str) -> Option<&'static str> {
    let untagged = local.split(['+', '-', '=', '_']).next().unwrap_or(local);
    let patterns = [
        ("noreply", squeezed.contains("noreply")),
        ("donotreply", squeezed.contains("donotreply")),
        ("bounces", matches!(untagged, "bounce" | "bounces")),
        ("*-bounces", local.ends_with("-bounces") || local.contains("-bounces+")),
        ("owner-*", local.starts_with("owner-")),
        ("*-owner", local.ends_with("-owner")),
        ("*-request", local.ends_with("-request")),
        ("fbl*", local.starts_with("fbl")),
    ];
    patterns.into_iter().find(|(_, fits)| *fits).map(|(kind, _)| kind)
}

/// R10
pub fn robot_name(facts: &Facts) -> Finding {
    let texts = facts.inquiry.from.iter().flat_map(|from| [normalised(&from.name), normalised(&from.address)]);
    let found = |text: String| SYSTEM_NAMES.iter().find(|name| text.contains(**name));
    texts.into_iter().find_map(found).map(|name| human(format!("From: {name}")))
}

/// R11: our own addresses are a loop. Our own domain may be a colleague who passes a customer's mail on, or a forger:
/// staff look. The same where only the envelope is ours, as with a form on our own web site.
pub fn ourselves(facts: &Facts) -> Finding {
    let (inquiry, own) = (facts.inquiry, &facts.ctx.desk.own_addresses);
    let own_author = inquiry.from.iter().any(|from| is_own(&from.address, own));
    if inquiry.form.is_some() {
        // The form may be our own web site's; whoever types our address into it makes no loop.
        return own_author.then(|| human("web form: own address"));
    }
    if own_author {
        return Some(sink("From: own address"));
    }
    let envelope = inquiry.header("Return-Path").flat_map(addresses).any(|address| is_own(&address, own));
    if envelope || inquiry.sender.iter().any(|sender| is_own(&sender.address, own)) {
        return Some(human("Sender or Return-Path: own address"));
    }
    let proved = if facts.authenticated == AuthLevel::None { "not authenticated" } else { "authenticated" };
    let inside = inquiry.from.iter().any(|from| in_own_domain(from, own));
    inside.then(|| human(format!("From: own domain, {proved}")))
}

/// R13: Bcc, list expansion, spam (RFC 5230 §4.5). `Delivered-To` names us on every mail, so it proves nothing;
/// an alias belongs into the settings.
pub fn not_addressed(facts: &Facts) -> Finding {
    let (inquiry, own) = (facts.inquiry, &facts.ctx.desk.own_addresses);
    if own.is_empty() {
        return None;
    }
    let direct = inquiry.to.iter().chain(&inquiry.cc).any(|mailbox| is_own(&mailbox.address, own));
    let resent = ["Resent-To", "Resent-Cc"].into_iter().flat_map(|name| inquiry.header(name)).flat_map(addresses);
    let addressed = direct || resent.into_iter().any(|address| is_own(&address, own));
    (!addressed).then(|| human("To, Cc: none of our addresses"))
}

/// R14
pub fn unclear_author(facts: &Facts) -> Finding {
    let inquiry = facts.inquiry;
    let why = match inquiry.from.as_slice() {
        _ if inquiry.header("From").count() > 1 => "more than one field",
        _ if is_group(inquiry) => "a group",
        [] => "missing or unreadable",
        [from] if !is_address(&from.address) => "no address",
        [_] => return None,
        _ => "more than one mailbox",
    };
    Some(human(format!("From: {why}")))
}

/// `From: Team: a@example.jp;` (RFC 6854)
fn is_group(inquiry: &Inquiry) -> bool {
    let outside_brackets =
        |raw: &str| without_comments_and_quotes(raw).split('<').next().unwrap_or_default().contains(':');
    inquiry.header("From").any(outside_brackets)
}

fn is_address(address: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "<>,;".contains(c);
    !address.contains(odd)
        && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
}

/// R24: an answer could not get there.
pub fn implausible_address(facts: &Facts) -> Finding {
    let odd = |mailboxes: &[Mailbox]| mailboxes.iter().any(|mailbox| !is_plausible(&mailbox.address));
    let field = match facts.inquiry {
        inquiry if odd(&inquiry.from) => "From",
        inquiry if odd(&inquiry.reply_to) => "Reply-To",
        _ => return None,
    };
    Some(human(format!("{field}: no plausible Internet address")))
}
