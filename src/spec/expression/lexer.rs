//! Text of a condition → tokens with places.

use std::ops::Range;

#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    Name(String),
    Text(String),
    Integer(i64),
    /// One of `( ) , . : == != < <= > >=`.
    Mark(&'static str),
    End,
}

/// A problem in the text of a condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    pub range: Range<usize>,
    pub message: String,
    pub help: String,
}

const MARKS: &[&str] = &["==", "!=", "<=", ">=", "<", ">", "(", ")", ",", ".", ":"];

pub fn tokens(text: &str) -> Result<Vec<(Token, Range<usize>)>, Mistake> {
    let mut list = Vec::new();
    let mut at = 0;
    while let Some(letter) = text[at..].chars().next() {
        let rest = &text[at..];
        let length = if letter.is_whitespace() {
            at += letter.len_utf8();
            continue;
        } else if letter.is_ascii_alphabetic() || letter == '_' {
            let length = rest
                .find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '-'))
                .unwrap_or(rest.len());
            list.push((Token::Name(rest[..length].into()), at..at + length));
            length
        } else if letter.is_ascii_digit() {
            let length = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let number = rest[..length].parse().map_err(|_| Mistake {
                range: at..at + length,
                message: "number out of range".into(),
                help: "write a smaller number".into(),
            })?;
            list.push((Token::Integer(number), at..at + length));
            length
        } else if letter == '\'' {
            let Some(end) = rest[1..].find('\'') else {
                return Err(Mistake {
                    range: at..text.len(),
                    message: "text without an end".into(),
                    help: "close it with '".into(),
                });
            };
            list.push((Token::Text(rest[1..=end].into()), at..at + end + 2));
            end + 2
        } else if let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) {
            list.push((Token::Mark(mark), at..at + mark.len()));
            mark.len()
        } else {
            return Err(Mistake {
                range: at..at + letter.len_utf8(),
                message: format!("unexpected `{letter}`"),
                help: "conditions use and, or, not, is, in, ==, !=, <, >, names, numbers and 'texts'".into(),
            });
        };
        at += length;
    }
    list.push((Token::End, text.len()..text.len()));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::tokens;

    #[test]
    fn places_are_those_of_the_text() {
        let text = "  image.status  == 'a b' and count(Ids)>=10 or x-y_1 in (1,'')";
        let places: Vec<&str> = tokens(text).expect("it is sound").into_iter().map(|(_, range)| &text[range]).collect();
        assert_eq!(places.join("|"), "image|.|status|==|'a b'|and|count|(|Ids|)|>=|10|or|x-y_1|in|(|1|,|''|)|");
        for (text, place) in [("a ? b", "?"), ("1 99999999999999999999", "99999999999999999999"), ("a 'b", "'b")] {
            let mistake = tokens(text).expect_err("it is not");
            assert_eq!(&text[mistake.range], place);
        }
    }
}
