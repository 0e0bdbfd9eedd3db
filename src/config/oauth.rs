//! `[oauth.<name>]`: how accounts get the tokens that mail servers take in place of passwords.

use std::collections::BTreeMap;
use std::path::Path;

use super::problems::Problem;
use super::reader::{At, Table, Value};
use super::{Surroundings, check, secret, server, suggest};
use crate::oauth::{Account, Authorize, Endpoint, Grant, Settings};

/// By name; none for what is wrong in itself.
pub type Accounts = BTreeMap<String, Option<Account>>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Provider {
    Microsoft,
    Google,
    Other,
}

const PROVIDERS: [(&str, Provider); 3] =
    [("microsoft", Provider::Microsoft), ("google", Provider::Google), ("other", Provider::Other)];
const GRANTS: [(&str, Grant); 2] =
    [("refresh-token", Grant::RefreshToken), ("client-credentials", Grant::ClientCredentials)];

/// Where an account's server is asked, and for what.
struct Server {
    token: Endpoint,
    device: Option<Endpoint>,
    authorize: Option<Authorize>,
    scope: String,
}

/// `folder`: where the tokens are kept.
pub fn accounts(root: &Table<'_>, around: &Surroundings, folder: &Path) -> Accounts {
    let read = |(name, value): (At<String>, Value<'_>)| {
        if !check::is_name(&name.value) {
            let message = format!("`{}` may only have letters, digits, `-`, `_` and `.` (ASCII)", name.value);
            value.file.add(Problem::error(message).at(&name.span));
        }
        let file = folder.join(format!("oauth-{}.json", name.value));
        let account = value.table("[oauth.<name>]", |table| account(table, around, &name.value, &file));
        (name.value, account)
    };
    let tables = root.get("oauth").and_then(|oauth| oauth.table("[oauth]", |t| Some(t.entries().collect::<Vec<_>>())));
    tables.unwrap_or_default().into_iter().map(read).collect()
}

/// The account that `oauth = "…"` names.
pub fn named(value: Value<'_>, accounts: &Accounts) -> Option<Account> {
    let name = value.string()?.value;
    match accounts.get(&name) {
        Some(account) => account.clone(),
        None => {
            let problem = Problem::error(format!("there is no [oauth.{name}]")).at(&value.span());
            value.file.add(problem.hint(suggest::hint(&name, accounts.keys().map(String::as_str))));
            None
        }
    }
}

fn account(table: &Table<'_>, around: &Surroundings, name: &str, file: &Path) -> Option<Account> {
    let Some(provider) = table.require("provider").and_then(|provider| provider.choice(&PROVIDERS)) else {
        table.ignore_the_rest();
        return None;
    };
    let grant = grant(table, provider);
    let client_id = table.string("client_id");
    let client_secret = table.get("client_secret").map(|value| secret::of_client(value, around));
    if client_secret.is_none() && (grant == Grant::ClientCredentials || provider == Provider::Google) {
        table.error("[oauth.<name>] needs `client_secret`");
    }
    let ca_file = table.get("ca_file").and_then(|value| server::ca_file(value, around));
    let server = match provider {
        Provider::Microsoft => microsoft(table, grant),
        Provider::Google => google(),
        Provider::Other => other(table, grant),
    };
    let Server { token, device, authorize, scope } = server?;
    Some(Account::new(Settings {
        name: name.to_owned(),
        grant,
        client_id: client_id?.value,
        client_secret: client_secret.flatten(),
        scope,
        token,
        device,
        authorize,
        ca_file,
        file: file.to_owned(),
    }))
}

fn grant(table: &Table<'_>, provider: Provider) -> Grant {
    let Some(value) = table.get("grant") else { return Grant::RefreshToken };
    let grant = value.choice(&GRANTS);
    if grant == Some(Grant::ClientCredentials) && provider == Provider::Google {
        let hint = "use \"refresh-token\" and `madoguchi login --browser`; service accounts are not supported";
        value.error_with("Google has no \"client-credentials\" for mailboxes", hint);
    }
    grant.unwrap_or(Grant::RefreshToken)
}

/// <https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>
fn microsoft(table: &Table<'_>, grant: Grant) -> Option<Server> {
    const AS_PERSON: &str =
        "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access";
    const AS_APPLICATION: &str = "https://outlook.office365.com/.default";
    let tenant = table.require("tenant").and_then(check::name)?.value;
    let at = |what: &str| Endpoint::new(&format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{what}")).ok();
    let (back_to, with) = ("localhost", &[]);
    Some(Server {
        token: at("token")?,
        device: at("devicecode"),
        authorize: at("authorize").map(|page| Authorize { page, back_to, with }),
        scope: if grant == Grant::RefreshToken { AS_PERSON } else { AS_APPLICATION }.to_owned(),
    })
}

/// <https://developers.google.com/identity/protocols/oauth2/native-app>. Codes for devices are not given out for mail.
fn google() -> Option<Server> {
    let page = Endpoint::new("https://accounts.google.com/o/oauth2/v2/auth").ok()?;
    // Without both there is no refresh token the second time.
    let with = &[("access_type", "offline"), ("prompt", "consent")];
    Some(Server {
        token: Endpoint::new("https://oauth2.googleapis.com/token").ok()?,
        device: None,
        authorize: Some(Authorize { page, back_to: "127.0.0.1", with }),
        scope: "https://mail.google.com/".to_owned(),
    })
}

fn other(table: &Table<'_>, grant: Grant) -> Option<Server> {
    let token = table.require("token_url").and_then(endpoint);
    let (device_url, authorize_url) = (table.get("device_url"), table.get("authorize_url"));
    if grant == Grant::RefreshToken && device_url.is_none() && authorize_url.is_none() {
        table.error("[oauth.<name>] needs `device_url` or `authorize_url`: nobody could sign in");
    }
    let scope = table.string("scope");
    let (back_to, with) = ("127.0.0.1", &[]);
    Some(Server {
        device: device_url.and_then(endpoint),
        authorize: authorize_url.and_then(endpoint).map(|page| Authorize { page, back_to, with }),
        token: token?,
        scope: scope?.value,
    })
}

fn endpoint(value: Value<'_>) -> Option<Endpoint> {
    let url = value.string()?.value;
    match Endpoint::new(&url) {
        Ok(endpoint) => Some(endpoint),
        Err(reason) => {
            value.error_with(
                format!("`{url}`: {reason}"),
                "https://login.desk.example/token; http only on this machine",
            );
            None
        }
    }
}
