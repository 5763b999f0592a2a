//! Digests and keyed digests, in the spellings that the schemes need.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Digest under a keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Sha1,
    Sha256,
}

/// SHA-256 as lower-case hex.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

/// HMAC of a message.
pub fn hmac(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::Sha1 => keyed::<Hmac<Sha1>>(key, message).finalize().into_bytes()[..].to_vec(),
        Algorithm::Sha256 => keyed::<Hmac<Sha256>>(key, message).finalize().into_bytes()[..].to_vec(),
    }
}

/// Whether a tag is the HMAC of a message, in time that does not depend on where they differ.
pub fn hmac_matches(algorithm: Algorithm, key: &[u8], message: &[u8], tag: &[u8]) -> bool {
    match algorithm {
        Algorithm::Sha1 => keyed::<Hmac<Sha1>>(key, message).verify_slice(tag).is_ok(),
        Algorithm::Sha256 => keyed::<Hmac<Sha256>>(key, message).verify_slice(tag).is_ok(),
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> M {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

/// Whether two secret texts are equal; their digests are compared, so the time tells nothing about the texts.
pub fn same_secret(left: &str, right: &str) -> bool {
    Sha256::digest(left) == Sha256::digest(right)
}

/// A number below 2^63 drawn from a text.
pub fn number_from(text: &str) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(text)[..8]);
    u64::from_be_bytes(first) >> 1
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let pair = |byte: &u8| [byte >> 4, byte & 0xf].map(|half| char::from(DIGITS[usize::from(half)]));
    bytes.iter().flat_map(pair).collect()
}

/// Bytes of a lower-case hex text. Upper case is refused: no client sends it, and every changed byte of a signature
/// has to count.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes().chunks(2).map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?)).collect()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}
