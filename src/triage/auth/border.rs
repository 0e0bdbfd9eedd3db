//! Which fields did our own border write? Mail is written downwards in time: whatever stands further down was there
//! before the mail reached us, so anybody may have written it, whatever id it claims.

use super::field::{self, FieldError, MethodResult};
use crate::triage::context::{AuthProfile, Border};
use crate::triage::inquiry::Header;

/// What Google calls itself, in `Received` and in `Authentication-Results`.
const GOOGLE: &str = "mx.google.com";
/// The servers by which Microsoft 365 takes mail in from outside: `TY2PEPF0000AB12.mail.protection.outlook.com`.
const MICROSOFT: &str = ".mail.protection.outlook.com";

/// What our border says of the sender.
pub struct Statement<'a> {
    /// Whose words they are.
    pub by: String,
    pub findings: Vec<Finding>,
    /// The header from the border's `Received` line on: as the mail came in.
    pub arrived: &'a [Header],
}

/// One result of a believed field.
pub struct Finding {
    /// Which `Authentication-Results` of the mail, counted from 1 at the top.
    pub position: usize,
    pub result: MethodResult,
}

/// Reads the border's own fields. One that cannot be read may hide a failure, so it spoils all of them.
///
/// # Errors
/// Why nothing is believed, for people.
pub fn statement<'a>(headers: &'a [Header], border: &Border) -> Result<Statement<'a>, String> {
    let by = match border.profile {
        AuthProfile::Standard => border.authserv.clone().ok_or("no authserv-id is trusted")?,
        AuthProfile::Microsoft365 => "Microsoft 365".to_string(),
        AuthProfile::Google => GOOGLE.to_string(),
    };
    let (believed, arrived) = cut(headers, border)?;
    let is_field = |header: &&Header| is(header, "Authentication-Results");
    let raw = |header: &'a Header| header.raw.as_str();
    let ours = |(_, raw): &(usize, &str)| field::authserv(raw).is_some_and(|id| id.eq_ignore_ascii_case(&by));
    let fields = believed.iter().filter(is_field).map(raw).enumerate().filter(ours);
    let findings = match border.profile {
        AuthProfile::Standard => findings(fields, field::parse),
        // It writes one field, right below its line; what follows may come from outside.
        AuthProfile::Google => findings(fields.take(1), field::parse),
        // Without a name, only the field on top is surely its own, with what stands close below.
        AuthProfile::Microsoft365 => {
            let top = believed.iter().skip_while(|header| !is_field(header)).take_while(is_field);
            findings(top.map(raw).enumerate(), field::parse_nameless)
        }
    };
    match findings {
        Ok(Some(findings)) => Ok(Statement { by, findings, arrived }),
        Ok(None) => Err(format!("no Authentication-Results by {by}")),
        Err(error) => Err(format!("Authentication-Results by {by}: {error}")),
    }
}

/// All results of the numbered fields; none if there is no field.
fn findings<'a>(
    fields: impl Iterator<Item = (usize, &'a str)>,
    parse: fn(&str) -> Result<Vec<MethodResult>, FieldError>,
) -> Result<Option<Vec<Finding>>, FieldError> {
    let mut findings = None;
    for (index, raw) in fields {
        let results = parse(raw)?.into_iter().map(|result| Finding { position: index + 1, result });
        findings.get_or_insert_with(Vec::new).extend(results);
    }
    Ok(findings)
}

/// The believed part of a header and the part that came with the mail, or why nothing is believed.
type Cut<'a> = Result<(&'a [Header], &'a [Header]), String>;

/// The part of the header that is believed, and the part that came with the mail (they may overlap).
fn cut<'a>(headers: &'a [Header], border: &Border) -> Cut<'a> {
    let line = |host: &str| received(headers, |by| by.eq_ignore_ascii_case(host));
    let missing = |host: &str| format!("no Received line by {host}");
    match (border.profile, &border.received_by) {
        (AuthProfile::Standard, Some(host)) => above(headers, line(host).ok_or_else(|| missing(host))?),
        // Milters under Postfix put their field just below its own line.
        (AuthProfile::Standard, None) => down_to_next(headers, received(headers, |_| true).unwrap_or(headers.len())),
        (AuthProfile::Microsoft365, _) => {
            let is_border = |by: &str| by.to_ascii_lowercase().ends_with(MICROSOFT);
            above(headers, received(headers, is_border).ok_or_else(|| missing(&format!("*{MICROSOFT}")))?)
        }
        // Google writes its findings below the line by which it took the mail, and inner lines above.
        (AuthProfile::Google, _) => down_to_next(headers, line(GOOGLE).ok_or_else(|| missing(GOOGLE))?),
    }
}

fn above(headers: &[Header], line: usize) -> Cut<'_> {
    Ok(headers.split_at(line))
}

fn down_to_next(headers: &[Header], line: usize) -> Cut<'_> {
    let (above, arrived) = headers.split_at(line);
    let until_next = arrived.iter().skip(1).take_while(|header| !is(header, "Received")).count();
    let end = (above.len() + 1 + until_next).min(headers.len());
    Ok((&headers[..end], arrived))
}

/// The topmost `Received` line written by such a host: a forged one can only stand further down.
///
/// What a sender says in its greeting stands in the line too, so that brackets and quotes prove nothing: any `by`
/// counts. A line too many makes the believed part smaller, never larger.
fn received(headers: &[Header], is_host: impl Fn(&str) -> bool) -> Option<usize> {
    headers.iter().position(|header| {
        let words =
            || header.raw.split(|c: char| c.is_whitespace() || "()[]<>,;\"".contains(c)).filter(|w| !w.is_empty());
        let mut pairs = words().zip(words().skip(1));
        is(header, "Received") && (pairs.any(|(word, host)| word.eq_ignore_ascii_case("by") && is_host(host)))
    })
}

pub fn is(header: &Header, name: &str) -> bool {
    header.name.eq_ignore_ascii_case(name)
}
