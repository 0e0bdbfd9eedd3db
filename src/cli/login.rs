//! `madoguchi login`: a person signs in once, for accounts that take no passwords.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::screen::Language;
use super::{Exit, loaded};
use crate::config::{self, Config};
use crate::oauth::{Account, Grant, Invitation, OAuthError, Waiting};

/// Sign in for an account that takes no password (OAuth), once
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Shows a page and a code: open the page on any device, sign in there as the mailbox's user, and type the code. With
--browser, and where the account's server has no codes (Google), the browser comes back to this machine instead. The
tokens are kept beside the store, for their owner only: run this as the user that `run` runs as. A desk at work takes up
the new tokens by itself.

  madoguchi login -c madoguchi.toml
  sudo -u madoguchi madoguchi login m365 -c /etc/madoguchi/madoguchi.toml
  madoguchi login google --browser

Exit status: 0 signed in · 1 not signed in · 78 the configuration is wrong")]
pub struct Args {
    /// The account, `[oauth.<ACCOUNT>]`; needed where there are several
    account: Option<String>,
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "madoguchi.toml")]
    config: PathBuf,
    /// With a browser that can reach this machine
    #[arg(long)]
    browser: bool,
}

pub fn command(args: Args) -> anyhow::Result<Exit> {
    let Some(config) = loaded(config::load(&args.config)) else { return Ok(Exit::Config) };
    let account = chosen(&config, &args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(sign_in(account, args.browser))?;
    Ok(Exit::Ok)
}

fn chosen<'a>(config: &'a Config, args: &Args) -> anyhow::Result<&'a Account> {
    let names: Vec<&str> = config.accounts.iter().map(|account| account.settings().name.as_str()).collect();
    let (file, names) = (args.config.display(), names.join(", "));
    match (&args.account, config.accounts.as_slice()) {
        (_, []) => bail!("{file} has no [oauth.<name>]: its desks log in with passwords"),
        (None, [only]) => Ok(only),
        (None, _) => bail!("{file} has several accounts; name one: {names}"),
        (Some(name), accounts) => {
            let found = accounts.iter().find(|account| account.settings().name == *name);
            found.with_context(|| format!("{file} has no [oauth.{name}]; it has: {names}"))
        }
    }
}

async fn sign_in(account: &Account, browser: bool) -> Result<(), OAuthError> {
    let settings = account.settings();
    let language = Language::of_locale();
    let done = if settings.grant == Grant::ClientCredentials {
        account.renew(&account.token().await?).await?;
        language.say(
            "サインインは不要です。トークンを取得できました。",
            "nobody need sign in: the program gets its tokens by itself, and got one just now",
        )
    } else {
        if browser || settings.device.is_none() {
            let waiting = account.listen().await?;
            show_page(&waiting, language);
            account.welcome(waiting).await?;
        } else {
            let invitation = account.invite().await?;
            show_code(&invitation, language);
            account.accept(invitation).await?;
        }
        language.say("サインインしました。", "signed in")
    };
    anstream::println!("{}: {done}", settings.name);
    anstream::println!("{}: {}", settings.name, settings.file.display());
    Ok(())
}

fn show_code(invitation: &Invitation, language: Language) {
    let Invitation { url, code, expires, .. } = invitation;
    match language {
        Language::Ja => anstream::println!(
            "次のページを開き、メールボックスのユーザーでサインインして、コードを入力してください（{expires:.0} まで）。\n\n  \
             {url}\n  コード: {code}\n"
        ),
        Language::En => anstream::println!(
            "Open this page, sign in as the mailbox's user, and type the code (until {expires:.0}).\n\n  {url}\n  \
             code: {code}\n"
        ),
    }
}

fn show_page(waiting: &Waiting, language: Language) {
    let Waiting { url, port, .. } = waiting;
    match language {
        Language::Ja => anstream::println!(
            "次のページをこのマシンのブラウザで開き、メールボックスのユーザーでサインインしてください。別のマシンのブラウザを使う\
             場合は、\n先にそのマシンで ssh -L {port}:127.0.0.1:{port} <このマシン> を実行してください。\n\n  {url}\n"
        ),
        Language::En => anstream::println!(
            "Open this page in a browser on this machine, and sign in as the mailbox's user. For a browser on another\n\
             machine, run there first: ssh -L {port}:127.0.0.1:{port} <this machine>\n\n  {url}\n"
        ),
    }
}
