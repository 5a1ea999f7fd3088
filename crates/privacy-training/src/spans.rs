//! How well found spans fit marked ones. Pure: no text, only places and kinds.
//!
//! Places are characters, which here are Unicode code points.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    ops::{AddAssign, Range},
};

use query::EntityKind;

/// A span that the data marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gold {
    /// Its characters.
    pub range: Range<usize>,
    /// None: counted where kinds do not matter, and left out where they do.
    pub kind: Option<EntityKind>,
}

/// A span that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its characters.
    pub range: Range<usize>,
    /// What it was taken for.
    pub kind: EntityKind,
}

/// How many are marked, how many were found, and how many of these are the same. Of spans or of characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Marked.
    pub gold: usize,
    /// Found.
    pub found: usize,
    /// Both.
    pub matched: usize,
}

impl Counts {
    /// The share of what was found that is marked; none if nothing was found.
    pub fn precision(&self) -> Option<f64> {
        share(self.matched, self.found)
    }

    /// The share of what is marked that was found; none if nothing is marked.
    pub fn recall(&self) -> Option<f64> {
        share(self.matched, self.gold)
    }

    /// Both in one: their harmonic mean, in which recall weighs `beta` times as much as precision (van
    /// Rijsbergen 1979). None if nothing is marked and nothing was found.
    pub fn f(&self, beta: f64) -> Option<f64> {
        let weight = beta * beta;
        let whole = weight * self.gold as f64 + self.found as f64;
        (whole > 0.0).then(|| (1.0 + weight) * self.matched as f64 / whole)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.gold += other.gold;
        self.found += other.found;
        self.matched += other.matched;
    }
}

/// A share, if there is anything to have a share of.
pub fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Spans and characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// A span counts as a whole.
    pub spans: Counts,
    /// Each character counts by itself.
    pub characters: Counts,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.spans += other.spans;
        self.characters += other.characters;
    }
}

/// How well one text's spans were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextScore {
    /// Whatever the kinds.
    pub any: Score,
    /// A span counts only if its kind is right, too.
    pub by_kind: BTreeMap<EntityKind, Score>,
    /// What became of each marked span where kinds do not matter.
    pub gold: Vec<Fate>,
    /// The found spans, by index, that match nothing where kinds do not matter.
    pub spurious: Vec<usize>,
}

/// What became of a marked span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A found span matches it.
    Matched,
    /// None does.
    Missed,
    /// It lies in another marked span, which is counted in its place.
    Inside,
}

/// Scores one text of `length` characters; both lists in any order, ranges not empty and inside of the text.
pub fn score(length: usize, gold: &[Gold], found: &[Found]) -> TextScore {
    let gold_ranges: Vec<_> = gold.iter().map(|span| span.range.clone()).collect();
    let found_ranges: Vec<_> = found.iter().map(|span| span.range.clone()).collect();

    let counted = outermost(&gold_ranges);
    let pairs = matching(&pick(&gold_ranges, &counted), &found_ranges);
    let mut fates = vec![Fate::Inside; gold.len()];
    for &index in &counted {
        fates[index] = Fate::Missed;
    }
    for &(of_counted, _) in &pairs {
        fates[counted[of_counted]] = Fate::Matched;
    }
    let matched: BTreeSet<usize> = pairs.iter().map(|&(_, found)| found).collect();
    let any = Score {
        spans: Counts {
            gold: counted.len(),
            found: found.len(),
            matched: pairs.len(),
        },
        characters: overlap(&cover(length, &gold_ranges), &cover(length, &found_ranges)),
    };

    let kinds: BTreeSet<EntityKind> = gold
        .iter()
        .filter_map(|span| span.kind)
        .chain(found.iter().map(|span| span.kind))
        .collect();
    let left_out: Vec<_> = gold
        .iter()
        .filter(|span| span.kind.is_none())
        .map(|span| span.range.clone())
        .collect();
    let by_kind = kinds
        .into_iter()
        .map(|kind| (kind, score_kind(length, kind, gold, found, &left_out)));
    TextScore {
        any,
        by_kind: by_kind.collect(),
        gold: fates,
        spurious: (0..found.len())
            .filter(|index| !matched.contains(index))
            .collect(),
    }
}

