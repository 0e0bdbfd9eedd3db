//! What the columns of a register's CSV may be called.

use std::borrow::Cow;
use std::path::Path;

use icu_normalizer::ComposingNormalizerBorrowed;

use crate::config::problems::{Problem, Report};
use crate::config::suggest;

/// What a file lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Customers,
    Partners,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    Id,
    Name,
    Addresses,
    Domains,
    // of customers
    OtherNames,
    Contracts,
    Route,
    Desks,
    ValidFrom,
    ValidUntil,
    MonthlyFee,
    // of partners
    Contact,
    Mail,
    Phone,
    Url,
    Hours,
    PhoneSupport,
    PhoneFrom,
    PhoneUntil,
    PhoneCovers,
    ForwardTo,
}

use Column::*;

/// The names of each column, as docs/register.md lists them; the first is the one that messages use.
const NAMES: &[(Column, &[&str])] = &[
    (
        Id,
        &[
            "id",
            "customer id",
            "partner id",
            "顧客id",
            "顧客コード",
            "顧客番号",
            "お客様番号",
            "お客様id",
            "取引先コード",
            "パートナーid",
            "パートナーコード",
        ],
    ),
    (Name, &["name", "company", "名称", "会社名", "顧客名", "お客様名", "契約者名", "取引先名", "パートナー名"]),
    (OtherNames, &["other_names", "別名", "旧社名", "通称"]),
    (Contracts, &["contracts", "contract", "contract number", "契約番号", "契約id", "契約no"]),
    (Addresses, &["addresses", "address", "mail addresses", "email", "メールアドレス", "アドレス", "担当者メール"]),
    (Domains, &["domains", "domain", "ドメイン", "メールドメイン"]),
    (Route, &["route", "partner", "経路", "ルート", "販売経路", "パートナー", "販売パートナー", "販売店"]),
    (Desks, &["desks", "desk", "窓口"]),
    (ValidFrom, &["valid_from", "契約開始日", "開始日", "利用開始日"]),
    (ValidUntil, &["valid_until", "契約終了日", "終了日", "満了日", "解約日"]),
    (MonthlyFee, &["monthly_fee", "月額基本料", "月額基本料金", "月額料金", "基本料金"]),
    (Contact, &["contact", "連絡先", "お問い合わせ先", "問い合わせ先"]),
    (Mail, &["mail", "メール", "連絡先メール"]),
    (Phone, &["phone", "tel", "電話", "電話番号"]),
    (Url, &["url", "webサイト", "ホームページ"]),
    (Hours, &["hours", "受付時間", "営業時間", "対応時間"]),
    (PhoneSupport, &["phone_support", "電話サポート", "電話サポート契約"]),
    (PhoneFrom, &["phone_support_from", "電話サポート開始日"]),
    (PhoneUntil, &["phone_support_until", "電話サポート終了日"]),
    (PhoneCovers, &["phone_support_covers", "電話サポート範囲", "電話サポートの範囲"]),
    (ForwardTo, &["forward_to", "転送先", "転送先メール"]),
];

/// Columns that only a list of partners has.
const OF_PARTNERS: &[Column] =
    &[Contact, Mail, Phone, Url, Hours, PhoneSupport, PhoneFrom, PhoneUntil, PhoneCovers, ForwardTo];
/// Columns that only a list of customers has.
const OF_CUSTOMERS: &[Column] = &[OtherNames, Contracts, Route, Desks, ValidFrom, ValidUntil, MonthlyFee];

impl Column {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(column, _)| *column == self).and_then(|(_, names)| names.first()).unwrap_or(&"?")
    }
}

/// Where each column stands.
pub struct Columns {
    count: usize,
    /// By the number of the column.
    places: [Option<usize>; NAMES.len()],
}

impl Columns {
    fn of_names(columns: &[Option<Column>]) -> Columns {
        let mut places = [None; NAMES.len()];
        for (at, column) in columns.iter().enumerate() {
            if let Some(place) = column.and_then(|column| places.get_mut(column as usize)) {
                place.get_or_insert(at);
            }
        }
        Columns { count: columns.len(), places }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn of(&self, column: Column) -> Option<usize> {
        self.places.get(column as usize).copied().flatten()
    }
}

/// Reads the line that names the columns; none (reported) if the rows cannot be read with it.
pub fn columns(report: &Report, path: &Path, line: usize, names: &[Cow<str>]) -> Option<(Kind, Columns)> {
    let add = |problem: Problem| report.of_file(path, problem.line(line));
    let columns: Vec<Option<Column>> = names.iter().map(|name| column(name)).collect();
    let has = |column: &Column| columns.contains(&Some(*column));
    let kind = if OF_PARTNERS.iter().any(has) { Kind::Partners } else { Kind::Customers };
    if !has(&Id) || !has(&Name) {
        let missing: Vec<&str> = [Id, Name].iter().filter(|column| !has(column)).map(|column| column.name()).collect();
        let hint = format!("the first line must name the columns; it has: {}", names.join(", "));
        add(Problem::error(format!("there is no column `{}`", missing.join("`, `"))).hint(hint));
        return None;
    }
    let strange = if kind == Kind::Partners { OF_CUSTOMERS } else { OF_PARTNERS };
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        match columns[at] {
            Some(column) if columns[..at].contains(&Some(column)) => {
                add(Problem::error(format!("column `{name}` says the same as an earlier one ({})", column.name())));
            }
            Some(column) if strange.contains(&column) => {
                add(Problem::error(format!("column `{name}` is one of customers, in a list of partners")));
            }
            Some(_) => {}
            None => add(unknown(name)),
        }
    }
    Some((kind, Columns::of_names(&columns)))
}

/// Exports have many columns that a register does not need; but a slip must not lose what stands below it.
fn unknown(name: &str) -> Problem {
    let known = NAMES.iter().flat_map(|(_, names)| names.iter().copied());
    let near = suggest::nearest(&folded(name), known);
    match near {
        Some(near) => Problem::error(format!("there is no column `{name}`")).hint(suggest::did_you_mean(near)),
        None => Problem::warning(format!("column `{name}` is not used")),
    }
}

fn column(name: &str) -> Option<Column> {
    let name = folded(name);
    NAMES.iter().find(|(_, names)| names.iter().any(|known| folded(known) == name)).map(|(column, _)| *column)
}

/// Narrow, lower case, without blanks and underlines.
fn folded(name: &str) -> String {
    let narrow = ComposingNormalizerBorrowed::new_nfkc().normalize(name).to_lowercase();
    narrow.chars().filter(|c| !c.is_whitespace() && !"_-".contains(*c)).collect()
}
