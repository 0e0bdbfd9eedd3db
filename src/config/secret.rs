//! Passwords and secrets: from a file, the environment or a systemd credential, never from the configuration itself.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::Surroundings;
use super::problems::Problem;
use super::reader::{Table, Value};

/// `{ file = "…" }`, `{ env = "…" }` or `{ credential = "…" }` (systemd's `LoadCredential=`).
pub fn password(value: Value<'_>, around: &Surroundings) -> Option<SecretString> {
    secret(value, around, "`password`", "password = { file = \"mail.password\" }")
}

/// The same of an OAuth client.
pub fn of_client(value: Value<'_>, around: &Surroundings) -> Option<SecretString> {
    secret(value, around, "`client_secret`", "client_secret = { file = \"client.secret\" }")
}

fn secret(value: Value<'_>, around: &Surroundings, key: &'static str, example: &str) -> Option<SecretString> {
    if value.is_string() {
        let hint = format!("write {example}, or {{ env = \"…\" }}, or {{ credential = \"…\" }}");
        let problem = Problem::error("a password must not stand in the configuration itself").hint(hint);
        // Only its first quote is marked: the lines of a long text would be shown.
        let start = value.span().start;
        value.file.add(problem.at(&(start..start + 1)));
        return None;
    }
    value.table(key, |table| from_table(table, around, key))
}

fn from_table(table: &Table<'_>, around: &Surroundings, key: &str) -> Option<SecretString> {
    let sources = [table.get("file"), table.get("env"), table.get("credential")];
    let secret = match sources {
        [Some(file), None, None] => from_file(file, &around.folder.join(file.string()?.value)),
        [None, Some(variable), None] => from_variable(variable, around),
        [None, None, Some(credential)] => from_file(credential, &credential_path(credential, around)?),
        _ => {
            table.error(format!("{key} needs one of `file`, `env`, `credential`"));
            None
        }
    };
    secret.map(SecretString::from)
}

fn from_variable(value: Value<'_>, around: &Surroundings) -> Option<String> {
    let name = value.string()?.value;
    let secret = (around.variable)(&name).filter(|secret| !secret.is_empty());
    if secret.is_none() {
        value.error(format!("the environment variable {name} is not set, or empty"));
    }
    secret
}

fn credential_path(value: Value<'_>, around: &Surroundings) -> Option<PathBuf> {
    let name = value.string()?.value;
    let Some(folder) = (around.variable)("CREDENTIALS_DIRECTORY") else {
        let hint = format!("add LoadCredential={name}:/path/of/the/file to the unit, or use {{ file = \"…\" }}");
        value.error_with("no credentials: the environment variable CREDENTIALS_DIRECTORY is not set", &hint);
        return None;
    };
    Some(Path::new(&folder).join(name))
}

/// The file's text without its last line end.
fn from_file(value: Value<'_>, path: &Path) -> Option<String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            value.error(format!("cannot read the password file: {error}"));
            return None;
        }
    };
    warn_if_open(value, path);
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.is_empty() || secret.contains('\n') {
        value.error("the password file must hold the password on one line, and nothing else");
        return None;
    }
    Some(secret.to_owned())
}

#[cfg(unix)]
fn warn_if_open(value: Value<'_>, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    const READ_BY_OTHERS: u32 = 0o004;
    let open = std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & READ_BY_OTHERS != 0);
    if open {
        let problem = Problem::warning("everybody on this machine can read the password file").at(&value.span());
        value.file.add(problem.hint("chmod 600".to_owned()));
    }
}

#[cfg(not(unix))]
fn warn_if_open(_: Value<'_>, _: &Path) {}
