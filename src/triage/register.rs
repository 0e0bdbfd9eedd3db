//! Customers and partners, packed for look-up: who has an address, a domain, a contract number?
//!
//! All text lies in one string, and each kind of key is one sorted list of places in it, so a register of a million
//! addresses takes about 120 bytes for each of them with all that is known of their owners (`tests/register.rs` measures
//! it), and a look-up is one binary search.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use icu_normalizer::ComposingNormalizerBorrowed;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::auth::domain::{canonical, compared, registrable};
use super::look_alike;

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
    pub fn new(
        mut partners: Vec<Partner>,
        customers: impl IntoIterator<Item = Customer>,
    ) -> Result<Register, TooLarge> {
        partners.sort_by(|one, other| one.id.cmp(&other.id));
        let mut packer = Packer { register: Register { partners, ..Register::default() }, desks: BTreeMap::new() };
        let customers = customers.into_iter();
        packer.register.customers.reserve(customers.size_hint().0);
        for customer in customers {
            packer.customer(&customer)?;
        }
        packer.staff()?;
        Ok(packer.register.sorted())
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
        let keys = [whole.as_str(), bare.as_str()].into_iter().map(|key| self.claims(&self.staff_addresses, key));
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

    /// What look-ups take of memory, in bytes.
    pub fn bytes(&self) -> usize {
        let claims = [&self.contracts, &self.addresses, &self.domains, &self.staff_addresses, &self.staff_domains];
        self.text.capacity()
            + self.customers.capacity() * size_of::<Row>()
            + claims.iter().map(|claims| claims.capacity() * size_of::<Claim>()).sum::<usize>()
            + self.shapes.capacity() * size_of::<(u64, Span)>()
    }

    fn at(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.start as usize + span.len as usize).unwrap_or_default()
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

    fn sorted(mut self) -> Register {
        // The first bytes of an id mostly decide, without a look into the text.
        let numbered = (0..u32::MAX).zip(&self.customers).map(|(n, row)| (first_bytes(self.at(row.id)), n));
        let mut order: Vec<(u64, u32)> = numbered.collect();
        let id = |n: u32| self.at(self.customers[n as usize].id);
        order.sort_unstable_by(|(head, one), (other_head, other)| {
            head.cmp(other_head).then_with(|| id(*one).cmp(id(*other))).then(one.cmp(other))
        });
        let order: Vec<u32> = order.into_iter().map(|(_, n)| n).collect();
        let mut place = vec![0; order.len()];
        for (new, old) in (0..).zip(&order) {
            place[*old as usize] = new;
        }
        self.customers = order.iter().map(|old| self.customers[*old as usize].clone()).collect();
        for index in [&mut self.contracts, &mut self.addresses, &mut self.domains] {
            index.iter_mut().for_each(|claim| claim.owner = place[claim.owner as usize]);
        }
        let text = std::mem::take(&mut self.text);
        let lists = [
            &mut self.contracts,
            &mut self.addresses,
            &mut self.domains,
            &mut self.staff_addresses,
            &mut self.staff_domains,
        ];
        for index in lists {
            index.sort_unstable_by(|one, other| by_key(&text, one, other));
            index.dedup_by(|one, other| by_key(&text, one, other).is_eq());
            index.shrink_to_fit();
        }
        self.text = text;
        self.text.shrink_to_fit();
        self.shapes.sort_unstable_by_key(|(shape, span)| (*shape, span.start));
        self.shapes.shrink_to_fit();
        self
    }
}

fn by_key(text: &str, one: &Claim, other: &Claim) -> Ordering {
    let key = |claim: &Claim| {
        text.as_bytes().get(claim.key.start as usize..claim.key.start as usize + claim.key.len as usize)
    };
    one.hash.cmp(&other.hash).then_with(|| key(one).cmp(&key(other))).then(one.owner.cmp(&other.owner))
}

/// Numbers in the order of what texts begin with.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0; 8];
    bytes.iter_mut().zip(text.bytes()).for_each(|(place, byte)| *place = byte);
    u64::from_be_bytes(bytes)
}

fn hash_of(key: &str) -> u32 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key.as_bytes());
    hasher.finish() as u32
}

/// Fills a register.
struct Packer {
    register: Register,
    desks: BTreeMap<Vec<String>, u16>,
}

