//! Tokens → tree, by precedence: `or` < `and` < `not` < comparisons.

use std::ops::Range;

use super::{
    Comparison,
    lexer::{Mistake, Token, tokens},
};

/// A parsed condition, names not resolved.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub node: Node,
    /// Bytes of the condition's text.
    pub range: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Text(String),
    Integer(i64),
    Boolean(bool),
    /// `image.status`: the parts of a name.
    Path(Vec<(String, Range<usize>)>),
    Call(String, Vec<Tree>),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
    Compare(Comparison, Box<Tree>, Box<Tree>),
    In(Box<Tree>, Vec<Tree>),
    /// `any(task: …)` and `named(image: …)`.
    Quantified {
        all_of_kind: bool,
        name: (String, Range<usize>),
        body: Box<Tree>,
    },
}

pub fn parse(text: &str) -> Result<Tree, Mistake> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let tree = parser.or()?;
    parser.expect_end()?;
    Ok(tree)
}

struct Parser {
    tokens: Vec<(Token, Range<usize>)>,
    at: usize,
}

impl Parser {
    fn or(&mut self) -> Result<Tree, Mistake> {
        let mut left = self.and()?;
        while self.word("or") {
            let right = self.and()?;
            left = join(left, right, Node::Or);
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Tree, Mistake> {
        let mut left = self.not()?;
        while self.word("and") {
            let right = self.not()?;
            left = join(left, right, Node::And);
        }
        Ok(left)
    }

    fn not(&mut self) -> Result<Tree, Mistake> {
        let start = self.range().start;
        if self.word("not") {
            let inner = self.not()?;
            let range = start..inner.range.end;
            return Ok(Tree { node: Node::Not(Box::new(inner)), range });
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Tree, Mistake> {
        let left = self.term()?;
        if self.word("is") {
            let right = self.choice()?;
            return Ok(join(left, right, |left, right| Node::Compare(Comparison::Equal, left, right)));
        }
        if self.word("in") {
            self.mark("(").map_err(|mistake| like(mistake, "image.status in (Available, Creating)"))?;
            let mut list = vec![self.choice()?];
            while self.take(",") {
                list.push(self.choice()?);
            }
            let end = self.mark(")")?;
            let range = left.range.start..end.end;
            return Ok(Tree { node: Node::In(Box::new(left), list), range });
        }
        let comparisons = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::AtMost),
            (">=", Comparison::AtLeast),
            ("<", Comparison::Less),
            (">", Comparison::More),
        ];
        for (mark, comparison) in comparisons {
            if self.take(mark) {
                let right = self.term()?;
                return Ok(join(left, right, |left, right| Node::Compare(comparison, left, right)));
            }
        }
        Ok(left)
    }

    /// After `is` and in a list, a bare word is a text.
    fn choice(&mut self) -> Result<Tree, Mistake> {
        let range = self.range();
        match self.peek().clone() {
            Token::Name(name) if name != "true" && name != "false" => {
                self.at += 1;
                let mut text = name;
                let mut end = range.end;
                // Codes such as `Error.DeleteImage` are single words here.
                while self.take(".") {
                    match self.peek().clone() {
                        Token::Name(part) => {
                            text = format!("{text}.{part}");
                            end = self.range().end;
                            self.at += 1;
                        }
                        _ => return Err(self.mistake("expected a word after the dot")),
                    }
                }
                Ok(Tree { node: Node::Text(text), range: range.start..end })
            }
            _ => self.term(),
        }
    }

    fn term(&mut self) -> Result<Tree, Mistake> {
        let range = self.range();
        let token = self.peek().clone();
        match token {
            Token::Text(text) => {
                self.at += 1;
                Ok(Tree { node: Node::Text(text), range })
            }
            Token::Integer(number) => {
                self.at += 1;
                Ok(Tree { node: Node::Integer(number), range })
            }
            Token::Mark("(") => {
                self.at += 1;
                let inner = self.or()?;
                self.mark(")")?;
                Ok(inner)
            }
            Token::Name(name) => {
                self.at += 1;
                match name.as_str() {
                    "true" | "false" => return Ok(Tree { node: Node::Boolean(name == "true"), range }),
                    "and" | "or" | "is" | "in" => {
                        self.at -= 1;
                        return Err(self.mistake("expected a value"));
                    }
                    _ => {}
                }
                if self.take("(") {
                    return self.call(name, range);
                }
                let mut parts = vec![(name, range.clone())];
                let mut end = range.end;
                while self.take(".") {
                    let range = self.range();
                    match self.peek().clone() {
                        Token::Name(part) => {
                            self.at += 1;
                            end = range.end;
                            parts.push((part, range));
                        }
                        _ => return Err(self.mistake("expected a name after the dot")),
                    }
                }
                Ok(Tree { node: Node::Path(parts), range: range.start..end })
            }
            _ => Err(self.mistake("expected a value")),
        }
    }

    fn call(&mut self, name: String, range: Range<usize>) -> Result<Tree, Mistake> {
        if name == "any" || name == "named" {
            let variable = match (self.peek().clone(), self.range()) {
                (Token::Name(variable), range) => {
                    self.at += 1;
                    (variable, range)
                }
                _ => return Err(like(self.mistake("expected a name and a colon"), QUANTIFIED)),
            };
            self.mark(":").map_err(|mistake| like(mistake, QUANTIFIED))?;
            let body = Box::new(self.or()?);
            let end = self.mark(")")?;
            let node = Node::Quantified { all_of_kind: name == "any", name: variable, body };
            return Ok(Tree { node, range: range.start..end.end });
        }
        let mut arguments = vec![self.or()?];
        while self.take(",") {
            arguments.push(self.or()?);
        }
        let end = self.mark(")")?;
        Ok(Tree { node: Node::Call(name, arguments), range: range.start..end.end })
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn range(&self) -> Range<usize> {
        self.tokens[self.at].1.clone()
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Name(name) if name == word);
        self.at += usize::from(found);
        found
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(found) if *found == mark);
        self.at += usize::from(found);
        found
    }

    fn mark(&mut self, mark: &str) -> Result<Range<usize>, Mistake> {
        let range = self.range();
        if self.take(mark) { Ok(range) } else { Err(self.mistake(&format!("expected `{mark}`"))) }
    }

    fn expect_end(&self) -> Result<(), Mistake> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(self.mistake("expected `and`, `or` or the end")),
        }
    }

    fn mistake(&self, message: &str) -> Mistake {
        let found = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Text(text) => format!("'{text}'"),
            Token::Integer(number) => format!("`{number}`"),
            Token::Mark(mark) => format!("`{mark}`"),
            Token::End => "the end".into(),
        };
        Mistake {
            range: self.range(),
            message: format!("{message}, found {found}"),
            help: "for example: image.shared and not Force".into(),
        }
    }
}

const QUANTIFIED: &str = "any(task: task.image == image)";

/// The mistake with another example.
fn like(mistake: Mistake, example: &str) -> Mistake {
    Mistake { help: format!("for example: {example}"), ..mistake }
}

fn join(left: Tree, right: Tree, node: impl Fn(Box<Tree>, Box<Tree>) -> Node) -> Tree {
    let range = left.range.start..right.range.end;
    Tree { node: node(Box::new(left), Box::new(right)), range }
}
