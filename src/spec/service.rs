//! Services and the whole set of specs.

use super::{
    caller::Caller,
    operation::{Code, Operation},
    rate::Rate,
    requirement::{Level, Requirement},
    resource::{Given, ResourceKind},
    source::Span,
};

/// Everything that is specified.
#[derive(Debug, Default)]
pub struct SpecSet {
    pub services: Vec<Service>,
    /// SHA-256 of the files, as hexadecimal digits; empty where there are none.
    pub digest: String,
}

#[derive(Debug, Clone)]
pub struct Service {
    pub name: String,
    pub title: String,
    pub version: String,
    pub protocol: String,
    pub signing: Vec<String>,
    /// Where it says so.
    pub span: Span,
    pub product: String,
    pub endpoint: String,
    pub region: RegionTravel,
    /// How long asynchronous work may take on the real service, in milliseconds.
    pub patience_ms: u64,
    /// Most calls of all operations together.
    pub rate: Option<Rate>,
    /// Most calls of each operation that says nothing else.
    pub rate_each: Option<Rate>,
    /// Header that says for how many milliseconds to hold back.
    pub retry_after: Option<String>,
    pub credentials: Variables,
    /// Files of the vendor's own tools, in the order in which they are looked at.
    pub credential_files: Vec<CredentialFile>,
    pub givens: Vec<Given>,
    pub kinds: Vec<ResourceKind>,
    pub common: Vec<Common>,
    pub access: Vec<Access>,
    pub operations: Vec<Operation>,
}

/// How the region of a call travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionTravel {
    Parameter,
    Header,
    None,
}

/// Environment variables of credentials; the first that is set wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables {
    pub id: Vec<String>,
    pub secret: Vec<String>,
    pub token: Vec<String>,
}

/// A file in which the vendor's own tools keep credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CredentialFile {
    /// `~` is the home folder, `{profile}` the name of the profile.
    pub path: String,
    pub path_variable: Option<String>,
    /// A section for each profile; JSON otherwise.
    pub is_ini: bool,
    /// Field of a JSON file that is the list of profiles; without it, the file is one.
    pub profiles: Option<String>,
    pub name: Option<String>,
    /// Field of a JSON file that says which profile to use.
    pub current: Option<String>,
    pub profile_variable: Option<String>,
    /// Variables that say not to look here.
    pub off: Vec<String>,
    pub mode: Option<String>,
    pub modes: Vec<String>,
    pub id: String,
    pub secret: String,
    pub token: Option<String>,
}

/// A code of the vendor's common list.
#[derive(Debug, Clone)]
pub struct Common {
    pub code: Code,
    /// As written in the spec, to show.
    pub text: String,
    pub status: Option<u16>,
    pub message: String,
    pub means: Means,
    pub source: String,
}

impl Common {
    /// The entry that a code is meant by: the most specific one; `MissingSecurityToken` is not one of `Missing*`.
    pub fn of<'a>(list: &'a [Self], code: &str) -> Option<&'a Self> {
        list.iter().filter(|common| common.code.matches(code)).max_by_key(|common| common.code.specificity())
    }
}

/// Requests that do not prove who sends them, and what each documented operation answers to them.
#[derive(Debug, Clone)]
pub struct Access {
    pub caller: Caller,
    /// The promise, in short.
    pub text: String,
    /// The first is the mock's.
    pub codes: Vec<Code>,
    /// Status on the mock.
    pub status: Option<u16>,
    pub message: String,
    /// Title of the document that promises it.
    pub document: String,
    pub source: String,
    pub level: Level,
    pub span: Span,
}

/// What a common code says, which decides where it is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Means {
    Missing,
    Invalid,
    UnknownRegion,
    Unauthorized,
    Credentials,
    Throttled,
    Unavailable,
    Quota,
    Token,
    DryRun,
}

impl Means {
    const NAMED: [(&str, Self); 10] = [
        ("missing", Self::Missing),
        ("invalid", Self::Invalid),
        ("unknown-region", Self::UnknownRegion),
        ("unauthorized", Self::Unauthorized),
        ("credentials", Self::Credentials),
        ("throttled", Self::Throttled),
        ("unavailable", Self::Unavailable),
        ("quota", Self::Quota),
        ("token", Self::Token),
        ("dry-run", Self::DryRun),
    ];
    /// As specs spell them.
    pub const WORDS: [&str; Self::NAMED.len()] = {
        let mut words = [""; Self::NAMED.len()];
        let mut index = 0;
        while index < words.len() {
            words[index] = Self::NAMED[index].0;
            index += 1;
        }
        words
    };

