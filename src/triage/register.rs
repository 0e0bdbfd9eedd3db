//! Customers and partners, packed for look-up: who has an address, a domain, a contract number?
//!
//! All text lies in one string, and each kind of key is one sorted list of places in it, so a register of a million
//! addresses takes about 120 bytes for each of them with all that is known of their owners (`tests/register.rs` measures
//! it), and a look-up is one binary search.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

use icu_normalizer::ComposingNormalizerBorrowed;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::auth::domain::{canonical, compared, registrable};
use super::look_alike;

mod pack;

/// First and last day, both included; none: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Period {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl Period {
    pub fn holds(&self, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day) && self.until.is_none_or(|until| day <= until)
    }

    pub fn overlaps(&self, other: &Period) -> bool {
        let begins_in_time = |one: &Period, other: &Period| match (one.from, other.until) {
            (Some(from), Some(until)) => from <= until,
            _ => true,
        };
        begins_in_time(self, other) && begins_in_time(other, self)
    }
}

/// A company that sells the service (terms 1-6) and serves its own customers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    pub id: String,
    pub name: String,
    /// Public contact (mail, telephone, web page), as the customer should see it.
    pub contact: String,
    /// When the partner can be reached, as the customer should see it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<String>,
    /// The contract for inquiries by telephone (terms 3-2), if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_support: Option<PhoneSupport>,
    /// Where inquiries may be passed on to (terms 13-2), if the desk does that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_to: Option<String>,
    /// Addresses and domains of the partner's own staff, lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
}

/// A contract by which a partner's customers may telephone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneSupport {
    #[serde(default)]
    pub valid: Period,
    /// What it covers, for staff; the customer is told to ask the partner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<String>,
}

/// A customer as files and store give it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub id: String,
    pub name: String,
    /// Further names: brands, former names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_names: Vec<String>,
    /// As written on the contract; compared by [`contract_key`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Partner id; none for a direct customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner: Option<String>,
    /// Ids of the desks that serve it; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub desks: Vec<String>,
    #[serde(default)]
    pub valid: Period,
    /// Monthly basic fee in whole yen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_fee: Option<u32>,
}

/// What a register is told of a customer, wherever its texts lie: see [`Customer`].
pub trait Given {
    fn id(&self) -> &str;
    /// The usual name first.
    fn names(&self) -> impl Iterator<Item = &str>;
    fn contracts(&self) -> impl Iterator<Item = &str>;
    fn addresses(&self) -> impl Iterator<Item = &str>;
    fn domains(&self) -> impl Iterator<Item = &str>;
    fn partner(&self) -> Option<&str>;
    fn desks(&self) -> impl Iterator<Item = &str>;
    fn valid(&self) -> Period;
    fn monthly_fee(&self) -> Option<u32>;
}

impl Given for Customer {
    fn id(&self) -> &str {
        &self.id
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [&self.name].into_iter().chain(&self.other_names).map(String::as_str)
    }

    fn contracts(&self) -> impl Iterator<Item = &str> {
        self.contracts.iter().map(String::as_str)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.addresses.iter().map(String::as_str)
    }

    fn domains(&self) -> impl Iterator<Item = &str> {
        self.domains.iter().map(String::as_str)
    }

    fn partner(&self) -> Option<&str> {
        self.partner.as_deref()
    }

    fn desks(&self) -> impl Iterator<Item = &str> {
        self.desks.iter().map(String::as_str)
    }

    fn valid(&self) -> Period {
        self.valid
    }

    fn monthly_fee(&self) -> Option<u32> {
        self.monthly_fee
    }
}

/// A place in [`Register::text`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Span {
    start: u32,
    len: u32,
}

/// A key and who has it: the number of a customer or of a partner. The hash comes first in the order, so that a search
/// jumps to the text only at its end.
#[derive(Debug, Clone, Copy)]
struct Claim {
    hash: u32,
    key: Span,
    owner: u32,
}

#[derive(Debug, Clone)]
struct Row {
    id: Span,
    /// One a line, the usual one first.
    names: Span,
    /// Number of the partner.
    partner: Option<u16>,
    /// Number of the list of desks.
    desks: u16,
    monthly_fee: Option<u32>,
    valid: Period,
}

/// Customers and partners, indexed for look-up.
#[derive(Debug, Clone, Default)]
pub struct Register {
    text: String,
    /// By id.
    partners: Vec<Partner>,
    /// By id.
    customers: Vec<Row>,
    desk_lists: Vec<Vec<String>>,
    contracts: Vec<Claim>,
    addresses: Vec<Claim>,
    domains: Vec<Claim>,
    staff_addresses: Vec<Claim>,
    staff_domains: Vec<Claim>,
    /// What domains look like, with their place: see [`look_alike`].
    shapes: Vec<(u64, Span)>,
}

