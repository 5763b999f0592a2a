//! Who sends a call, and how the request proves it.

/// The sender of a call. Conditions, replay files and `[[access]]` use the names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Caller {
    #[default]
    Main,
    /// A credential whose policy denies the documented operations.
    Restricted,
    /// The main key id, with a signature that another secret made.
    Forged,
    /// The main credential, at a time that is long past.
    Stale,
    /// The main credential, with a nonce that an earlier request used up; signature and time are fresh.
    Replayed,
    /// A key id that nobody has.
    Unknown,
    /// Anyone: the request has no signature.
    Unsigned,
}

impl Caller {
    pub const ALL: [(&str, Caller); 7] = [
        ("main", Caller::Main),
        ("restricted", Caller::Restricted),
        ("forged-signature", Caller::Forged),
        ("stale-time", Caller::Stale),
        ("used-nonce", Caller::Replayed),
        ("unknown-key", Caller::Unknown),
        ("no-signature", Caller::Unsigned),
    ];
    /// Names of those that are not [authentic](Caller::is_authentic).
    pub const IMPOSTORS: &[&str] = &["forged-signature", "stale-time", "used-nonce", "unknown-key", "no-signature"];

    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, caller)| *caller == self).map_or("main", |(name, _)| name)
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, caller)| *caller)
    }

    /// The request proves who sends it. Of others nothing is to be looked at: they are refused, whatever they ask.
    pub fn is_authentic(self) -> bool {
        matches!(self, Self::Main | Self::Restricted)
    }

    /// How it sends its calls, in words; nothing to say of the main credential.
    pub fn manner(self) -> Option<&'static str> {
        match self {
            Self::Main => None,
            Self::Restricted => Some("as the restricted user"),
            Self::Forged => Some("signed with a wrong secret"),
            Self::Stale => Some("signed with a time long past"),
            Self::Replayed => Some("signed with a nonce used before"),
            Self::Unknown => Some("signed with a key that nobody has"),
            Self::Unsigned => Some("without a signature"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Caller;

    #[test]
    fn names_are_read_back() {
        for (name, caller) in Caller::ALL {
            assert_eq!((caller.name(), Caller::parse(name)), (name, Some(caller)));
            assert_eq!(Caller::IMPOSTORS.contains(&name), !caller.is_authentic(), "{name}");
        }
        assert_eq!(Caller::parse("nobody"), None);
    }

    #[test]
    fn every_caller_but_the_main_one_has_a_manner_of_its_own() {
        let manners: BTreeSet<_> = Caller::ALL.iter().map(|(_, caller)| caller.manner()).collect();
        assert_eq!(manners.len(), Caller::ALL.len());
        assert_eq!(Caller::Main.manner(), None);
        assert!(manners.iter().flatten().all(|manner| manner.contains(' ')), "{manners:?}");
    }
}
