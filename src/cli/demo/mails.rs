//! The demo's sample mails: `mails.toml` says who writes what and when, this file writes it as real mailers do.
//!
//! The same day always gives the same bytes.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::rfc2822;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;

use super::mime::{self, Charset, Encoding, Unmappable};

/// One mail of the demo.
#[derive(Debug, Clone)]
pub struct SampleMail {
    /// Short, unique, ASCII: fit for a file name.
    pub name: String,
    /// When it reaches the desk, Japanese time.
    pub arrives: DateTime,
    /// As the desk's own server stores it, trace fields on top.
    pub raw: Vec<u8>,
}

/// `mails.toml` is part of the program, so these are mistakes of whoever edited it.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    #[error("demo mails: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("demo mail {name}: {problem}")]
    Text { name: String, problem: Unmappable },
    #[error("demo mail {name}: no date for it: {problem}")]
    Date { name: String, problem: jiff::Error },
}

/// All sample mails of the business day `base` and the day after, in order of arrival.
///
/// `authserv` is the authserv-id (RFC 8601) with which the desk's own server signs its findings.
pub fn sample_mails(base: Date, authserv: &str) -> Result<Vec<SampleMail>, SampleError> {
    let file: File = toml::from_str(include_str!("mails.toml"))?;
    let day = Day { base, authserv, mails: &file.mail };
    let mut mails = file.mail.iter().map(|spec| day.sample(spec)).collect::<Result<Vec<_>, _>>()?;
    mails.sort_by(|a, b| (a.arrives, &a.name).cmp(&(b.arrives, &b.name)));
    Ok(mails)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mail: Vec<Spec>,
}

/// One `[[mail]]` of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    name: String,
    /// Days after the base day.
    #[serde(default)]
    day: i64,
    time: Time,
    from: String,
    #[serde(default)]
    from_name: String,
    /// Envelope sender; `from` where absent, `""` is the null sender of bounces.
    envelope: Option<String>,
    #[serde(default = "desk")]
    to: String,
    authenticated: Authenticated,
    subject: String,
    charset: Charset,
    encoding: Encoding,
    #[serde(default)]
    shape: Shape,
    body: String,
    /// Older text below the new one, as the mailer quotes it.
    #[serde(default)]
    quoted: String,
    attachment: Option<Attachment>,
    /// Second part of a report (RFC 6522).
    report: Option<Report>,
    /// Name of the sample mail that this one answers.
    follows: Option<String>,
    /// Further fields; `{authserv}` stands for the desk's authserv-id, for senders who forge it.
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone, Copy, Default, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    #[default]
    Plain,
    Html,
    Alternative,
    Report,
    /// No MIME header at all: the receiver has to find out.
    Raw,
}

/// What the desk's own server found out about the sender.
#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum Authenticated {
    Dmarc,
    Spf,
    None,
    Fail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attachment {
    name: String,
    kind: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Report {
    /// `delivery-status` or `disposition-notification`
    kind: String,
    text: String,
}

fn desk() -> String {
    "support@desk.example".into()
}

impl Spec {
    fn domain(&self) -> &str {
        self.from.rsplit('@').next().unwrap_or_default()
    }

    fn envelope(&self) -> &str {
        self.envelope.as_deref().unwrap_or(&self.from)
    }

    /// New text and quoted text, as a plain part shows them.
    fn text(&self) -> String {
        if self.quoted.is_empty() { self.body.clone() } else { format!("{}\n{}", self.body, self.quoted) }
    }

    fn html(&self) -> String {
        let quoted = match self.quoted.as_str() {
            "" => String::new(),
            text => format!("<blockquote type=\"cite\">\n{}</blockquote>\n", lines_of_html(text)),
        };
        let meta =
            format!("<meta http-equiv=\"Content-Type\" content=\"text/html; charset={}\">", self.charset.label());
        let body = lines_of_html(&self.body);
        format!("<html>\n<head>{meta}</head>\n<body>\n{body}{quoted}</body>\n</html>\n")
    }

    fn boundary(&self, part: &str) -> String {
        format!("----=_{part}_{}", self.name)
    }

    /// MIME header and body.
    fn content(&self) -> Result<Vec<u8>, Unmappable> {
        let content = self.message()?;
        let Some(attachment) = &self.attachment else { return Ok(content) };
        let parts = [content, self.attached(attachment)?];
        Ok(mime::multipart("multipart/mixed", &self.boundary("mixed"), &parts))
    }

    fn message(&self) -> Result<Vec<u8>, Unmappable> {
        let part = |kind: &str, text: &str| mime::text_part(kind, text, self.charset, self.encoding);
        match self.shape {
            Shape::Plain => part("text/plain", &self.text()),
            Shape::Html => part("text/html", &self.html()),
            Shape::Alternative => {
                let parts = [part("text/plain", &self.text())?, part("text/html", &self.html())?];
                Ok(mime::multipart("multipart/alternative", &self.boundary("alternative"), &parts))
            }
            Shape::Report => {
                let kind = self.report.as_ref().map_or("delivery-status", |report| &report.kind);
                let text = self.report.as_ref().map_or("", |report| &report.text);
                let parts = [part("text/plain", &self.text())?, mime::plain_part(&format!("message/{kind}"), text)];
                let content_type = format!("multipart/report; report-type={kind}");
                Ok(mime::multipart(&content_type, &self.boundary("report"), &parts))
            }
            Shape::Raw => Ok([b"\r\n".to_vec(), self.charset.encode(&self.text().replace('\n', "\r\n"))?].concat()),
        }
    }

    fn attached(&self, attachment: &Attachment) -> Result<Vec<u8>, Unmappable> {
        // Japanese mailers write the name both ways: encoded words for old readers, RFC 2231 for the others.
        let name = self.charset.words(&attachment.name)?;
        let file = mime::parameter("filename", &attachment.name);
        let kind = format!("{};\r\n name=\"{name}\"", attachment.kind);
        let part = mime::text_part(&kind, &attachment.text, self.charset, Encoding::Base64)?;
        Ok([format!("Content-Disposition: attachment;{file}\r\n").into_bytes(), part].concat())
    }
}

fn lines_of_html(text: &str) -> String {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let lines = escaped.lines().map(|line| if line.is_empty() { "<br>" } else { line });
    lines.map(|line| format!("<div>{line}</div>\n")).collect()
}

/// The day the mails are written for.
struct Day<'a> {
    base: Date,
    authserv: &'a str,
    mails: &'a [Spec],
}