/// One kind alone. What was found in place of a span that is left out is neither right nor wrong.
fn score_kind(
    length: usize,
    kind: EntityKind,
    gold: &[Gold],
    found: &[Found],
    left_out: &[Range<usize>],
) -> Score {
    let gold: Vec<_> = gold
        .iter()
        .filter(|span| span.kind == Some(kind))
        .map(|span| span.range.clone())
        .collect();
    let gold = pick(&gold, &outermost(&gold));
    let found: Vec<_> = found
        .iter()
        .filter(|span| span.kind == kind)
        .map(|span| span.range.clone())
        .collect();
    let pairs = matching(&gold, &found);
    let is_matched = |index: usize| pairs.iter().any(|&(_, found)| found == index);
    let is_left_out = |index: &usize| {
        !is_matched(*index)
            && left_out
                .iter()
                .any(|range| Fit::of(range, &found[*index]).is_match())
    };

    let gold_cover = cover(length, &gold);
    let mut found_cover = cover(length, &found);
    for (at, left_out) in cover(length, left_out).into_iter().enumerate() {
        found_cover[at] &= gold_cover[at] || !left_out;
    }
    Score {
        spans: Counts {
            gold: gold.len(),
            found: found.len() - (0..found.len()).filter(is_left_out).count(),
            matched: pairs.len(),
        },
        characters: overlap(&gold_cover, &found_cover),
    }
}

/// The indices of the ranges that lie in no other; of equal ones the first.
fn outermost(ranges: &[Range<usize>]) -> Vec<usize> {
    let lies_in = |inner: usize, outer: usize| {
        let (a, b) = (&ranges[inner], &ranges[outer]);
        b.start <= a.start && a.end <= b.end && (a != b || outer < inner)
    };
    (0..ranges.len())
        .filter(|&inner| !(0..ranges.len()).any(|outer| outer != inner && lies_in(inner, outer)))
        .collect()
}

fn pick(ranges: &[Range<usize>], indices: &[usize]) -> Vec<Range<usize>> {
    indices.iter().map(|&index| ranges[index].clone()).collect()
}

/// Pairs of a marked and a found range, by index: each in one pair at most, the best fit first, then the
/// earlier.
fn matching(gold: &[Range<usize>], found: &[Range<usize>]) -> Vec<(usize, usize)> {
    let mut candidates = Vec::new();
    for (at_gold, gold) in gold.iter().enumerate() {
        for (at_found, found) in found.iter().enumerate() {
            let fit = Fit::of(gold, found);
            if fit.is_match() {
                let place = (gold.start, found.start, found.end);
                candidates.push((fit, place, at_gold, at_found));
            }
        }
    }
    candidates.sort_by(|a, b| b.0.compare(&a.0).then(a.1.cmp(&b.1)));
    let mut taken_gold = vec![false; gold.len()];
    let mut taken_found = vec![false; found.len()];
    let mut pairs = Vec::new();
    for (.., at_gold, at_found) in candidates {
        if !taken_gold[at_gold] && !taken_found[at_found] {
            taken_gold[at_gold] = true;
            taken_found[at_found] = true;
            pairs.push((at_gold, at_found));
        }
    }
    pairs
}

/// Intersection over union of two ranges, exactly.
#[derive(Clone, Copy)]
struct Fit {
    intersection: usize,
    union: usize,
}

impl Fit {
    fn of(a: &Range<usize>, b: &Range<usize>) -> Self {
        let intersection = a.end.min(b.end).saturating_sub(a.start.max(b.start));
        Self {
            intersection,
            union: a.len() + b.len() - intersection,
        }
    }

    /// At least one half.
    fn is_match(self) -> bool {
        self.intersection > 0 && 2 * self.intersection >= self.union
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.intersection * other.union).cmp(&(other.intersection * self.union))
    }
}

/// Which characters are in any of the ranges.
fn cover(length: usize, ranges: &[Range<usize>]) -> Vec<bool> {
    let mut cover = vec![false; length];
    for range in ranges {
        cover[range.clone()].fill(true);
    }
    cover
}

fn overlap(gold: &[bool], found: &[bool]) -> Counts {
    let count = |cover: &[bool]| cover.iter().filter(|&&inside| inside).count();
    Counts {
        gold: count(gold),
        found: count(found),
        matched: gold.iter().zip(found).filter(|(a, b)| **a && **b).count(),
    }
}

#[cfg(test)]
mod tests {
    use EntityKind::{Address, Email, Location, Person};
    use proptest::prelude::*;

    use super::*;

    fn gold(spans: &[(usize, usize, Option<EntityKind>)]) -> Vec<Gold> {
        let gold = |&(start, end, kind): &(usize, usize, _)| Gold {
            range: start..end,
            kind,
        };
        spans.iter().map(gold).collect()
    }

    fn found(spans: &[(usize, usize, EntityKind)]) -> Vec<Found> {
        let found = |&(start, end, kind): &(usize, usize, _)| Found {
            range: start..end,
            kind,
        };
        spans.iter().map(found).collect()
    }

