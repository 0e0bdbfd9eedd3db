//! Mails given on the command line: files, folders, mbox files, standard input.

use std::io::Read;
use std::path::{Path, PathBuf};

/// A mail with the name it is shown under, or why it could not be read.
pub struct Source {
    pub name: String,
    pub raw: Result<Vec<u8>, String>,
}

/// Reads everything that `paths` name, one mail at a time, in a stable order.
pub fn mails(paths: &[PathBuf]) -> impl Iterator<Item = Source> {
    paths.iter().flat_map(|path| named(path))
}

fn named(path: &Path) -> Box<dyn Iterator<Item = Source>> {
    if path.as_os_str() == "-" {
        let mut raw = Vec::new();
        let read = std::io::stdin().lock().read_to_end(&mut raw).map(|_| raw).map_err(|e| e.to_string());
        return Box::new(split("-".into(), read));
    }
    if path.is_dir() {
        return match files_below(path) {
            Ok(files) => Box::new(files.into_iter().flat_map(|file| read_file(&file))),
            Err(error) => Box::new(std::iter::once(failed(path, &error))),
        };
    }
    Box::new(read_file(path))
}

fn read_file(path: &Path) -> impl Iterator<Item = Source> + use<> {
    split(path.display().to_string(), std::fs::read(path).map_err(|e| e.to_string()))
}

fn failed(path: &Path, error: &std::io::Error) -> Source {
    Source { name: path.display().to_string(), raw: Err(error.to_string()) }
}

/// All files below a folder, sorted; hidden ones (Maildir's own indexes) are left out.
fn files_below(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|e| e.map(|e| e.path())).collect::<Result<_, _>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        match () {
            _ if hidden => {}
            _ if entry.is_dir() => files.extend(files_below(&entry)?),
            _ => files.push(entry),
        }
    }
    Ok(files)
}

/// An mbox file (RFC 4155: it begins with a `From ` line) holds many mails, any other file one.
fn split(name: String, read: Result<Vec<u8>, String>) -> Box<dyn Iterator<Item = Source>> {
    match read {
        Ok(raw) if raw.starts_with(b"From ") => {
            let mails = split_mbox(&raw);
            let numbered = mails.into_iter().enumerate();
            Box::new(numbered.map(move |(i, raw)| Source { name: format!("{name}#{}", i + 1), raw: Ok(raw) }))
        }
        raw => Box::new(std::iter::once(Source { name, raw })),
    }
}

/// Mails between `From ` lines that stand first or behind an empty line; `>From ` loses one `>` (mboxrd).
fn split_mbox(raw: &[u8]) -> Vec<Vec<u8>> {
    let mut mails: Vec<Vec<u8>> = Vec::new();
    let mut after_empty = true;
    for line in raw.split_inclusive(|b| *b == b'\n') {
        if after_empty && line.starts_with(b"From ") {
            mails.push(Vec::new());
        } else if let Some(mail) = mails.last_mut() {
            let quoted = line.iter().position(|b| *b != b'>').is_some_and(|n| n > 0 && line[n..].starts_with(b"From "));
            mail.extend_from_slice(if quoted { &line[1..] } else { line });
        }
        after_empty = line == b"\n" || line == b"\r\n";
    }
    mails
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_is_split_at_its_from_lines_only() {
        let mbox = b"From a@b Mon\nSubject: 1\n\n>From here on\nFrom the middle\n\nFrom c@d Tue\nSubject: 2\n\nx\n";
        let mails = split_mbox(mbox);
        assert_eq!(mails, [&b"Subject: 1\n\nFrom here on\nFrom the middle\n\n"[..], b"Subject: 2\n\nx\n"]);
    }

    #[test]
    fn a_missing_file_is_reported_under_its_name() {
        let found: Vec<Source> = mails(&["no/such/file.eml".into()]).collect();
        assert_eq!(found.len(), 1);
        assert!(found[0].raw.is_err() && found[0].name == "no/such/file.eml");
    }

    #[test]
    fn a_folder_is_read_in_order_without_hidden_files() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.eml", "a.eml", ".hidden"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        let names: Vec<String> = mails(&[folder.path().to_path_buf()]).map(|s| s.name).collect();
        assert!(names.len() == 2 && names[0].ends_with("a.eml") && names[1].ends_with("b.eml"), "{names:?}");
    }
}