/// What two customers of a register may have in common; what is false surely no two have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shared {
    pub ids: bool,
    pub contracts: bool,
    pub addresses: bool,
    pub domains: bool,
}

impl Shared {
    /// Before anything is known.
    pub const MAYBE: Shared = Shared { ids: true, contracts: true, addresses: true, domains: true };
}

/// The register cannot be held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the register has more than 4 GB of text, 65535 partners or 65535 combinations of desks")]
pub struct TooLarge;

/// What a register knows of one customer.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    register: &'a Register,
    row: &'a Row,
}

impl<'a> Known<'a> {
    pub fn id(&self) -> &'a str {
        self.register.at(self.row.id)
    }

    /// The usual name first.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.register.at(self.row.names).lines()
    }

    /// None for a direct customer.
    pub fn partner(&self) -> Option<&'a Partner> {
        self.register.partners.get(usize::from(self.row.partner?))
    }

    pub fn valid(&self) -> Period {
        self.row.valid
    }

    /// Monthly basic fee in whole yen.
    pub fn monthly_fee(&self) -> Option<u32> {
        self.row.monthly_fee
    }

    /// Is it served at this desk?
    pub fn is_served_at(&self, desk: &str) -> bool {
        let desks = self.desks();
        desks.is_empty() || desks.iter().any(|id| id == desk)
    }

    /// Empty: all.
    pub fn desks(&self) -> &'a [String] {
        self.register.desk_lists.get(usize::from(self.row.desks)).map_or(&[], Vec::as_slice)
    }
}

impl Register {
    /// Packs what files or store gave; of customers with one id, and of unknown partners, the caller has judged.
    ///
    /// # Errors
    /// More than can be held.
    pub fn new<C: Given>(partners: Vec<Partner>, customers: impl IntoIterator<Item = C>) -> Result<Register, TooLarge> {
        pack::all(partners, customers)
    }

    pub fn partners(&self) -> &[Partner] {
        &self.partners
    }

    pub fn partner(&self, id: &str) -> Option<&Partner> {
        let found = self.partners.binary_search_by(|partner| partner.id.as_str().cmp(id)).ok()?;
        self.partners.get(found)
    }

    /// How many customers there are.
    pub fn len(&self) -> usize {
        self.customers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.customers.is_empty() && self.partners.is_empty()
    }

