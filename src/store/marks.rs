//! Marks beside the store: which of the sends that were started are really going out, without waiting for the disk.
//!
//! One commit starts many sends, and the last of them leaves a while later. Were the process killed meanwhile, nobody
//! could tell which went out, and staff would have to look at each. So each is marked here before its text leaves, and
//! again once the server has answered. Nothing here is synced: what a killed process has written stays with the operating
//! system. Only a machine that stops takes it away, and after that marks mean nothing. So they count where they were
//! made, in the very file, as long as the machine has not been started anew; else nobody can tell, as without them.
//!
//! One file a desk, begun anew once all sends that it names have an outcome in the store:
//! ```text
//! madoguchi marks 1 boot 6cf0a3e2-… file 65024:131075
//! ? 17 1795312345678 r.….…@desk.example                 started: will leave in its turn
//! > 17 1795312345678 r.….…@desk.example                 leaves now
//! = 17 1795312345678 r.….…@desk.example 250 2.0.0 Ok    the server has taken it
//! - 17 1795312345678 r.….…@desk.example                 the server has not taken it
//! ```
//! A send is known by its number, the moment of its start and its Message-ID. So a store that was restored, or in which a
//! program without marks has worked meanwhile, finds its sends not named here, or named by a start that is the same one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::effect::EffectRow;
use super::error::{Fault, StoreError};
use super::{EffectId, Store};

/// Anew at every start of the machine; the same in its containers.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The marks of a desk.
#[derive(Debug)]
pub struct Marks {
    path: PathBuf,
    /// With the length of its first line.
    file: Option<(File, u64)>,
}

/// What the marks say of a send that was started and has no outcome in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Surely not taken: its turn had not come, or the server said so.
    NotSent,
    /// The server has taken it, with these words.
    Sent { said: String },
    /// It was going out, or there are no marks that count.
    Unknown,
}

impl Store {
    /// The marks of a desk: a file beside the store.
    pub fn marks(&self, desk: &str) -> Marks {
        let mut path = OsString::from(self.thread.path());
        path.push(format!(".sending-{desk}"));
        Marks { path: path.into(), file: None }
    }
}

impl Marks {
    /// Forgets all marks, once every send of the desk that was started has its outcome in the store. Where a start of the
    /// machine cannot be told from another, none are kept.
    ///
    /// # Errors
    /// As for the store's own files; then nothing may be sent. So for the calls below.
    pub fn renew(&mut self) -> Result<(), StoreError> {
        let begun = match &self.file {
            // Cut to nothing and closed, the file would be written to the disk each time.
            Some((file, first_line)) => file.set_len(*first_line),
            None => begin(&self.path).map(|begun| self.file = begun),
        };
        begun.map_err(|error| self.fault(error))
    }

    /// False if a send that is started and not sent could not be told from one that was.
    pub fn are_kept(&self) -> bool {
        self.file.is_some()
    }

