//! What a mail names of products that the pack keeps tables of: versions of operating systems (`os-support.toml`) and
//! device models (`devices.toml`). Whether "Android 7" is still supported is looked up, not guessed (terms 4-1-4, 4-2-2 to
//! 4-2-4).

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::fold::{Folding, fold_term};
use super::pattern::Pattern;

/// What the tables say of something that a mail names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// A version of an operating system that is supported on the day of the mail.
    OsSupported,
    /// One that is not supported any more.
    OsEnded,
    /// One that is not published yet.
    OsUnreleased,
    /// A model of the list.
    DeviceListed,
    /// A model of a known series that is not in the list.
    DeviceUnlisted,
}

impl Product {
    /// With the names that rules (`@os-ended`), weights and `explain` call them by.
    pub const ALL: [(Product, &str); 5] = [
        (Product::OsSupported, "os-supported"),
        (Product::OsEnded, "os-ended"),
        (Product::OsUnreleased, "os-unreleased"),
        (Product::DeviceListed, "device-listed"),
        (Product::DeviceUnlisted, "device-unlisted"),
    ];

    pub fn named(name: &str) -> Option<Product> {
        Product::ALL.iter().find(|(_, known)| *known == name).map(|(product, _)| *product)
    }

    pub fn name(self) -> &'static str {
        Product::ALL.iter().find(|(known, _)| *known == self).map_or("", |(_, name)| name)
    }
}

/// The tables of a pack; without entries nothing is found.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Products {
    pub systems: Vec<System>,
    pub series: Vec<Series>,
}

/// An operating system.
#[derive(Debug, Clone, PartialEq)]
pub struct System {
    /// As people write it: `Android`, `アンドロイド`.
    pub names: Vec<String>,
    /// In rising order. What is below the first is not supported any more; what is above the last is not published.
    pub versions: Vec<Version>,
}

/// A version that is, was or will be supported.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// `10`, `8.1`: stands for all numbers that begin so.
    pub number: Vec<u32>,
    /// First day after its publication; none: long ago.
    pub from: Option<Date>,
    /// Last day of support; none: no end is known.
    pub until: Option<Date>,
}

/// Models that share a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// `AQUOS`
    pub name: String,
    /// Those in the list, whole: `AQUOS wish5`.
    pub models: Vec<String>,
}

/// `10.15.7` as numbers; none if it is no version.
pub fn version_number(text: &str) -> Option<Vec<u32>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

impl System {
    /// On this day; without a day only what the table knows without one.
    fn stage(&self, number: &[u32], day: Option<Date>) -> Option<Product> {
        let known = self.versions.iter().rfind(|version| number.starts_with(&version.number));
        let Some(version) = known else {
            return match (self.versions.first(), self.versions.last()) {
                (Some(first), _) if number < first.number.as_slice() => Some(Product::OsEnded),
                (_, Some(last)) if number > last.number.as_slice() => Some(Product::OsUnreleased),
                // A number that was never given out.
                _ => None,
            };
        };
        Some(match day {
            Some(day) if version.until.is_some_and(|until| until < day) => Product::OsEnded,
            Some(day) if version.from.is_some_and(|from| day < from) => Product::OsUnreleased,
            _ => Product::OsSupported,
        })
    }
}

/// The tables made ready for reading mails.
#[derive(Debug)]
pub struct ProductBook {
    tables: Products,
    /// System (by index) and where its name with a version stands.
    systems: Vec<Pattern>,
    /// Finds names of series.
    series: AhoCorasick,
    /// Of each series its models, folded and without blanks.
    models: Vec<Vec<String>>,
}

/// Something that the tables know: bytes `start..end` of a folded text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named {
    pub product: Product,
    pub start: usize,
    pub end: usize,
}

/// Something that a mail names, as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentioned {
    pub product: Product,
    /// 「Android 7」
    pub text: String,
}

/// Words between a system's name and its version's number.
const BETWEEN: &str = r"(?:os|端末|搭載機|バージョン|ver\.?|version|v|の|\(| )*";

/// A model's name goes on for at most so many bytes of folded text.
const LONGEST_MODEL: usize = 32;

impl ProductBook {
    /// # Errors
    /// More names than can be held.
    pub fn compile(tables: Products, folding: Folding) -> Result<ProductBook, BuildError> {
        let folded = |name: &String| fold_term(name, folding);
        let system = |system: &System| {
            let names: Vec<String> = system.names.iter().map(|name| regex::escape(&folded(name))).collect();
            Pattern::known(format!(r"(?:{}){BETWEEN}(?<number>\d{{1,3}}(?:\.\d{{1,3}}){{0,3}})", names.join("|")))
        };
        let systems = tables.systems.iter().map(system).collect();
        let series = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(tables.series.iter().map(|series| folded(&series.name)))?;
        let compact = |model: &String| folded(model).replace(' ', "");
        let models = tables.series.iter().map(|series| series.models.iter().map(compact).collect()).collect();
        Ok(ProductBook { tables, systems, series, models })
    }

    /// What stands in a folded text, on this day.
    pub fn find(&self, text: &str, day: Option<Date>) -> Vec<Named> {
        let mut found = Vec::new();
        for (system, pattern) in self.tables.systems.iter().zip(&self.systems) {
            for version in pattern.captures_iter(text) {
                let (Some(whole), Some(number)) = (version.get(0), version.name("number")) else { continue };
                let product = version_number(number.as_str()).and_then(|number| system.stage(&number, day));
                let (start, end) = (whole.start(), whole.end());
                if !joins_word(text, start, end) {
                    found.extend(product.map(|product| Named { product, start, end }));
                }
            }
        }
        if self.models.is_empty() {
            return found;
        }
        for series in self.series.find_iter(text).filter(|series| !joins_before(text, series.start())) {
            let models = &self.models[series.pattern().as_usize()];
            found.extend(model(text, (series.start(), series.end()), models));
        }
        found
    }
}

