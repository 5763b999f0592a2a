//! Ids from patterns: literals, classes such as `[a-z0-9]`, and counts such as `{20}`.

/// An id that matches the pattern, chosen by a number: equal numbers give equal ids.
///
/// Parts of the pattern that are not understood are taken literally.
pub fn mint(pattern: &str, seed: u64) -> String {
    let mut source = Source(seed);
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let (alphabet, after) = match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
            Some((class, after)) => (Some(class_letters(class)), after),
            None => (None, &rest[letter.len_utf8()..]),
        };
        let (count, after) = count(after);
        for _ in 0..count {
            let drawn = source.next() as usize;
            match &alphabet {
                Some(alphabet) => text.extend(alphabet.get(drawn % alphabet.len().max(1))),
                None => text.push(letter),
            }
        }
        rest = after;
    }
    text
}

fn count(rest: &str) -> (usize, &str) {
    let inner = rest.strip_prefix('{').and_then(|inner| inner.split_once('}'));
    match inner.and_then(|(count, after)| Some((count.parse().ok()?, after))) {
        Some(found) => found,
        None => (1, rest),
    }
}

fn class_letters(class: &str) -> Vec<char> {
    let letters: Vec<char> = class.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        if at + 2 < letters.len() && letters[at + 1] == '-' {
            found.extend(letters[at]..=letters[at + 2]);
            at += 3;
        } else {
            found.push(letters[at]);
            at += 1;
        }
    }
    found
}

/// SplitMix64: well spread, and the same everywhere.
struct Source(u64);

impl Source {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) >> 11
    }
}

#[cfg(test)]
mod tests {
    use super::{Source, class_letters, mint};

    #[test]
    fn ids_match_their_pattern() {
        for pattern in ["m-bp1[a-z0-9]{17}", "img-[a-z0-9]{8}", "[a-f0-9]{32}", "x-[A-Z]y{3}"] {
            let regex = regex_lite::Regex::new(&format!("^{pattern}$")).expect("a regular expression");
            for seed in 0..50 {
                assert!(regex.is_match(&mint(pattern, seed)), "{pattern}: {}", mint(pattern, seed));
            }
        }
        assert_eq!(mint("m-[a-z]{4}", 7), mint("m-[a-z]{4}", 7));
    }

    #[test]
    fn classes_have_ranges_and_letters() {
        for (class, letters) in [("a-d", "abcd"), ("a-c0-2_", "abc012_"), ("xyz", "xyz"), ("a-", "a-"), ("-a", "-a")] {
            assert_eq!(class_letters(class).into_iter().collect::<String>(), letters, "{class}");
        }
    }

    /// The first numbers of SplitMix64 as its author prints them, without the lowest bits.
    #[test]
    fn numbers_are_the_same_everywhere() {
        let mut source = Source(1_234_567);
        for number in [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423] {
            assert_eq!(source.next(), number >> 11);
        }
    }
}
