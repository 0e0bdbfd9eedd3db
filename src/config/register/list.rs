//! The customers of all files, packed: their texts lie in one string, so that none of a hundred thousand has memory of its
//! own.

use super::Origin;
use crate::triage::register::{Customer, Given, Period};

/// What a customer has texts of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Id,
    Name,
    /// None for a direct customer.
    Partner,
    OtherNames,
    Contracts,
    Addresses,
    Domains,
    Desks,
}

/// Those that further rows of a customer add to.
pub const ADDED: [Field; 4] = [Field::OtherNames, Field::Contracts, Field::Addresses, Field::Domains];

pub const FIELDS: [Field; 8] = [
    Field::Id,
    Field::Name,
    Field::Partner,
    Field::OtherNames,
    Field::Contracts,
    Field::Addresses,
    Field::Domains,
    Field::Desks,
];

/// Customers, in the order of the files.
#[derive(Debug, Default)]
pub struct Customers {
    texts: Texts,
    rows: Vec<Row>,
}

/// Texts, of each the field it belongs to.
#[derive(Debug, Default)]
struct Texts {
    text: String,
    /// Where each text ends; the next one begins there.
    ends: Vec<u32>,
    fields: Vec<Field>,
    /// There was more than 4 GB.
    too_large: bool,
}

#[derive(Debug, Clone)]
struct Row {
    /// Number of its first text, and how many it has.
    first: usize,
    count: u32,
    monthly_fee: Option<u32>,
    valid: Period,
    origin: Origin,
}

/// A customer of the list.
#[derive(Debug, Clone, Copy)]
pub struct Listed<'a> {
    texts: &'a Texts,
    row: &'a Row,
}

/// A customer that is being written: it counts when it is done.
pub struct Draft<'a> {
    list: &'a mut Customers,
    row: Row,
}

impl Texts {
    fn push(&mut self, field: Field, text: &str) {
        let Ok(end) = u32::try_from(self.text.len() + text.len()) else {
            self.too_large = true;
            return;
        };
        self.text.push_str(text);
        self.ends.push(end);
        self.fields.push(field);
    }

    fn end(&self, n: usize) -> usize {
        self.ends.get(n).map_or(0, |end| *end as usize)
    }

    fn get(&self, n: usize) -> &str {
        let start = n.checked_sub(1).map_or(0, |before| self.end(before));
        self.text.get(start..self.end(n)).unwrap_or_default()
    }

    fn truncate(&mut self, count: usize) {
        self.ends.truncate(count);
        self.fields.truncate(count);
        self.text.truncate(count.checked_sub(1).map_or(0, |last| self.end(last)));
    }

    fn append(&mut self, other: Texts) {
        self.too_large |= other.too_large || u32::try_from(self.text.len() + other.text.len()).is_err();
        let before = u32::try_from(self.text.len()).ok().filter(|_| !self.too_large);
        let Some(before) = before else { return };
        self.ends.extend(other.ends.iter().map(|end| end + before));
        self.fields.extend(other.fields);
        self.text += &other.text;
    }
}

impl Customers {
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Listed<'_>> {
        self.rows.iter().map(|row| Listed { texts: &self.texts, row })
    }

    /// Begins a customer; what one that was never done has left goes.
    pub fn draft(&mut self, origin: Origin) -> Draft<'_> {
        self.texts.truncate(self.end());
        let row = Row { first: self.end(), count: 0, monthly_fee: None, valid: Period::default(), origin };
        Draft { list: self, row }
    }

    /// How many texts the customers have.
    fn end(&self) -> usize {
        self.rows.last().map_or(0, |row| row.first + row.count as usize)
    }

    /// Adds the customers of another list behind those of this one.
    pub fn append(&mut self, mut other: Customers) {
        let first = self.end();
        self.texts.truncate(first);
        other.texts.truncate(other.end());
        self.texts.append(other.texts);
        self.rows.extend(other.rows.into_iter().map(|row| Row { first: row.first + first, ..row }));
    }

    /// Empties the list; that there was more than it holds is not forgotten.
    pub fn take(&mut self) -> Customers {
        let texts = Texts { too_large: self.texts.too_large, ..Texts::default() };
        std::mem::replace(self, Customers { texts, ..Customers::default() })
    }

    /// There is more text than can be held.
    pub fn is_too_large(&self) -> bool {
        self.texts.too_large
    }

    /// Surely each id once from number `from` on, as in most long lists: they are in order.
    pub fn ids_rise(&self, from: usize) -> bool {
        let ids = || self.iter().skip(from).map(|customer| (customer.id().len(), customer.id()));
        ids().zip(ids().skip(1)).all(|(one, next)| one < next)
    }

    pub fn push(&mut self, customer: &Customer, origin: Origin) {
        let Customer { id, name, other_names, contracts, addresses, domains, partner, desks, valid, monthly_fee } =
            customer;
        let mut draft = self.draft(origin);
        draft.put(Field::Id, id);
        draft.put(Field::Name, name);
        draft.put_all(Field::Partner, partner);
        draft.put_all(Field::OtherNames, other_names);
        draft.put_all(Field::Contracts, contracts);
        draft.put_all(Field::Addresses, addresses);
        draft.put_all(Field::Domains, domains);
        draft.put_all(Field::Desks, desks);
        draft.done(*valid, *monthly_fee);
    }
}

