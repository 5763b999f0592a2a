//! The `Authorization` header that two vendors spell alike:
//! `ALGORITHM Credential=…, SignedHeaders=a;b, Signature=…`.

/// Parts of the header, as sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authorization<'a> {
    pub algorithm: &'a str,
    pub credential: &'a str,
    /// Names joined by `;`.
    pub signed_headers: &'a str,
    pub signature: &'a str,
}

/// Reads the header, with or without spaces after the commas; none when a part is absent, doubled or unknown.
pub fn read(header: &str) -> Option<Authorization<'_>> {
    let (algorithm, rest) = header.trim().split_once(' ')?;
    let (mut credential, mut signed_headers, mut signature) = (None, None, None);
    for part in rest.split(',') {
        let (name, value) = part.trim().split_once('=')?;
        let slot = match name {
            "Credential" => &mut credential,
            "SignedHeaders" => &mut signed_headers,
            "Signature" => &mut signature,
            _ => return None,
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    Some(Authorization { algorithm, credential: credential?, signed_headers: signed_headers?, signature: signature? })
}

impl<'a> Authorization<'a> {
    /// Names of the signed headers.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.signed_headers.split(';')
    }

    /// Whether a header is signed; names are compared without case.
    pub fn signs(&self, header: &str) -> bool {
        self.names().any(|name| name.eq_ignore_ascii_case(header))
    }
}