    pub fn customer(&self, id: &str) -> Option<Known<'_>> {
        let found = self.customers.binary_search_by(|row| self.at(row.id).cmp(id)).ok()?;
        self.known(u32::try_from(found).ok()?)
    }

    /// Who has this contract number, however it is written?
    pub fn by_contract(&self, number: &str) -> Vec<Known<'_>> {
        self.owners(&self.contracts, &contract_key(number)).collect()
    }

    /// Who has this address, with or without its tag (`taro+x@…`)?
    pub fn by_address(&self, address: &str) -> Vec<Known<'_>> {
        let found = |key: &str| self.owners(&self.addresses, key).collect::<Vec<_>>();
        let Some((whole, bare)) = address_keys(address) else { return Vec::new() };
        let exact = found(&whole);
        if exact.is_empty() { found(&bare) } else { exact }
    }

    /// Who has this domain, or else the nearest one above it that is listed, and which one that is?
    pub fn by_domain(&self, domain: &str) -> Vec<(Known<'_>, &str)> {
        let found = above(domain).find_map(|domain| {
            let claims = self.claims(&self.domains, domain);
            (!claims.is_empty()).then_some(claims)
        });
        let found = found.unwrap_or_default().iter();
        found.filter_map(|claim| Some((self.known(claim.owner)?, self.at(claim.key)))).collect()
    }

    /// Whose staff has this address?
    pub fn staff(&self, address: &str) -> Vec<&Partner> {
        let Some((whole, bare)) = address_keys(address) else { return Vec::new() };
        let domain = whole.rsplit_once('@').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
        let keys = [&*whole, &*bare].into_iter().map(|key| self.claims(&self.staff_addresses, key));
        let domains = above(&domain).map(|domain| self.claims(&self.staff_domains, domain));
        let found = keys.chain(domains).find(|claims| !claims.is_empty()).unwrap_or_default();
        found.iter().filter_map(|claim| self.partners.get(claim.owner as usize)).collect()
    }

    /// The domain of the register that this one could be taken for, if there is one.
    pub fn looks_like(&self, domain: &str) -> Option<&str> {
        let domain = canonical(domain)?;
        let organisation = registrable(&domain).filter(|organisation| *organisation != domain);
        [Some(domain.as_str()), organisation].into_iter().flatten().find_map(|domain| {
            let mut known = look_alike::slips(domain).into_iter().flat_map(|shape| self.of_shape(shape));
            known.find(|known| *known != domain)
        })
    }

    fn of_shape(&self, shape: u64) -> impl Iterator<Item = &str> {
        let from = self.shapes.partition_point(|(known, _)| *known < shape);
        let same = self.shapes[from..].iter().take_while(move |(known, _)| *known == shape);
        same.map(|(_, span)| self.at(*span))
    }

    /// What entries may have in common.
    pub fn shared(&self) -> Shared {
        let same = |one: &Claim, other: &Claim| one.hash == other.hash && self.at(one.key) == self.at(other.key);
        let twice = |index: &[Claim]| index.windows(2).any(|pair| same(&pair[0], &pair[1]));
        Shared {
            ids: self.customers.windows(2).any(|pair| self.at(pair[0].id) == self.at(pair[1].id)),
            contracts: twice(&self.contracts),
            addresses: twice(&self.addresses),
            domains: twice(&self.domains),
        }
    }

    /// What look-ups take of memory, in bytes.
    pub fn bytes(&self) -> usize {
        let claims = [&self.contracts, &self.addresses, &self.domains, &self.staff_addresses, &self.staff_domains];
        self.text.capacity()
            + self.customers.capacity() * size_of::<Row>()
            + claims.iter().map(|claims| claims.capacity() * size_of::<Claim>()).sum::<usize>()
            + self.shapes.capacity() * size_of::<(u64, Span)>()
    }

    fn at(&self, span: Span) -> &str {
        at(&self.text, span)
    }

    fn known(&self, owner: u32) -> Option<Known<'_>> {
        Some(Known { register: self, row: self.customers.get(owner as usize)? })
    }

    fn owners<'a>(&'a self, index: &'a [Claim], key: &str) -> impl Iterator<Item = Known<'a>> {
        self.claims(index, key).iter().filter_map(|claim| self.known(claim.owner))
    }

    fn claims<'a>(&self, index: &'a [Claim], key: &str) -> &'a [Claim] {
        let hash = hash_of(key);
        let from = index.partition_point(|claim| (claim.hash, self.key(claim, hash)) < (hash, key));
        let same = index[from..].iter().take_while(|claim| claim.hash == hash && self.at(claim.key) == key).count();
        &index[from..from + same]
    }

    /// The key's text, where the hash does not decide already.
    fn key(&self, claim: &Claim, hash: u32) -> &str {
        if claim.hash == hash { self.at(claim.key) } else { "" }
    }
}

fn at(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.start as usize + span.len as usize).unwrap_or_default()
}

fn hash_of(key: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish() as u32
}

/// An address as it is compared: lower case, its domain in A-labels.
fn address_key(address: &str) -> Option<Cow<'_, str>> {
    let address = address.trim();
    let (local, domain) = address.rsplit_once('@')?;
    let domain = compared(domain)?;
    if matches!(domain, Cow::Borrowed(_)) && local.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
        return Some(Cow::Borrowed(address));
    }
    Some(Cow::Owned(local.to_lowercase() + "@" + &domain))
}

/// The same whole, and without its tag.
fn address_keys(address: &str) -> Option<(Cow<'_, str>, String)> {
    let whole = address_key(address)?;
    let (local, domain) = whole.rsplit_once('@')?;
    let bare = format!("{}@{domain}", local.split('+').next().unwrap_or(local));
    Some((whole, bare))
}

/// A contract number as it is compared: letters and digits of ASCII, upper case, narrow; "" if it has none.
pub fn contract_key(number: &str) -> Cow<'_, str> {
    if number.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) {
        return Cow::Borrowed(number);
    }
    let narrow = match number.is_ascii() {
        true => Cow::Borrowed(number),
        false => ComposingNormalizerBorrowed::new_nfkc().normalize(number),
    };
    let mut key = Vec::with_capacity(narrow.len());
    key.extend(narrow.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_uppercase()));
    Cow::Owned(String::from_utf8(key).unwrap_or_default())
}

/// The domain and those above it, down to the registrable one: `a.b.example.co.jp`, `b.example.co.jp`,
/// `example.co.jp`.
fn above(domain: &str) -> impl Iterator<Item = &str> {
    let top = registrable(domain).unwrap_or(domain).len();
    let all = std::iter::successors(Some(domain), |domain| Some(domain.split_once('.')?.1));
    all.take_while(move |domain| domain.len() >= top)
}

#[cfg(test)]
mod tests;