    fn counts(gold: usize, found: usize, matched: usize) -> Counts {
        Counts {
            gold,
            found,
            matched,
        }
    }

    #[test]
    fn figures_of_counts() {
        let counts = counts(4, 3, 2);
        assert_eq!(counts.precision(), Some(2.0 / 3.0));
        assert_eq!(counts.recall(), Some(0.5));
        // 2 · 2/3 · 1/2 / (2/3 + 1/2) = 4/7, and 5 · 2/3 · 1/2 / (4 · 2/3 + 1/2) = 10/19.
        assert!((counts.f(1.0).unwrap() - 4.0 / 7.0).abs() < 1e-12);
        assert!((counts.f(2.0).unwrap() - 10.0 / 19.0).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_said_is_not_said() {
        let none = Counts::default();
        assert_eq!(
            (none.precision(), none.recall(), none.f(2.0)),
            (None, None, None)
        );
        let missed = counts(1, 0, 0);
        assert_eq!(
            (missed.precision(), missed.recall(), missed.f(2.0)),
            (None, Some(0.0), Some(0.0))
        );
        let alarm = counts(0, 1, 0);
        assert_eq!(
            (alarm.precision(), alarm.recall(), alarm.f(2.0)),
            (Some(0.0), None, Some(0.0))
        );
    }

    /// 20 characters, an e-mail address found two characters too long, a name missed, a name found that is none.
    #[test]
    fn a_text_by_hand() {
        let gold = gold(&[(0, 6, Some(Email)), (8, 12, Some(Person))]);
        let found = found(&[(0, 8, Email), (14, 20, Person)]);
        let score = score(20, &gold, &found);
        assert_eq!(
            score.any,
            Score {
                spans: counts(2, 2, 1),
                characters: counts(10, 14, 6),
            }
        );
        let email = Score {
            spans: counts(1, 1, 1),
            characters: counts(6, 8, 6),
        };
        let person = Score {
            spans: counts(1, 1, 0),
            characters: counts(4, 6, 0),
        };
        assert_eq!(
            score.by_kind,
            BTreeMap::from([(Email, email), (Person, person)])
        );
        assert_eq!(score.gold, [Fate::Matched, Fate::Missed]);
        assert_eq!(score.spurious, [1]);
    }

    #[test]
    fn half_of_the_union_is_enough_and_less_is_not() {
        for (range, matched) in [(0..8, 1), (0..9, 0), (2..4, 1), (3..4, 0), (4..8, 0)] {
            let score = score(
                10,
                &gold(&[(0, 4, Some(Email))]),
                &found(&[(range.start, range.end, Email)]),
            );
            assert_eq!(score.any.spans, counts(1, 1, matched), "{range:?}");
        }
    }

    #[test]
    fn a_wrong_kind_is_right_where_kinds_do_not_matter() {
        let score = score(
            9,
            &gold(&[(0, 9, Some(Location))]),
            &found(&[(0, 9, Address)]),
        );
        assert_eq!(score.any.spans, counts(1, 1, 1));
        assert_eq!(score.by_kind[&Location].spans, counts(1, 0, 0));
        assert_eq!(score.by_kind[&Address].spans, counts(0, 1, 0));
    }

    /// 5 of 6 characters together against 4 of 7.
    #[test]
    fn the_best_fit_goes_first_and_nothing_counts_twice() {
        let one = [(2, 7, Person)];
        let two = [(0, 6, Person), (2, 8, Person)];
        let score = score(8, &marked(&two), &found(&one));
        assert_eq!(score.gold, [Fate::Missed, Fate::Matched]);
        let score = super::score(8, &marked(&one), &found(&two));
        assert_eq!(score.gold, [Fate::Matched]);
        assert_eq!(score.spurious, [0]);
    }

    #[test]
    fn a_span_inside_of_another_counts_in_its_own_kind_only() {
        let gold = gold(&[(0, 6, Some(Person)), (1, 5, Some(Email))]);
        let score = score(8, &gold, &found(&[(1, 5, Email)]));
        assert_eq!(score.any.spans, counts(1, 1, 1));
        assert_eq!(score.gold, [Fate::Matched, Fate::Inside]);
        assert_eq!(score.by_kind[&Email].spans, counts(1, 1, 1));
        assert_eq!(score.by_kind[&Person].spans, counts(1, 0, 0));
    }

    #[test]
    fn a_span_marked_twice_counts_once() {
        let gold = gold(&[
            (0, 4, Some(Location)),
            (0, 4, Some(Location)),
            (0, 4, Some(Address)),
        ]);
        let score = score(4, &gold, &found(&[(0, 4, Location)]));
        assert_eq!(score.any.spans, counts(1, 1, 1));
        assert_eq!(score.by_kind[&Location].spans, counts(1, 1, 1));
        assert_eq!(score.by_kind[&Address].spans, counts(1, 0, 0));
        assert_eq!(score.gold, [Fate::Matched, Fate::Inside, Fate::Inside]);
    }

    /// "Dr Ada": the title is left out, so that finding it as part of a name or alone is no mistake of kind.
    #[test]
    fn what_is_left_out_by_kind_counts_otherwise() {
        let gold = gold(&[(0, 2, None), (3, 6, Some(Person))]);
        let score = score(6, &gold, &found(&[(0, 2, Person)]));
        assert_eq!(
            score.any,
            Score {
                spans: counts(2, 1, 1),
                characters: counts(5, 2, 2),
            }
        );
        assert_eq!(
            score.by_kind,
            BTreeMap::from([(
                Person,
                Score {
                    spans: counts(1, 0, 0),
                    characters: counts(3, 0, 0),
                }
            )])
        );
    }

    const LENGTH: usize = 40;

    fn spans() -> impl Strategy<Value = Vec<(usize, usize, EntityKind)>> {
        let kind = prop::sample::select(vec![Email, Person, Location, Address]);
        let span = (0..LENGTH, 1..12_usize, kind)
            .prop_map(|(start, length, kind)| (start, (start + length).min(LENGTH), kind));
        prop::collection::vec(span, 0..8)
    }

    /// As [`spans`], none of which overlap, as `detect` promises.
    fn apart() -> impl Strategy<Value = Vec<(usize, usize, EntityKind)>> {
        spans().prop_map(|mut spans| {
            spans.sort();
            let mut end = 0;
            spans.retain(|span| {
                let free = span.0 >= end;
                end = if free { span.1 } else { end };
                free
            });
            spans
        })
    }

    fn marked(spans: &[(usize, usize, EntityKind)]) -> Vec<Gold> {
        let marked: Vec<_> = spans
            .iter()
            .map(|&(a, b, kind)| (a, b, Some(kind)))
            .collect();
        gold(&marked)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn figures_are_shares(a in spans(), b in spans()) {
            let score = score(LENGTH, &marked(&a), &found(&b));
            let all = score.by_kind.values().chain([&score.any]);
            for counts in all.flat_map(|score| [score.spans, score.characters]) {
                prop_assert!(counts.matched <= counts.gold.min(counts.found));
                for figure in [counts.precision(), counts.recall(), counts.f(1.0), counts.f(2.0)] {
                    prop_assert!(figure.is_none_or(|figure| (0.0..=1.0).contains(&figure)), "{counts:?}");
                }
            }
        }

        #[test]
        fn equal_spans_are_all_right(spans in apart()) {
            let score = score(LENGTH, &marked(&spans), &found(&spans));
            prop_assert_eq!(score.any.spans, counts(spans.len(), spans.len(), spans.len()));
            for score in score.by_kind.values().chain((!spans.is_empty()).then_some(&score.any)) {
                for counts in [score.spans, score.characters] {
                    prop_assert_eq!(
                        [counts.precision(), counts.recall(), counts.f(1.0), counts.f(2.0)],
                        [Some(1.0); 4]
                    );
                }
            }
        }

        /// Nothing depends on the order of either list.
        #[test]
        fn order_does_not_matter(a in spans(), b in spans()) {
            let forth = score(LENGTH, &marked(&a), &found(&b));
            let reversed = |spans: &[(usize, usize, EntityKind)]| spans.iter().rev().copied().collect::<Vec<_>>();
            let back = score(LENGTH, &marked(&reversed(&a)), &found(&reversed(&b)));
            prop_assert_eq!(forth.any, back.any);
            prop_assert_eq!(forth.by_kind, back.by_kind);
        }

        /// Against the definition, character by character.
        #[test]
        fn characters_are_those_of_the_definition(a in spans(), b in spans()) {
            let inside = |spans: &[(usize, usize, EntityKind)], at| spans.iter().any(|span| (span.0..span.1).contains(&at));
            let characters = score(LENGTH, &marked(&a), &found(&b)).any.characters;
            prop_assert_eq!(characters, counts(
                (0..LENGTH).filter(|&at| inside(&a, at)).count(),
                (0..LENGTH).filter(|&at| inside(&b, at)).count(),
                (0..LENGTH).filter(|&at| inside(&a, at) && inside(&b, at)).count(),
            ));
        }
    }
}