    /// These are about to be started in the store.
    pub fn intend<'r>(
        &mut self,
        sends: impl IntoIterator<Item = &'r EffectRow>,
        start: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(sends.into_iter().map(|row| ("?", row, None)), start)
    }

    /// The text of this one leaves now.
    pub fn leaving(&mut self, send: &EffectRow, start: Timestamp) -> Result<(), StoreError> {
        self.write([(">", send, None)].into_iter(), start)
    }

    /// What the server has said: its words if it has taken the mail, none if it surely has not.
    pub fn answered(&mut self, send: &EffectRow, start: Timestamp, said: Option<&str>) -> Result<(), StoreError> {
        self.write([(if said.is_some() { "=" } else { "-" }, send, said)].into_iter(), start)
    }

    fn write<'r>(
        &mut self,
        marks: impl Iterator<Item = (&'static str, &'r EffectRow, Option<&'r str>)>,
        start: Timestamp,
    ) -> Result<(), StoreError> {
        let Some((file, _)) = &mut self.file else { return Ok(()) };
        let lines: String = marks.filter_map(|(mark, row, said)| Some(line(mark, &key(row, start)?, said))).collect();
        append(file, &lines).map_err(|error| self.fault(error))
    }

    /// What became of sends that were started; in the same order.
    pub fn fates(&self, sends: &[EffectRow]) -> Vec<Fate> {
        let (header, text) = self.read().unwrap_or_default();
        let fates = fates(&text, &header).unwrap_or_default();
        let fate = |row: &EffectRow| fates.get(key(row, row.started_at?)?.as_str()).cloned();
        sends.iter().map(|row| fate(row).unwrap_or(Fate::Unknown)).collect()
    }

    /// What the first line should be, and all that is there. Where there are no marks, nobody can tell.
    fn read(&self) -> Option<(String, String)> {
        let (boot, file) = (boot()?, File::open(&self.path).ok()?);
        Some((header(&boot, &file).ok()?, io::read_to_string(file).ok()?))
    }

    fn fault(&self, error: io::Error) -> StoreError {
        Fault::Io(error).at(&self.path)
    }
}

fn boot() -> Option<String> {
    let id = fs::read_to_string(BOOT_ID).ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

/// None where starts of the machine cannot be told apart.
fn begin(path: &Path) -> io::Result<Option<(File, u64)>> {
    let Some(boot) = boot() else { return Ok(None) };
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.set_len(0)?;
    let header = header(&boot, &file)?;
    append(&mut file, &header)?;
    Ok(Some((file, header.len() as u64)))
}

/// The first line: since when, and which file. A copy of it is another file.
fn header(boot: &str, file: &File) -> io::Result<String> {
    let file = file.metadata()?;
    Ok(format!("madoguchi marks 1 boot {boot} file {}:{}\n", file.dev(), file.ino()))
}

/// All of it, or nothing as far as the disk lets us: half a line makes all marks worthless.
fn append(file: &mut File, lines: &str) -> io::Result<()> {
    let length = file.metadata()?.len();
    let written = file.write_all(lines.as_bytes());
    if written.is_err() {
        _ = file.set_len(length);
    }
    written
}

fn key(row: &EffectRow, start: Timestamp) -> Option<String> {
    let EffectId(number) = row.id;
    Some(format!("{number} {} {}", start.as_millisecond(), row.effect.mail()?.message_id))
}

fn line(mark: &str, key: &str, said: Option<&str>) -> String {
    let said: String = said.unwrap_or_default().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{mark} {key} {said}").trim_end().to_owned() + "\n"
}

/// What became of each send that is named; none if the marks are not from here and now, or something is amiss with them.
fn fates<'t>(text: &'t str, header: &str) -> Option<HashMap<&'t str, Fate>> {
    let marks = text.strip_prefix(header)?;
    if !marks.is_empty() && !marks.ends_with('\n') {
        return None;
    }
    let mut fates = HashMap::new();
    for line in marks.lines() {
        let (mark, key, said) = parts(line)?;
        let fate = match (mark, fates.get(key)) {
            ("?", None) => Fate::NotSent,
            (">", Some(Fate::NotSent)) => Fate::Unknown,
            ("=", Some(Fate::Unknown)) => Fate::Sent { said: said.to_owned() },
            ("-", Some(Fate::Unknown)) => Fate::NotSent,
            _ => return None,
        };
        fates.insert(key, fate);
    }
    Some(fates)
}

