//! `HmacSHA1` and `HmacSHA256`: common parameters and signature among the parameters.
//!
//! Source: the page "Signature" of Tencent Cloud API 3.0. Values are signed unencoded, and so are the token and the
//! common parameters, unlike with TC3.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::hash::{self, Algorithm};
use super::{Scheme, place, tencent};
use crate::wire::protocol::tencent::{refusals, travels_in_headers};
use crate::wire::{Credential, Draft, HttpRequest, KeyRing, Placement, Refusal, Stamp, form};

/// One of the two parameter schemes.
pub struct TcHmac {
    name: &'static str,
    algorithm: Algorithm,
    /// Value of `SignatureMethod`.
    method: &'static str,
}

/// The scheme `tc-hmac-sha1`.
pub static TC_HMAC_SHA1: TcHmac = TcHmac { name: "tc-hmac-sha1", algorithm: Algorithm::Sha1, method: "HmacSHA1" };

/// The scheme `tc-hmac-sha256`.
pub static TC_HMAC_SHA256: TcHmac =
    TcHmac { name: "tc-hmac-sha256", algorithm: Algorithm::Sha256, method: "HmacSHA256" };

impl Scheme for TcHmac {
    fn name(&self) -> &'static str {
        self.name
    }

    fn protocol(&self) -> &'static str {
        "tencent-api3"
    }

    fn placements(&self) -> &'static [Placement] {
        &[Placement::Get, Placement::PostForm]
    }

    fn sign(&self, draft: Draft, credential: &Credential, stamp: &Stamp) -> HttpRequest {
        let mut parameters = draft.parameters;
        let mut add = |name: &str, value: &str| {
            // Parameters are a map: an argument that borrows a common name gives way.
            parameters.retain(|(taken, _)| taken != name);
            parameters.push((name.to_owned(), value.to_owned()));
        };
        add("Action", &draft.action);
        add("Version", &draft.version);
        if let Some(region) = &draft.region {
            add("Region", region);
        }
        add("SecretId", &credential.id);
        if let Some(token) = &credential.token {
            add("Token", token.expose_secret());
        }
        add("SignatureMethod", self.method);
        add("Timestamp", &stamp.seconds.to_string());
        add("Nonce", &nonce(&stamp.nonce).to_string());
        let method = match draft.transport.placement {
            Placement::Get => "GET",
            Placement::PostQuery | Placement::PostForm | Placement::PostJson => "POST",
        };
        let text = string_to_sign(
            method,
            &draft.transport.host,
            parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())),
        );
        let signature = self.signature(credential.secret.expose_secret(), &text);
        parameters.push(("Signature".to_owned(), signature));
        let mut request = place::place(draft.transport.placement, &parameters, draft.json);
        // Documented for GET too.
        if request.headers.is_empty() {
            request.headers.push(("Content-Type".to_owned(), form::FORM.to_owned()));
        }
        request.headers.insert(0, ("Host".to_owned(), draft.transport.host));
        request
    }

    fn unsigned(&self, signed: HttpRequest) -> HttpRequest {
        place::without_parameter(signed, "Signature")
    }

    /// `SignatureMethod` selects SHA-256 by its exact name; anything else, and nothing, means SHA-1.
    fn recognises(&self, request: &HttpRequest) -> bool {
        if travels_in_headers(request) {
            return false;
        }
        let sha256 = form::merged(request).get("SignatureMethod").is_some_and(|method| method == TC_HMAC_SHA256.method);
        sha256 == (self.algorithm == Algorithm::Sha256)
    }

    /// The nonce has to be a number and is not remembered: no page says that API 3.0 refuses one it has seen, and SDKs
    /// draw from as few as 65,536.
    fn verify(&self, request: &HttpRequest, keys: &dyn KeyRing, now_seconds: i64) -> Result<String, Refusal> {
        let parameters = form::merged(request);
        let part = |name: &str| parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let required = |name: &str| part(name).ok_or_else(|| refusals::missing_parameter(name));
        let timestamp = required("Timestamp")?;
        let nonce = required("Nonce")?;
        let id = required("SecretId")?;
        let sent = required("Signature")?;
        let seconds = tencent::read_time(timestamp)?;
        if nonce.parse::<u64>().is_err() {
            return Err(refusals::wrong_type("Nonce", "integer"));
        }
        let credential = tencent::find_key(keys, id)?;
        tencent::check_window(seconds, now_seconds)?;
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let matches = STANDARD.decode(sent).is_ok_and(|tag| {
            let key = credential.secret.expose_secret().as_bytes();
            signed_texts(request, &pairs)
                .iter()
                .any(|text| hash::hmac_matches(self.algorithm, key, text.as_bytes(), &tag))
        });
        if !matches {
            return Err(refusals::signature_mismatch());
        }
        tencent::check_token(&credential, part("Token"))?;
        Ok(id.to_owned())
    }
}

impl TcHmac {
    /// Base64 of the HMAC.
    pub fn signature(&self, secret: &str, string_to_sign: &str) -> String {
        STANDARD.encode(hash::hmac(self.algorithm, secret.as_bytes(), string_to_sign.as_bytes()))
    }
}

/// What is signed: method, host, path and all parameters but `Signature`, sorted by name and unencoded.
pub fn string_to_sign<'a>(
    method: &str,
    host: &str,
    parameters: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> String {
    let mut signed: Vec<_> = parameters.into_iter().filter(|(name, _)| *name != "Signature").collect();
    signed.sort_by_key(|(name, _)| *name);
    let pairs: Vec<_> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}{host}/?{}", pairs.join("&"))
}

/// Texts that clients of the vendor may have signed for one request: for each host, with empty values or without (an
/// older Go SDK), and with names as sent or with dots for underscores (the Python SDK).
fn signed_texts(request: &HttpRequest, pairs: &[(&str, &str)]) -> Vec<String> {
    let dotted: Vec<_> = pairs.iter().map(|(name, _)| name.replace('_', ".")).collect();
    let renamed: Vec<_> = dotted.iter().zip(pairs).map(|(name, (_, value))| (name.as_str(), *value)).collect();
    let filled = |(_, value): &(&str, &str)| !value.is_empty();
    let variants = [
        pairs.to_vec(),
        pairs.iter().copied().filter(filled).collect(),
        renamed.iter().copied().filter(filled).collect(),
        renamed,
    ];
    let mut texts = Vec::new();
    for host in tencent::signed_hosts(request) {
        for variant in &variants {
            let text = string_to_sign(&request.method, &host, variant.iter().copied());
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    texts
}

/// A nonce that is a number already, or one drawn from the text.
fn nonce(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| hash::number_from(text))
}
