//! `ACS3-HMAC-SHA256`: common parameters and signature in headers.
//!
//! Source: "Request syntax and signature method V3" of Alibaba Cloud. Which headers are signed differs between the
//! vendor's SDKs, so a verifier follows the list that a request brings.

use secrecy::ExposeSecret;

use super::hash::{self, Algorithm};
use super::{Scheme, alibaba, authorization, place, time};
use crate::wire::protocol::alibaba_rpc::{refusals, travels_in_headers};
use crate::wire::{Credential, Draft, HttpRequest, KeyRing, Placement, Refusal, Stamp, form, target};

/// The scheme `acs3-hmac-sha256`.
pub struct Acs3HmacSha256;

const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// Headers that a signature has to cover; a list without them would let an action or a time be exchanged.
const ALWAYS_SIGNED: &[&str] =
    &["host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"];

impl Scheme for Acs3HmacSha256 {
    fn name(&self) -> &'static str {
        "acs3-hmac-sha256"
    }

    fn protocol(&self) -> &'static str {
        "alibaba-rpc"
    }

    fn placements(&self) -> &'static [Placement] {
        &[Placement::Get, Placement::PostQuery, Placement::PostForm]
    }

    fn sign(&self, draft: Draft, credential: &Credential, stamp: &Stamp) -> HttpRequest {
        let mut request = place::place(draft.transport.placement, &draft.parameters, draft.json);
        let mut add = |name: &str, value: &str| {
            request.headers.push((name.to_owned(), value.to_owned()));
        };
        add("host", &draft.transport.host);
        add("x-acs-action", &draft.action);
        add("x-acs-version", &draft.version);
        add("x-acs-date", &time::write_second(stamp.seconds));
        add("x-acs-signature-nonce", &stamp.nonce);
        if let Some(token) = &credential.token {
            add("x-acs-accesskey-id", &credential.id);
            add("x-acs-security-token", token.expose_secret());
        }
        let payload_hash = hash::sha256_hex(&request.body);
        request.headers.push(("x-acs-content-sha256".to_owned(), payload_hash.clone()));
        let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        let signed_headers = names.join(";");
        let canonical = canonical_request(&request, &signed_headers, &payload_hash);
        let signature = signature(credential.secret.expose_secret(), &string_to_sign(&canonical));
        let header =
            format!("{ALGORITHM} Credential={},SignedHeaders={signed_headers},Signature={signature}", credential.id);
        request.headers.push(("Authorization".to_owned(), header));
        request.headers.push(("accept".to_owned(), "application/json".to_owned()));
        request
    }

    fn unsigned(&self, signed: HttpRequest) -> HttpRequest {
        place::without_header(signed, "Authorization")
    }

    fn recognises(&self, request: &HttpRequest) -> bool {
        travels_in_headers(request)
    }

    fn verify(&self, request: &HttpRequest, keys: &dyn KeyRing, now_seconds: i64) -> Result<String, Refusal> {
        let part = |header: &str| request.header(header).filter(|value| !value.is_empty());
        // The error list names parameters, not headers: without `Authorization` the first of them is the key's id.
        let header = part("authorization").ok_or_else(|| refusals::missing("AccessKeyId"))?;
        let parts = authorization::read(header).ok_or_else(refusals::incomplete_signature)?;
        if parts.algorithm != ALGORITHM {
            return Err(refusals::invalid_signature_method());
        }
        if parts.credential.is_empty() {
            return Err(refusals::missing("AccessKeyId"));
        }
        if parts.signature.is_empty() {
            return Err(refusals::missing("Signature"));
        }
        let nonce = part("x-acs-signature-nonce").ok_or_else(|| refusals::missing("SignatureNonce"))?;
        let date = part("x-acs-date").ok_or_else(|| refusals::missing("Timestamp"))?;
        let token = part("x-acs-security-token");
        if part("x-acs-content-sha256").is_none()
            || !ALWAYS_SIGNED.iter().all(|name| parts.signs(name))
            || (token.is_some() && !parts.signs("x-acs-security-token"))
        {
            return Err(refusals::incomplete_signature());
        }
        alibaba::check_time(date, now_seconds)?;
        let credential = alibaba::find_key(keys, parts.credential)?;
        let payload_hash = hash::sha256_hex(&request.body);
        let canonical = canonical_request(request, parts.signed_headers, &payload_hash);
        let text = string_to_sign(&canonical);
        let matches = hash::from_hex(parts.signature).is_some_and(|tag| {
            let key = credential.secret.expose_secret().as_bytes();
            hash::hmac_matches(Algorithm::Sha256, key, text.as_bytes(), &tag)
        });
        // The body is signed twice, by its hash and by the header that repeats the hash.
        if !matches || part("x-acs-content-sha256") != Some(payload_hash.as_str()) {
            return Err(refusals::header_signature_mismatch(&text, &canonical));
        }
        alibaba::check_token(&credential, token)?;
        alibaba::check_nonce(keys, parts.credential, nonce)?;
        Ok(parts.credential.to_owned())
    }
}

/// Method, path, sorted query, signed headers and payload hash, one to a line.
pub fn canonical_request(request: &HttpRequest, signed_headers: &str, payload_hash: &str) -> String {
    let query = form::read(request.query.as_bytes());
    let query = form::write_sorted(query.iter().map(|(name, value)| (&**name, &**value)));
    let lowered = signed_headers.to_ascii_lowercase();
    let mut names: Vec<_> = lowered.split(';').collect();
    names.sort_unstable();
    let headers: String = names.iter().map(|name| format!("{name}:{}\n", header_values(request, name))).collect();
    format!("{}\n{}\n{query}\n{headers}\n{signed_headers}\n{payload_hash}", request.method, target::path(&request.path),)
}

/// Values of all headers of a name, trimmed, sorted and joined by commas.
fn header_values(request: &HttpRequest, name: &str) -> String {
    let mut values: Vec<_> = request
        .headers
        .iter()
        .filter(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
        .collect();
    values.sort_unstable();
    values.join(",")
}

/// What is signed: the algorithm and the digest of the canonical request.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", hash::sha256_hex(canonical_request.as_bytes()))
}

/// Lower-case hex; the secret itself is the key.
pub fn signature(secret: &str, string_to_sign: &str) -> String {
    hash::hex(&hash::hmac(Algorithm::Sha256, secret.as_bytes(), string_to_sign.as_bytes()))
}