/// The model at the beginning of what stands from the series' name on.
fn model(text: &str, (start, name_end): (usize, usize), models: &[String]) -> Option<Named> {
    let named = |product, end| Some(Named { product, start, end });
    let rest = &text[start..text.floor_char_boundary(start + LONGEST_MODEL)];
    let (mut listed, mut digits) = (None, None);
    let mut compact = String::new();
    for (at, c) in
        rest.char_indices().take_while(|(_, c)| c.is_ascii_alphanumeric() || " +-".contains(*c) || !c.is_ascii())
    {
        let end = start + at + c.len_utf8();
        if c != ' ' {
            compact.push(c);
        }
        if c != ' ' && !joins_behind(text, end) && models.contains(&compact) {
            listed = Some(end);
        }
        // Beyond its name, a model is Latin letters up to the first number.
        if end > name_end && !c.is_ascii() {
            break;
        }
        if digits.is_none() && end > name_end && c.is_ascii_digit() {
            digits = Some(end);
        }
    }
    match (listed, digits) {
        (Some(end), _) => named(Product::DeviceListed, end),
        // A series of which no model is listed is known by its name alone.
        (None, None) if models.is_empty() && !joins_behind(text, name_end) => named(Product::DeviceUnlisted, name_end),
        (None, Some(end)) => named(Product::DeviceUnlisted, end),
        (None, None) => None,
    }
}

fn is_word(text: &str, at: usize) -> bool {
    text.as_bytes().get(at).is_some_and(u8::is_ascii_alphanumeric)
}

fn joins_before(text: &str, start: usize) -> bool {
    start > 0 && is_word(text, start) && is_word(text, start - 1)
}

fn joins_behind(text: &str, end: usize) -> bool {
    end > 0 && is_word(text, end) && is_word(text, end - 1)
}

fn joins_word(text: &str, start: usize, end: usize) -> bool {
    joins_before(text, start) || joins_behind(text, end)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn book() -> ProductBook {
        let version = |number: &str, from, until| Version { number: version_number(number).unwrap(), from, until };
        let android = System {
            names: vec!["Android".into(), "アンドロイド".into()],
            versions: vec![
                version("11", None, Some(date(2026, 3, 31))),
                version("12", None, None),
                version("17", Some(date(2026, 6, 16)), None),
            ],
        };
        let windows = System { names: vec!["Windows".into()], versions: vec![version("11", None, None)] };
        let series = |name: &str, models: &[&str]| Series {
            name: name.into(),
            models: models.iter().map(|model| model.to_string()).collect(),
        };
        let listed = series("AQUOS", &["AQUOS wish5", "AQUOS sense9"]);
        let galaxy = series("Galaxy", &["Galaxy Tab A9+", "Galaxy A25"]);
        let series = vec![listed, galaxy, series("HUAWEI", &[]), series("Pixel", &["Pixel 9", "Pixel 9a"])];
        let tables = Products { systems: vec![android, windows], series };
        ProductBook::compile(tables, Folding::default()).unwrap()
    }

    fn found(text: &str, day: Option<Date>) -> String {
        let text = fold_term(text, Folding::default());
        let found = book().find(&text, day);
        let said: Vec<String> =
            found.iter().map(|n| format!("{}:{}", n.product.name(), &text[n.start..n.end])).collect();
        said.join(" ")
    }

    #[test]
    fn versions_and_models_are_looked_up() {
        for (text, expected) in [
            ("Android 7の端末", "os-ended:android 7"),
            ("Android11です", "os-ended:android11"),
            ("アンドロイドのバージョン12.1", "os-supported:アンドロイドのバージョン12.1"),
            ("Android OS 17", "os-supported:android os 17"),
            ("Android 18はいつ", "os-unreleased:android 18"),
            ("Android 15", ""),
            ("Windows 8.1とWindows 11", "os-ended:windows 8.1 os-supported:windows 11"),
            ("Windows Server 2019", ""),
            ("myandroid 7", ""),
            ("AQUOS wish5とAQUOSwish4", "device-listed:aquos wish5 device-unlisted:aquoswish4"),
            ("Galaxy Tab A9+を", "device-listed:galaxy tab a9+"),
            ("Galaxy Tab A9 を", "device-unlisted:galaxy tab a9"),
            ("Pixel 9a と Pixel 9 と Pixel 9b", "device-listed:pixel 9a device-listed:pixel 9 device-unlisted:pixel 9"),
            ("HUAWEIの端末", "device-unlisted:huawei"),
            ("AQUOSを10台", ""),
            ("1 pixel の画像", ""),
        ] {
            assert_eq!(found(text, Some(date(2026, 11, 10))), expected, "{text}");
        }
    }

    #[test]
    fn the_day_of_the_mail_decides() {
        for (day, expected) in [
            (Some(date(2026, 3, 31)), "os-supported:android 11 os-unreleased:android 17"),
            (Some(date(2026, 4, 1)), "os-ended:android 11 os-unreleased:android 17"),
            (Some(date(2026, 6, 16)), "os-ended:android 11 os-supported:android 17"),
            (None, "os-supported:android 11 os-supported:android 17"),
        ] {
            assert_eq!(found("Android 11とAndroid 17", day), expected, "{day:?}");
        }
    }
}