impl Packer {
    fn customer(&mut self, customer: &Customer) -> Result<(), TooLarge> {
        let owner = u32::try_from(self.register.customers.len()).map_err(|_| TooLarge)?;
        let desks = self.desks(&customer.desks)?;
        let partner = customer.partner.as_deref().map(|id| self.partner(id)).transpose()?;
        let id = self.keep(&customer.id)?;
        let mut names = self.keep(&customer.name)?;
        for name in &customer.other_names {
            names.len += self.keep("\n")?.len + self.keep(name)?.len;
        }
        let Customer { valid, monthly_fee, .. } = *customer;
        self.register.customers.push(Row { id, names, partner, desks, monthly_fee, valid });
        for number in customer.contracts.iter().map(|number| contract_key(number)).filter(|key| !key.is_empty()) {
            let claim = self.claim(&number, owner)?;
            self.register.contracts.push(claim);
        }
        for key in customer.addresses.iter().filter_map(|address| address_key(address)) {
            let claim = self.claim(&key, owner)?;
            self.register.addresses.push(claim);
        }
        for domain in customer.domains.iter().filter_map(|domain| compared(domain)) {
            let claim = self.claim(&domain, owner)?;
            self.register.domains.push(claim);
            self.register.shapes.push((look_alike::shape(&domain), claim.key));
        }
        Ok(())
    }

    fn staff(&mut self) -> Result<(), TooLarge> {
        let partners = self.register.partners.clone();
        for (owner, partner) in (0..).zip(&partners) {
            for key in partner.addresses.iter().filter_map(|address| address_key(address)) {
                let claim = self.claim(&key, owner)?;
                self.register.staff_addresses.push(claim);
            }
            for domain in partner.domains.iter().filter_map(|domain| canonical(domain)) {
                let claim = self.claim(&domain, owner)?;
                self.register.staff_domains.push(claim);
                self.register.shapes.push((look_alike::shape(&domain), claim.key));
            }
        }
        Ok(())
    }

    fn claim(&mut self, key: &str, owner: u32) -> Result<Claim, TooLarge> {
        Ok(Claim { hash: hash_of(key), key: self.keep(key)?, owner })
    }

    fn keep(&mut self, text: &str) -> Result<Span, TooLarge> {
        let start = u32::try_from(self.register.text.len()).map_err(|_| TooLarge)?;
        self.register.text.push_str(text);
        let end = u32::try_from(self.register.text.len()).map_err(|_| TooLarge)?;
        Ok(Span { start, len: end - start })
    }

    fn partner(&self, id: &str) -> Result<u16, TooLarge> {
        let known = &self.register.partners;
        let at = known.binary_search_by(|partner| partner.id.as_str().cmp(id)).unwrap_or(known.len());
        u16::try_from(at).map_err(|_| TooLarge)
    }

    fn desks(&mut self, desks: &[String]) -> Result<u16, TooLarge> {
        if let Some(number) = self.desks.get(desks) {
            return Ok(*number);
        }
        let number = u16::try_from(self.register.desk_lists.len()).map_err(|_| TooLarge)?;
        self.register.desk_lists.push(desks.to_vec());
        self.desks.insert(desks.to_vec(), number);
        Ok(number)
    }
}

/// An address as it is compared: lower case, its domain in A-labels.
fn address_key(address: &str) -> Option<String> {
    let (local, domain) = address.trim().rsplit_once('@')?;
    let domain = compared(domain)?;
    let mut key = String::with_capacity(local.len() + 1 + domain.len());
    if local.is_ascii() {
        key.push_str(local);
        key.make_ascii_lowercase();
    } else {
        key = local.to_lowercase();
    }
    key.push('@');
    key.push_str(&domain);
    Some(key)
}

/// The same whole, and without its tag.
fn address_keys(address: &str) -> Option<(String, String)> {
    let whole = address_key(address)?;
    let (local, domain) = whole.rsplit_once('@')?;
    let bare = format!("{}@{domain}", local.split('+').next().unwrap_or(local));
    Some((whole, bare))
}

/// A contract number as it is compared: letters and digits of ASCII, upper case, narrow; "" if it has none.
pub fn contract_key(number: &str) -> String {
    let narrow = match number.is_ascii() {
        true => Cow::Borrowed(number),
        false => ComposingNormalizerBorrowed::new_nfkc().normalize(number),
    };
    let mut key = String::with_capacity(narrow.len());
    key.extend(narrow.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| char::from(byte.to_ascii_uppercase())));
    key
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