impl Draft<'_> {
    pub fn put(&mut self, field: Field, text: &str) {
        self.list.texts.push(field, text);
        self.row.count += 1;
    }

    pub fn put_all<T: AsRef<str>>(&mut self, field: Field, texts: impl IntoIterator<Item = T>) {
        texts.into_iter().for_each(|text| self.put(field, text.as_ref()));
    }

    pub fn done(self, valid: Period, monthly_fee: Option<u32>) {
        self.list.rows.push(Row { valid, monthly_fee, ..self.row });
    }
}

impl<'a> Listed<'a> {
    pub fn origin(self) -> &'a Origin {
        &self.row.origin
    }

    pub fn all(self, field: Field) -> impl Iterator<Item = &'a str> + Clone {
        let numbers = self.row.first..self.row.first + self.row.count as usize;
        numbers.filter(move |n| self.texts.fields.get(*n) == Some(&field)).map(move |n| self.texts.get(n))
    }

    /// The first text of a field; "" if there is none.
    fn first(self, field: Field) -> &'a str {
        self.all(field).next().unwrap_or_default()
    }

    pub fn id(self) -> &'a str {
        self.first(Field::Id)
    }

    pub fn partner(self) -> Option<&'a str> {
        self.all(Field::Partner).next()
    }

    pub fn valid(self) -> Period {
        self.row.valid
    }

    pub fn monthly_fee(self) -> Option<u32> {
        self.row.monthly_fee
    }

    pub fn same(self, other: Listed<'_>, field: Field) -> bool {
        self.all(field).eq(other.all(field))
    }

    /// Is it the same row?
    pub fn is(self, other: Listed<'_>) -> bool {
        std::ptr::eq(self.row, other.row)
    }

    pub fn to_customer(self) -> Customer {
        let all = |field| self.all(field).map(str::to_owned).collect();
        Customer {
            id: self.id().to_owned(),
            name: self.first(Field::Name).to_owned(),
            other_names: all(Field::OtherNames),
            contracts: all(Field::Contracts),
            addresses: all(Field::Addresses),
            domains: all(Field::Domains),
            partner: self.partner().map(str::to_owned),
            desks: all(Field::Desks),
            valid: self.valid(),
            monthly_fee: self.monthly_fee(),
        }
    }
}

impl Given for Listed<'_> {
    fn id(&self) -> &str {
        Listed::id(*self)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.all(Field::Name).chain(self.all(Field::OtherNames))
    }

    fn contracts(&self) -> impl Iterator<Item = &str> {
        self.all(Field::Contracts)
    }

    fn addresses(&self) -> impl Iterator<Item = &str> {
        self.all(Field::Addresses)
    }

    fn domains(&self) -> impl Iterator<Item = &str> {
        self.all(Field::Domains)
    }

    fn partner(&self) -> Option<&str> {
        Listed::partner(*self)
    }

    fn desks(&self) -> impl Iterator<Item = &str> {
        self.all(Field::Desks)
    }

    fn valid(&self) -> Period {
        Listed::valid(*self)
    }

    fn monthly_fee(&self) -> Option<u32> {
        Listed::monthly_fee(*self)
    }
}
