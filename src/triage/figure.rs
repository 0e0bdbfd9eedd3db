//! Dates and amounts that the terms count: the end of a contract, the last day to dispute a bill, what a lost device
//! costs. A pack declares them; staff get them computed in their draft, each with its article. What cannot be computed
//! from the mail says what is missing.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::calendar::japanese_date;
use super::dates;
use super::flow::words::union;
use super::own_words::OwnWords;
use super::pack::Term;
use super::pattern::Pattern;
use super::period;

/// A date or an amount to compute for mails about a clause.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub clauses: Vec<String>,
    /// 「利用約款 第7条」
    pub article: String,
    /// 「解約日（本日お届けの場合）」
    pub title: String,
    pub count: Count,
    /// Looked at only if a sentence of the mail has one of these; empty: always.
    pub when: Vec<Term>,
    /// The day or the amount it counts from stands in a sentence with one of these; empty: the day of the mail.
    pub from: Vec<Term>,
}

/// How it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// The last of so many days after the day.
    Days(i32),
    /// The end of the month so many months after that of the day.
    MonthEnd(i32),
    /// A price less so many percent for each year of use from the second, plus tax in percent; from the price in the
    /// mail and the month in which the use began.
    LessByAge { percent: i64, tax: i64 },
    /// Does an amount exceed so many yen?
    Above(i64),
}

/// A figure made ready for reading mails.
#[derive(Debug)]
pub struct FigureBook {
    pub figure: Figure,
    when: Option<Pattern>,
    from: Option<Pattern>,
    amount: Pattern,
    month: Pattern,
}

/// A figure of a mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Computed {
    pub title: String,
    pub article: String,
    /// In words, in Japanese; none if something is missing or wrong.
    pub value: Option<String>,
    /// What it was computed from, or what is missing.
    pub basis: String,
}

/// Nobody's first year of use is before this one: such a year is a slip.
const FIRST_YEAR: i16 = 2000;
/// Nor does a device cost as much as this.
const DEAREST: i64 = 10_000_000;

impl FigureBook {
    pub fn compile(figure: Figure) -> FigureBook {
        FigureBook {
            when: union(&figure.when),
            from: union(&figure.from),
            amount: Pattern::known(r"([0-9][0-9,]*)(?:円| ?yen)"),
            month: Pattern::known(r"(20[0-9]{2}|令和[0-9]{1,2})[年/.-]([0-9]{1,2})"),
            figure,
        }
    }

    /// Computes it for a mail of this day; none if the mail does not call for it.
    pub fn compute(&self, own: &OwnWords, today: Date) -> Option<Computed> {
        if self.when.as_ref().is_some_and(|when| !own.texts().any(|text| when.is_match(text))) {
            return None;
        }
        let found = match self.figure.count {
            Count::Days(_) | Count::MonthEnd(_) => self.of_day(own, today),
            Count::LessByAge { percent, tax } => self.of_age(own, today, percent, tax),
            Count::Above(limit) => self.above(own, limit)?,
        };
        let (value, basis) = match found {
            Ok((value, basis)) => (Some(value), basis),
            Err(missing) => (None, missing),
        };
        let Figure { title, article, .. } = &self.figure;
        Some(Computed { title: title.clone(), article: article.clone(), value, basis })
    }