impl Day<'_> {
    fn sample(&self, spec: &Spec) -> Result<SampleMail, SampleError> {
        let arrives = self.base.saturating_add(spec.day.days()).to_datetime(spec.time);
        let date = rfc_date(arrives).map_err(|problem| SampleError::Date { name: spec.name.clone(), problem })?;
        let text = |problem| SampleError::Text { name: spec.name.clone(), problem };
        let mut raw = self.trace(spec, &date).into_bytes();
        raw.extend(self.header(spec, &date).map_err(text)?.into_bytes());
        raw.extend(spec.content().map_err(text)?);
        Ok(SampleMail { name: spec.name.clone(), arrives, raw })
    }

    /// What the servers on the way put on top, the desk's own first.
    fn trace(&self, spec: &Spec, date: &str) -> String {
        let (envelope, domain, name) = (spec.envelope(), spec.domain(), &spec.name);
        format!(
            "Return-Path: <{envelope}>\r\n\
             Delivered-To: {to}\r\n\
             Authentication-Results: {authserv};{results}\r\n\
             Received: from mail.{domain} (mail.{domain} [192.0.2.25])\r\n\tby {authserv} with ESMTPS id {name}\r\n\
             \tfor <{to}>; {date}\r\n\
             Received: from [198.51.100.7] (unknown [198.51.100.7])\r\n\tby mail.{domain} with ESMTPSA; {date}\r\n",
            to = spec.to,
            authserv = self.authserv,
            results = results(spec),
        )
    }

    /// What the sender's mailer wrote.
    fn header(&self, spec: &Spec, date: &str) -> Result<String, Unmappable> {
        let mut out = format!("From: {}\r\nTo: {}\r\n", mailbox(spec)?, spec.to);
        out += &format!("Subject: {}\r\nDate: {date}\r\n", spec.charset.words(&spec.subject)?);
        out += &format!("Message-ID: {}\r\n", self.message_id(spec));
        if let Some(parent) = spec.follows.as_ref().and_then(|name| self.mails.iter().find(|m| m.name == *name)) {
            let id = self.message_id(parent);
            out += &format!("In-Reply-To: {id}\r\nReferences: {id}\r\n");
        }
        for (name, value) in &spec.headers {
            let value = value.replace("{authserv}", self.authserv);
            out += &format!("{name}: {}\r\n", spec.charset.words(&value)?);
        }
        if spec.shape != Shape::Raw {
            out += "MIME-Version: 1.0\r\n";
        }
        Ok(out)
    }

    fn message_id(&self, spec: &Spec) -> String {
        let day = self.base.saturating_add(spec.day.days()).strftime("%Y%m%d");
        format!("<{day}.{}@{}>", spec.name, spec.domain())
    }
}

fn mailbox(spec: &Spec) -> Result<String, Unmappable> {
    let name = match spec.from_name.as_str() {
        "" => return Ok(spec.from.clone()),
        name if name.is_ascii() => format!("\"{name}\""),
        name => spec.charset.words(name)?,
    };
    Ok(format!("{name} <{}>", spec.from))
}

/// The findings of an Authentication-Results field (RFC 8601 2.2), each on a line of its own.
fn results(spec: &Spec) -> String {
    let domain = spec.domain();
    let envelope = match spec.envelope() {
        // RFC 7208 2.4: with a null sender SPF judges the host's postmaster.
        "" => format!("postmaster@mail.{domain}"),
        address => address.to_string(),
    };
    let findings = match spec.authenticated {
        Authenticated::Dmarc => vec![
            format!("dkim=pass header.d={domain} header.s=s1"),
            format!("spf=pass smtp.mailfrom={envelope}"),
            format!("dmarc=pass header.from={domain}"),
        ],
        Authenticated::Spf => {
            vec![format!("spf=pass smtp.mailfrom={envelope}"), format!("dmarc=none header.from={domain}")]
        }
        Authenticated::None => {
            vec![format!("spf=none smtp.mailfrom={envelope}"), format!("dmarc=none header.from={domain}")]
        }
        Authenticated::Fail => {
            vec![format!("spf=fail smtp.mailfrom={envelope}"), format!("dmarc=fail header.from={domain}")]
        }
    };
    format!("\r\n\t{}", findings.join(";\r\n\t"))
}

/// RFC 5322 date in Japanese time.
fn rfc_date(at: DateTime) -> Result<String, jiff::Error> {
    let japan = TimeZone::fixed(Offset::constant(9));
    rfc2822::to_string(&at.to_zoned(japan)?)
}

#[cfg(test)]
#[path = "mails_tests.rs"]
mod tests;
