//! The mailbox: from its name to its keywords.

use jiff::SignedDuration;

use super::{Desk, Line, Report, Verdict, name};
use crate::clock::Clock;
use crate::mailbox::{ImapSettings, Inbox, MailboxError, Offers, Place, Quota, Settings};
use crate::net::{NetError, Tls};

/// A mail dated further ahead than this was dated by another clock than ours.
const SKEW: SignedDuration = SignedDuration::from_mins(2);
/// Percent of a quota.
const NEARLY_FULL: u64 = 80;
const FULL: u64 = 95;

/// None if it cannot be opened.
pub(super) async fn examine(desk: &Desk, report: &mut Report<'_>) -> anyhow::Result<Option<Inbox>> {
    if let Settings::Imap(imap) = &desk.mailbox {
        let line = name("imap-name", &imap.host, imap.port, report).await;
        let known = line.verdict == Verdict::Ok;
        report.add(line)?;
        if !known {
            return Ok(None);
        }
    }
    let mut inbox = match Inbox::open(&desk.mailbox).await {
        Ok(inbox) => inbox,
        Err(error) => {
            report.add(refused(&error, report))?;
            return Ok(None);
        }
    };
    opened(desk, &inbox, report)?;
    match look(desk, &mut inbox, report).await {
        Ok(lines) => lines.into_iter().try_for_each(|line| report.add(line))?,
        Err(error) => {
            report.add(refused(&error, report))?;
            return Ok(None);
        }
    }
    Ok(Some(inbox))
}

fn opened(desk: &Desk, inbox: &Inbox, report: &mut Report<'_>) -> anyhow::Result<()> {
    let (folder, validity) = inbox.place();
    match &desk.mailbox {
        Settings::Imap(imap) => {
            report.add(Line::ok("imap-connect", format!("{}:{}", imap.host, imap.port)))?;
            report.add(tls(imap, report))?;
            report.add(Line::ok("imap-login", report.say("ログインできました", "the login was taken")))?;
            report.add(Line::ok("folder", format!("{folder} (UIDVALIDITY {validity})")))
        }
        Settings::Maildir { path, .. } => report.add(Line::ok("folder", path.display().to_string())),
    }
}

fn tls(imap: &ImapSettings, report: &Report<'_>) -> Line {
    match imap.tls {
        Tls::Implicit { .. } | Tls::StartTls { .. } => Line::ok(
            "imap-tls",
            report.say("証明書は有効で、ホスト名も一致しています", "the certificate is valid and names the host"),
        ),
        Tls::None => Line::ok("imap-tls", report.say("このマシン内のみ、平文", "plain text, on this machine only")),
    }
}

/// The step that failed, and what helps.
fn refused(error: &MailboxError, report: &Report<'_>) -> Line {
    let (check, ja, en) = match error {
        MailboxError::Net(NetError::Connect { .. }) => (
            "imap-connect",
            "host と port、ファイアウォール、サーバーの稼働を確認してください",
            "look at `host` and `port`, at firewalls, and whether the server runs",
        ),
        MailboxError::Net(_) => (
            "imap-tls",
            "tls の種類、証明書のホスト名と期限、ca_file を確認してください",
            "look at `tls`, at the certificate's names and dates, and at `ca_file`",
        ),
        MailboxError::LoginRefused(_) => (
            "imap-login",
            "user と password（または oauth）、および IMAP でのログインが許可されているかを確認してください",
            "look at `user` and `password` or `oauth`, and whether the account may log in by IMAP",
        ),
        MailboxError::OAuth(_) => ("imap-login", "上の token の行を参照してください", "see the line `token` above"),
        MailboxError::NoSuchFolder(_) => (
            "folder",
            "folder の名前を確認するか、フォルダを作成してください",
            "look at the name in `folder` (or `path`), or make the folder",
        ),
        MailboxError::ReadOnly(_) => (
            "folder",
            "アカウントにフォルダへの書き込み権限を与えてください",
            "give the account the right to set keywords there (`w`)",
        ),
        _ => ("imap-connect", "サーバーのログを確認してください", "look at the server's log"),
    };
    Line::fail(check, error.to_string(), report.say(ja, en))
}

