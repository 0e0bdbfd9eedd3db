//! Fitted terms packed: a pack has tens of thousands, each of a few characters and with a few points.

use super::Column;

/// Fitted terms in the order of their texts, one behind the other in a few long lists.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Terms {
    texts: String,
    /// Where the text of each term ends in `texts`, and where its points end in `columns` and `worths`.
    ends: Vec<(usize, usize)>,
    rarities: Numbers,
    columns: Vec<Column>,
    worths: Numbers,
}

/// A text and what it speaks for or against.
#[derive(Debug, Clone, Copy)]
pub struct Term<'a> {
    /// Folded, see [`super::super::fold`].
    pub text: &'a str,
    /// Natural logarithm of (1 + training mails) / (1 + those with the term), plus 1: what is rare says more.
    pub rarity: f64,
    table: &'a Terms,
    /// Its first point, and the one behind its last.
    points: (usize, usize),
}

impl Term<'_> {
    /// In the order of the columns; what is not there is 0.
    pub fn points(&self) -> impl Iterator<Item = (Column, f64)> {
        let (first, end) = self.points;
        (first..end).map(|at| (self.table.columns[at], self.table.worths.at(at)))
    }
}

impl Terms {
    /// Adds a term. Those that are looked for must stand in the order of their texts: see [`Terms::sort`].
    pub fn push(&mut self, text: &str, rarity: f64, points: &[(Column, f64)]) {
        self.texts.push_str(text);
        self.rarities.push(rarity);
        for (column, worth) in points {
            self.columns.push(*column);
            self.worths.push(*worth);
        }
        self.ends.push((self.texts.len(), self.columns.len()));
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub fn at(&self, index: usize) -> Term<'_> {
        let (text, point) = self.begin(index);
        let (text_end, point_end) = self.ends[index];
        let (text, rarity) = (&self.texts[text..text_end], self.rarities.at(index));
        Term { text, rarity, table: self, points: (point, point_end) }
    }

    pub fn text(&self, index: usize) -> &str {
        &self.texts[self.begin(index).0..self.ends[index].0]
    }

    pub fn iter(&self) -> impl Iterator<Item = Term<'_>> {
        (0..self.len()).map(|index| self.at(index))
    }

    fn begin(&self, index: usize) -> (usize, usize) {
        index.checked_sub(1).map_or((0, 0), |before| self.ends[before])
    }

    /// Brings the terms into the order of their texts, and `beside` with them.
    pub fn sort<T: Clone>(&mut self, beside: &mut Vec<T>) {
        if (1..self.len()).all(|index| self.text(index - 1) <= self.text(index)) {
            return;
        }
        let mut order: Vec<usize> = (0..self.len()).collect();
        order.sort_by(|one, other| self.text(*one).cmp(self.text(*other)));
        let mut sorted = Terms::default();
        for index in &order {
            let term = self.at(*index);
            sorted.push(term.text, term.rarity, &term.points().collect::<Vec<_>>());
        }
        *beside = order.iter().filter_map(|index| beside.get(*index).cloned()).collect();
        *self = sorted;
    }
}

/// Numbers, each in two bytes as long as all have one digit behind the point, as `madoguchi fit` writes them.
#[derive(Debug, Clone, PartialEq)]
enum Numbers {
    Tenths(Vec<i16>),
    Any(Vec<f64>),
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers::Tenths(Vec::new())
    }
}

impl Numbers {
    fn push(&mut self, number: f64) {
        if let Numbers::Tenths(all) = self {
            // Rounded to zero where it does not fit, which is seen below.
            let tenths = (number * 10.0 + 0.5_f64.copysign(number)) as i16;
            if from_tenths(tenths) == number {
                return all.push(tenths);
            }
            *self = Numbers::Any(all.iter().map(|tenths| from_tenths(*tenths)).collect());
        }
        if let Numbers::Any(all) = self {
            all.push(number);
        }
    }

    fn at(&self, index: usize) -> f64 {
        match self {
            Numbers::Tenths(all) => from_tenths(all[index]),
            Numbers::Any(all) => all[index],
        }
    }
}

/// Both are whole: the quotient is the nearest number, as it is when the text is parsed.
fn from_tenths(tenths: i16) -> f64 {
    f64::from(tenths) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text, its rarity and its points.
    type Row<'a> = (&'a str, f64, &'a [(Column, f64)]);
    type Read = (String, f64, Vec<(Column, f64)>);

    fn table(terms: &[Row]) -> Terms {
        let mut table = Terms::default();
        terms.iter().for_each(|(text, rarity, points)| table.push(text, *rarity, points));
        table
    }

    fn read(table: &Terms) -> Vec<Read> {
        table.iter().map(|term| (term.text.to_owned(), term.rarity, term.points().collect())).collect()
    }

    #[test]
    fn what_is_packed_comes_back_to_the_last_digit() {
        let few: &[Row] = &[("端", 2.6, &[(0, -0.3), (7, 12.1)]), ("端末", 8.1, &[]), ("設", 0.1, &[(3, 99.9)])];
        let more = [few, &[("長", 1.234_567, &[(1, 1e9), (2, -3276.9), (3, f64::MIN_POSITIVE)])]].concat();
        for terms in [few, &more] {
            let expected: Vec<_> = terms.iter().map(|(text, r, p)| (text.to_string(), *r, p.to_vec())).collect();
            assert_eq!(read(&table(terms)), expected);
        }
    }

    #[test]
    fn terms_are_sorted_with_what_stands_beside_them() {
        let mut terms = table(&[("b", 1.0, &[(1, 0.5)]), ("a", 2.0, &[]), ("c", 3.0, &[(2, 0.7)])]);
        let mut beside = vec!['b', 'a', 'c'];
        terms.sort(&mut beside);
        assert_eq!(beside, ['a', 'b', 'c']);
        assert_eq!(terms, table(&[("a", 2.0, &[]), ("b", 1.0, &[(1, 0.5)]), ("c", 3.0, &[(2, 0.7)])]));
    }
}
