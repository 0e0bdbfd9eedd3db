//! The tokens of accounts that take no passwords: can they be renewed now?

use super::{Desk, Line, Report};
use crate::oauth::{Account, OAuthError};

pub(super) async fn examine(desk: &Desk, report: &mut Report<'_>) -> anyhow::Result<()> {
    for account in desk.accounts() {
        let line = line(account, report).await;
        report.add(line)?;
    }
    Ok(())
}

async fn line(account: &Account, report: &Report<'_>) -> Line {
    let name = &account.settings().name;
    let before = account.lease();
    let renewed = match account.token().await {
        Ok(token) => account.renew(&token).await,
        Err(error) => Err(error),
    };
    match (renewed, account.lease()) {
        (Ok(_), lease) => {
            let until = lease.map(|lease| format!("{} {:.0}", report.say("有効期限", "good until"), lease.expires));
            let last = before.map(|lease| format!("{} {:.0}", report.say("前回の更新", "before that"), lease.obtained));
            let now = report.say("更新できました", "renewed now").to_owned();
            let found: Vec<String> = [Some(now), until, last].into_iter().flatten().collect();
            Line::ok("token", format!("{name}: {}", found.join(", ")))
        }
        (Err(error), Some(lease)) => {
            let old = report.say("今のトークンの有効期限", "the token that is there ends");
            Line::fail("token", format!("{error} ({old} {:.0})", lease.expires), todo(&error, report))
        }
        (Err(error), None) => Line::fail("token", error.to_string(), todo(&error, report)),
    }
}

fn todo<'a>(error: &OAuthError, report: &Report<'a>) -> &'a str {
    let (ja, en) = match error {
        OAuthError::NotSignedIn(_) | OAuthError::SignInAgain { .. } => {
            ("madoguchi login でサインインしてください", "sign in with `madoguchi login`")
        }
        OAuthError::Refused { .. } => (
            "[oauth] の client_id、client_secret（有効期限）、tenant、アプリの権限を確認してください",
            "look at `client_id`, `client_secret` (has it expired?) and `tenant`, and at what the application may do",
        ),
        OAuthError::File { .. } => (
            "ファイルの所有者を確認してください（run と同じユーザーで login します）",
            "look at the file's owner: `login` must run as the user that `run` runs as",
        ),
        _ => (
            "OAuth サーバーへの接続（DNS、ファイアウォール、ca_file）を確認してください",
            "look at the way to the OAuth server: DNS, firewalls, `ca_file`",
        ),
    };
    report.say(ja, en)
}