async fn look(desk: &Desk, inbox: &mut Inbox, report: &Report<'_>) -> Result<Vec<Line>, MailboxError> {
    let offers = inbox.offers();
    let mut lines = Vec::new();
    if matches!(desk.mailbox, Settings::Imap(_)) {
        lines.push(capabilities(&offers, report));
        lines.push(keywords(&offers, report));
    }
    for (check, place) in [("drafts", Place::Drafts), ("sent", Place::Sent)] {
        lines.push(folder(check, place, inbox, report).await?);
    }
    for name in desk.profile.folders.values() {
        lines.push(folder("own-folder", Place::Folder(name.clone()), inbox, report).await?);
    }
    lines.extend(inbox.quota().await?.iter().map(|quota| of_quota(quota, report)));
    lines.push(clock(inbox, report).await?);
    Ok(lines)
}

fn capabilities(offers: &Offers, report: &Report<'_>) -> Line {
    let has = |name: &str| offers.capabilities.contains(name);
    let useful = ["IDLE", "MOVE", "UIDPLUS", "SPECIAL-USE", "QUOTA"];
    let (there, missing): (Vec<&str>, Vec<&str>) = useful.into_iter().partition(|name| has(name));
    let found = match missing.as_slice() {
        [] => there.join(" "),
        _ => format!("{} ({} {})", there.join(" "), report.say("なし:", "not:"), missing.join(" ")),
    };
    if !has("IDLE") {
        let todo = report.say("新着は poll_seconds ごとに確認します", "new mail is only seen every `poll_seconds`");
        return Line::warn("capabilities", found, todo);
    }
    if !has("MOVE") && !has("UIDPLUS") {
        let todo = report.say(
            "移動したメールは、削除済みの印が付いたまま元のフォルダに残ります",
            "moved mail stays in its folder, marked as deleted, until staff expunge",
        );
        return Line::warn("capabilities", found, todo);
    }
    Line::ok("capabilities", found)
}

fn keywords(offers: &Offers, report: &Report<'_>) -> Line {
    if offers.keeps_labels {
        return Line::ok("keywords", "PERMANENTFLAGS \\*");
    }
    Line::fail(
        "keywords",
        report.say(
            "サーバーが新しいキーワードを保存しません",
            "the server keeps no new keywords (no PERMANENTFLAGS \\*)",
        ),
        report.say(
            "ラベルを付けられません。サーバーの設定を変えるか、[desk.folders] で振り分けてください",
            "labels cannot be set: allow keywords on the server, or sort by [desk.folders]",
        ),
    )
}

async fn folder(
    check: &'static str,
    place: Place,
    inbox: &mut Inbox,
    report: &Report<'_>,
) -> Result<Line, MailboxError> {
    Ok(match inbox.folder_of(&place).await? {
        Some(name) => Line::ok(check, name),
        None => {
            let name = if let Place::Folder(name) = &place { format!("{name}: ") } else { String::new() };
            Line::ok(check, format!("{name}{}", report.say("必要になったときに作成します", "will be made when needed")))
        }
    })
}

fn of_quota(quota: &Quota, report: &Report<'_>) -> Line {
    let Quota { resource, used, limit } = quota;
    let percent = used.saturating_mul(100) / (*limit).max(1);
    let found = format!("{resource} {used} / {limit} ({percent} %)");
    let todo = report.say(
        "容量を増やすか、古いメールを整理してください。いっぱいになると新しいメールが届きません",
        "raise it or clear out old mail: a full mailbox takes no new mail, and no drafts and copies",
    );
    match percent {
        FULL.. => Line::fail("quota", found, todo),
        NEARLY_FULL.. => Line::warn("quota", found, todo),
        _ => Line::ok("quota", found),
    }
}

/// IMAP tells no time; but mail from the future was dated by a clock that is ahead of ours.
async fn clock(inbox: &mut Inbox, report: &Report<'_>) -> Result<Line, MailboxError> {
    let now = Clock::System.now();
    let newest = inbox.list().await?.iter().filter_map(|listed| listed.internal_date).max();
    Ok(match newest {
        Some(newest) if newest.duration_since(now) > SKEW => Line::warn(
            "clock",
            format!("{}: {newest:.0}", report.say("未来の日時のメールがあります", "mail from the future")),
            report.say("このマシンとサーバーの時刻を NTP で合わせてください", "set both clocks by NTP"),
        ),
        Some(newest) => Line::ok("clock", format!("{} {newest:.0}", report.say("最新のメール", "newest mail"))),
        None => Line::ok(
            "clock",
            report.say("比べるメールがありません（--probe で確認できます）", "no mail to compare with; --probe does"),
        ),
    })
}
