//! Which of several codes wins: pairs that were seen, put together to an order where they make one.

use std::collections::{BTreeMap, BTreeSet};

/// Times that one code won over another, by winner and loser.
pub type Wins<'a> = BTreeMap<(&'a str, &'a str), u64>;

/// What was seen, as `A before B before C` with the number of times that it was.
///
/// Codes that were compared with one another, if only by way of others, are one order when each was compared with the next
/// one in line and nothing contradicts; otherwise their pairs stand alone.
pub fn orders(wins: &Wins<'_>) -> Vec<(String, u64)> {
    let mut found = Vec::new();
    for group in groups(wins) {
        let within = || wins.iter().filter(|((winner, _), _)| group.contains(winner));
        match line(&group, wins) {
            Some(line) => found.push((line.join(" before "), within().map(|(_, times)| times).sum())),
            None => found.extend(within().map(|((winner, loser), times)| (format!("{winner} before {loser}"), *times))),
        }
    }
    found
}

/// Codes that are connected.
fn groups<'a>(wins: &Wins<'a>) -> Vec<BTreeSet<&'a str>> {
    let mut groups: Vec<BTreeSet<&str>> = Vec::new();
    for (winner, loser) in wins.keys() {
        let pair = BTreeSet::from([*winner, *loser]);
        let (touched, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(|group| !group.is_disjoint(&pair));
        groups = apart;
        groups.push(touched.into_iter().flatten().chain(pair).collect());
    }
    groups.sort();
    groups
}

/// The only order that agrees with all comparisons, if there is one.
fn line<'a>(group: &BTreeSet<&'a str>, wins: &Wins<'a>) -> Option<Vec<&'a str>> {
    let mut left = group.clone();
    let mut line = Vec::new();
    while !left.is_empty() {
        let loses = |code: &str| wins.keys().any(|(winner, loser)| *loser == code && left.contains(winner));
        let mut unbeaten = left.iter().filter(|code| !loses(code));
        let (Some(first), None) = (unbeaten.next().copied(), unbeaten.next()) else { return None };
        line.push(first);
        left.remove(first);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::{Wins, orders};

    #[test]
    fn pairs_make_an_order_where_they_do() {
        let check = |pairs: &[(&str, &str)], expected: &[&str]| {
            let wins: Wins<'_> = pairs.iter().map(|pair| (*pair, 1)).collect();
            let told: Vec<String> = orders(&wins).into_iter().map(|(text, _)| text).collect();
            assert_eq!(told, expected, "{pairs:?}");
        };
        check(&[], &[]);
        check(&[("A", "B")], &["A before B"]);
        check(&[("B", "C"), ("A", "B")], &["A before B before C"]);
        check(&[("A", "C"), ("B", "C"), ("A", "B")], &["A before B before C"]);
        // Who of A and B comes first was not seen.
        check(&[("A", "C"), ("B", "C")], &["A before C", "B before C"]);
        check(&[("A", "B"), ("C", "D")], &["A before B", "C before D"]);
        check(&[("A", "B"), ("B", "A")], &["A before B", "B before A"]);
        check(&[("A", "B"), ("B", "C"), ("C", "A")], &["A before B", "B before C", "C before A"]);
    }
}