    /// Sentences that say what it counts from.
    fn told<'t>(&self, own: &'t OwnWords) -> impl Iterator<Item = &'t str> {
        own.texts().filter(|text| self.from.as_ref().is_none_or(|from| from.is_match(text)))
    }

    fn of_day(&self, own: &OwnWords, today: Date) -> Result<(String, String), String> {
        let day = match self.figure.from.is_empty() {
            true => today,
            false => self.day(own, today)?,
        };
        let end = match self.figure.count {
            Count::Days(days) => dates::days_after(day, days),
            Count::MonthEnd(months) => dates::month_end(day, months),
            _ => None,
        };
        let end = end.ok_or("暦の範囲を超えています")?;
        Ok((japanese_date(end), format!("{}から計算", japanese_date(day))))
    }

    fn day(&self, own: &OwnWords, today: Date) -> Result<Date, String> {
        let days: Vec<Date> = self.told(own).flat_map(|text| period::days(text, today)).collect();
        match days.as_slice() {
            [] => Err("起算日がメールから読み取れません。お客様にご確認ください".into()),
            [day, rest @ ..] if rest.iter().any(|other| other != day) => {
                Err("起算日の候補が複数あります。お客様にご確認ください".into())
            }
            [day, ..] if *day > today => {
                Err(format!("起算日 {} は先の日付です。お客様にご確認ください", japanese_date(*day)))
            }
            [day, ..] => Ok(*day),
        }
    }

    fn amounts(&self, own: &OwnWords) -> Vec<i64> {
        let in_text = |text: &str| -> Vec<i64> {
            let found = self.amount.captures_iter(text).filter_map(|hit| hit.get(1));
            found.filter_map(|digits| digits.as_str().replace(',', "").parse().ok()).collect()
        };
        self.told(own).flat_map(in_text).collect()
    }

    fn above(&self, own: &OwnWords, limit: i64) -> Option<Result<(String, String), String>> {
        let most = self.amounts(own).into_iter().max()?;
        let value = if most > limit { "該当する可能性があります" } else { "該当しません" };
        let sign = if most > limit { '＞' } else { '≦' };
        Some(Ok((value.into(), format!("{most}円 {sign} {limit}円"))))
    }

    fn of_age(&self, own: &OwnWords, today: Date, percent: i64, tax: i64) -> Result<(String, String), String> {
        let year = self.year_of_use(own, today)?;
        let part = (100 - percent * (year - 1)).max(0);
        let basis = format!("利用{year}年目、販売価格相当額の{part}％に消費税{tax}％");
        match self.amounts(own).as_slice() {
            [price] if *price > 0 && *price <= DEAREST => {
                let net = price * part / 100;
                Ok((format!("{}円", net + net * tax / 100), format!("{price}円、{basis}")))
            }
            [] => Ok((format!("利用申込成立時の販売価格相当額の{part}％と消費税相当額"), basis)),
            _ => Err(format!("価格がはっきりしません（{basis}）。登録の価格をご確認ください")),
        }
    }

    /// The year of use, from 1, by the month in which it began.
    fn year_of_use(&self, own: &OwnWords, today: Date) -> Result<i64, String> {
        let begun = own.texts().find_map(|text| {
            let hit = self.month.captures(text)?;
            let (year, month) = (hit.get(1)?.as_str(), hit.get(2)?.as_str().parse::<i8>().ok()?);
            let year = match year.strip_prefix("令和") {
                Some(year) => 2018 + year.parse::<i16>().ok()?,
                None => year.parse().ok()?,
            };
            Some((year, month))
        });
        let (year, month) = begun.ok_or("ご利用開始の年月がメールから読み取れません。登録をご確認ください")?;
        let wrong = || format!("ご利用開始の年月（{year}年{month}月）が正しくないようです。登録をご確認ください");
        let first = Date::new(year, month, 1).ok().filter(|day| year >= FIRST_YEAR && *day <= today);
        let first = first.ok_or_else(wrong)?;
        let months = (i64::from(today.year()) - i64::from(first.year())) * 12 + i64::from(today.month())
            - i64::from(first.month());
        Ok(months / 12 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::inquiry::{Inquiry, Section, SectionKind};

    const TODAY: Date = Date::constant(2026, 11, 24);

    fn compute(count: Count, from: &str, body: &str) -> Option<Computed> {
        let from = if from.is_empty() { Vec::new() } else { vec![Term::Literal(from.into())] };
        let figure =
            Figure {
                clauses: Vec::new(), article: "第1条".into(), title: "題".into(), count, when: Vec::new(), from
            };
        let sections = vec![Section { kind: SectionKind::Body, start: 0, end: body.len() }];
        let inquiry = Inquiry { text: body.into(), sections, ..Inquiry::default() };
        FigureBook::compile(figure).compute(&OwnWords::of(&inquiry), TODAY)
    }

    fn check(count: Count, from: &str, body: &str, expected: Result<&str, &str>) {
        let found = compute(count, from, body).unwrap();
        match (&found.value, expected) {
            (Some(value), Ok(expected)) => assert_eq!(value, expected, "{body}"),
            (None, Err(expected)) => assert!(found.basis.contains(expected), "{body}: {}", found.basis),
            _ => panic!("{body}: {found:?}"),
        }
    }

    #[test]
    fn days_count_from_the_mail_or_from_the_day_that_it_names() {
        check(Count::MonthEnd(1), "", "解約します。", Ok("12月31日(木)"));
        check(Count::MonthEnd(2), "", "解約します。", Ok("1月31日(日)"));
        check(Count::Days(30), "請求書", "11月5日に請求書が届きました。", Ok("12月5日(土)"));
        check(Count::Days(30), "請求書", "昨日届いた請求書の金額が違います。", Ok("12月23日(水)"));
        check(Count::Days(30), "請求書", "請求書の金額が違います。", Err("読み取れません"));
        check(Count::Days(30), "請求書", "2026年12月5日に請求書が届きました。", Err("先の日付"));
        check(Count::Days(30), "請求書", "11月5日の請求書と11月10日の請求書が届きました。", Err("複数"));
    }

    #[test]
    fn what_is_lost_costs_less_from_the_second_year_on() {
        let count = Count::LessByAge { percent: 20, tax: 10 };
        for (body, expected) in [
            ("2026年1月に買った30,000円の端末を紛失しました。", "33000円"),
            ("2025年12月に買った30,000円の端末を紛失しました。", "33000円"),
            ("2025年11月に買った30,000円の端末を紛失しました。", "26400円"),
            ("2024年11月に買った30,000円の端末を紛失しました。", "19800円"),
            ("令和3年11月に買った30,000円の端末を紛失しました。", "0円"),
            ("2015年4月に買った30,000円の端末を紛失しました。", "0円"),
            ("2025年1月から使っている端末を紛失しました。", "利用申込成立時の販売価格相当額の80％と消費税相当額"),
            // 20,001 × 80 % is 16,000.8: parts of a yen are cut off, of the price and of the tax.
            ("2025年1月に買った20,001円の端末を紛失しました。", "17600円"),
        ] {
            check(count, "", body, Ok(expected));
        }
        check(count, "", "端末を紛失しました。", Err("読み取れません"));
        check(count, "", "2027年4月に買った端末です。", Err("正しくない"));
        check(count, "", "2024年13月に買った端末です。", Err("正しくない"));
        check(count, "", "2024年4月に30,000円と50,000円で買いました。", Err("価格"));
    }

    #[test]
    fn a_limit_is_exceeded_above_it() {
        let count = Count::Above(50_000);
        check(count, "", "毎月50,000円ほどです。", Ok("該当しません"));
        check(count, "", "毎月50,001円ほどです。", Ok("該当する可能性があります"));
        assert_eq!(compute(count, "", "保証金について教えてください。"), None);
    }
}