/// Mark, key, and what the server said.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (mark, rest) = line.split_once(' ')?;
    let mut spaces = rest.match_indices(' ').map(|(at, _)| at);
    let end = spaces.nth(2).unwrap_or(rest.len());
    let key = &rest[..end];
    (key.split(' ').filter(|part| !part.is_empty()).count() == 3).then(|| (mark, key, rest[end..].trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "madoguchi marks 1 boot b1 file 1:2\n";

    /// What the marks say of send 17, begun at 5, and of nothing else.
    fn fate(text: &str) -> Option<Fate> {
        let fates = fates(text, HERE)?;
        Some(fates.get("17 5 r.x@d").cloned().unwrap_or(Fate::Unknown))
    }

    #[test]
    fn each_send_is_judged_by_its_last_mark() {
        let sent = |said: &str| Fate::Sent { said: said.into() };
        let cases = [
            ("not named", "", Fate::Unknown),
            ("its turn had not come", "? 17 5 r.x@d\n", Fate::NotSent),
            ("it was going out", "? 17 5 r.x@d\n> 17 5 r.x@d\n", Fate::Unknown),
            ("taken", "? 17 5 r.x@d\n> 17 5 r.x@d\n= 17 5 r.x@d 250 2.0.0 Ok\n", sent("250 2.0.0 Ok")),
            ("taken without a word", "? 17 5 r.x@d\n> 17 5 r.x@d\n= 17 5 r.x@d\n", sent("")),
            ("refused", "? 17 5 r.x@d\n> 17 5 r.x@d\n- 17 5 r.x@d\n", Fate::NotSent),
            ("another was taken", "? 17 5 r.x@d\n? 18 5 r.y@d\n> 18 5 r.y@d\n= 18 5 r.y@d 250 Ok\n", Fate::NotSent),
            ("begun at another time", "? 17 4 r.x@d\n> 17 4 r.x@d\n= 17 4 r.x@d 250 Ok\n", Fate::Unknown),
            ("another number", "? 1 5 r.x@d\n", Fate::Unknown),
            ("another mail of this number", "? 17 5 r.y@d\n", Fate::Unknown),
        ];
        for (what, marks, expected) in cases {
            assert_eq!(fate(&format!("{HERE}{marks}")), Some(expected), "{what}");
        }
    }

    #[test]
    fn where_something_is_amiss_nobody_can_tell() {
        let marks = [
            ("half a line", "? 17 5 r.x@d\n> 17 5 r.x@"),
            ("a line without its end", "? 17 5 r.x@d"),
            ("part of a key", "? 17 5 r.x@d\n> 17 5\n"),
            ("an empty line", "? 17 5 r.x@d\n\n"),
            ("an unknown mark", "? 17 5 r.x@d\n! 17 5 r.x@d\n"),
            ("named twice", "? 17 5 r.x@d\n? 17 5 r.x@d\n"),
            ("taken, and never going out", "? 17 5 r.x@d\n= 17 5 r.x@d 250 Ok\n"),
            ("going out, and never named", "? 17 5 r.x@d\n> 18 5 r.y@d\n"),
            ("going out after it was taken", "? 17 5 r.x@d\n> 17 5 r.x@d\n= 17 5 r.x@d\n> 17 5 r.x@d\n"),
            ("zeros, as a file system may leave them", "? 17 5 r.x@d\n\0\0\0\0"),
        ];
        for (what, marks) in marks {
            assert_eq!(fate(&format!("{HERE}{marks}")), None, "{what}");
        }
        let named = "? 17 5 r.x@d\n";
        for header in [
            "",
            "madoguchi marks 1 boot b1",
            "madoguchi marks 1 boot b2 file 1:2\n",
            "madoguchi marks 1 boot b1 file 1:3\n",
            "madoguchi marks 1 boot b1 file 2:2\n",
            "madoguchi marks 2 boot b1 file 1:2\n",
            "\0",
        ] {
            assert_eq!(fate(&format!("{header}{named}")), None, "{header:?}");
        }
    }

    #[test]
    fn what_a_server_says_stays_on_its_line() {
        let line = line("=", "17 5 r.x@d", Some("250 Ok\r\n? 18 5 r.y@d\n"));
        assert_eq!(line, "= 17 5 r.x@d 250 Ok  ? 18 5 r.y@d\n");
        assert_eq!(parts(line.trim_end()), Some(("=", "17 5 r.x@d", "250 Ok  ? 18 5 r.y@d")));
    }
}