    /// What a word says; any other is a mere `invalid`.
    pub fn parse(word: &str) -> Self {
        Self::NAMED.iter().find(|(name, _)| *name == word).map_or(Self::Invalid, |(_, means)| *means)
    }
}

/// An operation's place in a [`SpecSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpRef {
    pub service: usize,
    pub operation: usize,
}

impl SpecSet {
    pub fn service(&self, at: OpRef) -> &Service {
        &self.services[at.service]
    }

    pub fn operation(&self, at: OpRef) -> &Operation {
        &self.services[at.service].operations[at.operation]
    }

    /// All operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = (OpRef, &Operation)> {
        self.services.iter().enumerate().flat_map(|(service, found)| {
            found.operations.iter().enumerate().map(move |(operation, found)| (OpRef { service, operation }, found))
        })
    }

    /// The operation with this id.
    pub fn find(&self, id: &str) -> Option<OpRef> {
        self.operations().find(|(_, operation)| operation.id == id).map(|(at, _)| at)
    }

    /// All requirements of documented operations.
    pub fn requirements(&self) -> impl Iterator<Item = (OpRef, usize, &Requirement)> {
        self.operations().flat_map(|(at, operation)| {
            operation.requirements.iter().enumerate().map(move |(index, requirement)| (at, index, requirement))
        })
    }
}

impl Service {
    pub fn kind(&self, name: &str) -> Option<usize> {
        self.kinds.iter().position(|kind| kind.name == name)
    }

    pub fn given(&self, name: &str) -> Option<&Given> {
        self.givens.iter().find(|given| given.name == name)
    }

    /// What a code of the vendor's common lists means.
    pub fn means(&self, code: &str) -> Option<Means> {
        Common::of(&self.common, code).map(|common| common.means)
    }

    /// The promise about callers that are refused with this code.
    pub fn access(&self, code: &str) -> Option<&Access> {
        self.access.iter().find(|access| access.codes.iter().any(|known| known.matches(code)))
    }

    /// It is the code with which the mock refuses such a caller.
    pub fn mock_refuses(&self, caller: Caller, code: &str) -> bool {
        let of_caller = self.access.iter().find(|access| access.caller == caller);
        of_caller.and_then(|access| access.codes.first()).is_some_and(|first| first.matches(code))
    }

    /// Operation of an action in the edition asked for, or the current one.
    pub fn action(&self, name: &str, edition: Option<&str>) -> Option<usize> {
        self.operations.iter().position(|operation| operation.name == name && operation.edition.as_deref() == edition)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Means;
    use crate::model::shop::shop_with;

    #[test]
    fn every_word_for_what_a_code_means_is_one_of_its_own() {
        let means: BTreeSet<Means> = Means::WORDS.iter().map(|word| Means::parse(word)).collect();
        assert_eq!(means.len(), Means::WORDS.len());
        assert_eq!(Means::parse("unknown-region"), Means::UnknownRegion);
        assert_eq!(Means::parse("token"), Means::Token);
        assert_eq!(Means::parse("dry-run"), Means::DryRun);
    }

    /// Entries that name it more closely stand before and after those that only match it.
    #[test]
    fn a_code_is_meant_by_the_entry_that_names_it_most_closely() {
        let common = |code: &str, means: &str| {
            format!("[[common]]\ncode = \"{code}\"\nmessage = \"{code}\"\nmeans = \"{means}\"\nsource = \"Codes\"\n")
        };
        let codes = [("Auth*", "invalid"), ("Auth.Key", "credentials"), ("Auth.*", "missing")];
        let codes = codes.map(|(code, means)| common(code, means)).concat();
        let check = |code: &str, means: Means, message: &str| {
            let access = format!(
                "[[access]]\ncaller = \"unknown-key\"\ntext = \"No.\"\ncodes = [\"{code}\"]\ndocument = \"Codes\"\nsource = \"Codes\"\n"
            );
            let set = shop_with(&(codes.clone() + &access), "");
            assert_eq!(set.services[0].means(code), Some(means), "{code}");
            assert_eq!(set.services[0].access[0].message, message, "{code}");
        };
        check("Auth.Key", Means::Credentials, "Auth.Key");
        check("Auth.Other", Means::Missing, "Auth.*");
        check("Authority", Means::Invalid, "Auth*");
    }
}
