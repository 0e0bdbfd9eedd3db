//! The way out: from its name to the largest mail it takes.

use super::{Desk, Line, Report, Verdict, name};
use crate::outbox::{Outbox, SendError, Settings, SmtpSettings};

/// What forwarding an inquiry with its attachments takes, in bytes.
const ROOMY: u64 = 10 << 20;

/// None if it cannot be used.
pub(super) async fn examine(desk: &Desk, report: &mut Report<'_>) -> anyhow::Result<Option<Outbox>> {
    if let Settings::Smtp(smtp) = &desk.outbox {
        let line = name("smtp-name", &smtp.host, smtp.port, report).await;
        let known = line.verdict == Verdict::Ok;
        report.add(line)?;
        if !known {
            return Ok(None);
        }
    }
    let outbox = match Outbox::new(&desk.outbox) {
        Ok(outbox) => outbox,
        Err(error) => {
            let todo = report.say("[desk.outbox] を確認してください", "look at [desk.outbox]");
            report.add(Line::fail("outbox", error.to_string(), todo))?;
            return Ok(None);
        }
    };
    match (&outbox, &desk.outbox) {
        (Outbox::Smtp(smtp), Settings::Smtp(settings)) => match smtp.survey().await {
            Ok(offers) => {
                let lines = [
                    Line::ok("smtp-connect", format!("{}:{}", settings.host, settings.port)),
                    login(settings, report),
                    Line::ok("smtp-sender", sender(settings)),
                    limits(desk, &offers, report),
                ];
                lines.into_iter().try_for_each(|line| report.add(line))?;
            }
            Err(error) => {
                report.add(refused(&error, report))?;
                return Ok(None);
            }
        },
        (_, Settings::Folder { path }) => report.add(Line::ok("outbox", path.display().to_string()))?,
        _ => {}
    }
    Ok(Some(outbox))
}

fn login(settings: &SmtpSettings, report: &Report<'_>) -> Line {
    Line::ok(
        "smtp-login",
        match settings.login {
            Some(_) => report.say("ログインできました", "the login was taken"),
            None => report.say("ログインなし", "none is configured, and none is asked for"),
        },
    )
}

/// Without its local part: output ends up in tickets.
fn sender(settings: &SmtpSettings) -> String {
    let domain = settings.bounce_address.as_deref().and_then(|address| Some(address.rsplit_once('@')?.1));
    domain.map_or("MAIL FROM:<>".to_owned(), |domain| format!("MAIL FROM:<…@{domain}>"))
}

/// `SIZE` (RFC 1870) and `LIMITS` (RFC 9422), as far as the server tells them.
fn limits(desk: &Desk, offers: &[String], report: &Report<'_>) -> Line {
    let offer = |name: &str| offers.iter().find(|line| line.split_ascii_whitespace().next() == Some(name));
    let size: Option<u64> = offer("SIZE").and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok());
    let size = size.filter(|size| *size > 0);
    let mut found = match size {
        Some(size) => format!("SIZE {size}"),
        None => report.say("大きさの上限は示されていません", "the server tells no largest size").to_owned(),
    };
    if let Some(limits) = offer("LIMITS") {
        found.push_str(&format!(", {limits}"));
    }
    match size {
        Some(size) if size < ROOMY && desk.profile.forward_to_partner => Line::warn(
            "smtp-limits",
            found,
            report.say(
                "添付のある大きなメールはパートナーに転送できません",
                "inquiries with large attachments cannot be passed on to the partner",
            ),
        ),
        _ => Line::ok("smtp-limits", found),
    }
}

/// The error's text begins with the step that failed.
fn refused(error: &SendError, report: &Report<'_>) -> Line {
    let text = match error {
        SendError::NotSent { text, .. } | SendError::Uncertain { text } => text,
    };
    let (check, ja, en) = match text.split(':').next().unwrap_or_default() {
        "AUTH" => (
            "smtp-login",
            "[desk.outbox] の user と password（または oauth）を確認してください",
            "look at `user` and `password` or `oauth` in [desk.outbox]",
        ),
        "MAIL FROM" => (
            "smtp-sender",
            "bounce_address からの送信をサーバーで許可してください",
            "let the account send with `bounce_address` as its envelope sender",
        ),
        start if start.starts_with("no TLS") || start.starts_with("CA file") || start == "STARTTLS" => (
            "smtp-tls",
            "tls の種類、証明書のホスト名と期限、ca_file を確認してください",
            "look at `tls`, at the certificate's names and dates, and at `ca_file`",
        ),
        _ => (
            "smtp-connect",
            "host と port、ファイアウォール、サーバーの稼働を確認してください",
            "look at `host` and `port`, at firewalls, and whether the server runs",
        ),
    };
    Line::fail(check, text.clone(), report.say(ja, en))
}
