//! `TC3-HMAC-SHA256`: common parameters and signature in headers.
//!
//! Source: the page "Signature v3" of Tencent Cloud API 3.0. The query is signed exactly as sent, and only
//! `content-type` and `host` have to be signed among the headers: token, region, language and action are not covered.

use secrecy::ExposeSecret;

use super::authorization::{self, Authorization};
use super::hash::{self, Algorithm};
use super::{Scheme, place, tencent, time};
use crate::wire::protocol::tencent::{refusals, travels_in_headers};
use crate::wire::{Credential, Draft, HttpRequest, KeyRing, Placement, Refusal, Stamp, form};

/// The scheme `tc3-hmac-sha256`.
pub struct Tc3HmacSha256;

const ALGORITHM: &str = "TC3-HMAC-SHA256";
const TERMINATOR: &str = "tc3_request";
const ALWAYS_SIGNED: &[&str] = &["content-type", "host"];
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// Domains of the vendor, where the first label of a host is the product.
const VENDOR_DOMAINS: &[&str] = &[".tencentcloudapi.com", ".tencentcloudapi.cn", ".tencentcloudapi.com.cn"];

/// What a key is bound to: `id/date/service/tc3_request`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    pub id: &'a str,
    /// UTC date of the time stamp.
    pub date: &'a str,
    /// Product name.
    pub service: &'a str,
}

/// Reads the credential of an `Authorization` header.
///
/// A verifier that knows its product compares [`Scope::service`] with it; [`Scheme::verify`] cannot.
pub fn scope<'a>(authorization: &Authorization<'a>) -> Option<Scope<'a>> {
    let mut parts = authorization.credential.split('/');
    let scope = Scope { id: parts.next()?, date: parts.next()?, service: parts.next()? };
    let complete = parts.next() == Some(TERMINATOR) && parts.next().is_none();
    let filled = !scope.id.is_empty() && !scope.service.is_empty();
    (complete && filled).then_some(scope)
}

impl Scheme for Tc3HmacSha256 {
    fn name(&self) -> &'static str {
        "tc3-hmac-sha256"
    }

    fn protocol(&self) -> &'static str {
        "tencent-api3"
    }

    fn placements(&self) -> &'static [Placement] {
        &[Placement::Get, Placement::PostJson]
    }

    fn sign(&self, draft: Draft, credential: &Credential, stamp: &Stamp) -> HttpRequest {
        let mut request = place::place(draft.transport.placement, &draft.parameters, draft.json);
        // The content type is signed, so there has to be one on a GET too.
        if request.headers.is_empty() {
            request.headers.push(("Content-Type".to_owned(), form::FORM.to_owned()));
        }
        let mut add = |name: &str, value: &str| {
            request.headers.push((name.to_owned(), value.to_owned()));
        };
        add("Host", &draft.transport.host);
        add("X-TC-Action", &draft.action);
        add("X-TC-Version", &draft.version);
        let timestamp = stamp.seconds.to_string();
        add("X-TC-Timestamp", &timestamp);
        if let Some(region) = &draft.region {
            add("X-TC-Region", region);
        }
        if let Some(token) = &credential.token {
            add("X-TC-Token", token.expose_secret());
        }
        let signed_headers = ALWAYS_SIGNED.join(";");
        let date = time::write_date(stamp.seconds);
        let service = &draft.transport.product;
        let canonical = canonical_request(&request, &signed_headers, &draft.transport.host, Case::Lower);
        let text = string_to_sign(&timestamp, &date, service, &canonical);
        let signature = signature(credential.secret.expose_secret(), &date, service, &text);
        let header = format!(
            "{ALGORITHM} Credential={}/{date}/{service}/{TERMINATOR}, \
             SignedHeaders={signed_headers}, Signature={signature}",
            credential.id
        );
        request.headers.push(("Authorization".to_owned(), header));
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
        let timestamp = part("x-tc-timestamp").ok_or_else(|| refusals::missing_parameter("Timestamp"))?;
        let seconds = tencent::read_time(timestamp)?;
        let parts = part("authorization")
            .and_then(authorization::read)
            .filter(|parts| parts.algorithm == ALGORITHM)
            .filter(|parts| ALWAYS_SIGNED.iter().all(|name| parts.signs(name)))
            .ok_or_else(refusals::invalid_authorization)?;
        let scope = scope(&parts).ok_or_else(refusals::invalid_authorization)?;
        let credential = tencent::find_key(keys, scope.id)?;
        if scope.date != time::write_date(seconds) {
            return Err(refusals::signature_mismatch());
        }
        tencent::check_window(seconds, now_seconds)?;
        if !service_fits(scope.service, request) || !is_signed(request, timestamp, &parts, &scope, &credential) {
            return Err(refusals::signature_mismatch());
        }
        tencent::check_token(&credential, part("x-tc-token"))?;
        Ok(scope.id.to_owned())
    }
}

/// Whether the signature is right for any host and any letter case that a client of the vendor would sign.
fn is_signed(
    request: &HttpRequest,
    timestamp: &str,
    parts: &Authorization<'_>,
    scope: &Scope<'_>,
    credential: &Credential,
) -> bool {
    let Some(tag) = hash::from_hex(parts.signature) else {
        return false;
    };
    let key = signing_key(credential.secret.expose_secret(), scope.date, scope.service);
    tencent::signed_hosts(request).iter().any(|host| {
        [Case::Lower, Case::AsSent].into_iter().any(|case| {
            let canonical = canonical_request(request, parts.signed_headers, host, case);
            let text = string_to_sign(timestamp, scope.date, scope.service, &canonical);
            hash::hmac_matches(Algorithm::Sha256, &key, text.as_bytes(), &tag)
        })
    })
}

/// Whether the scope names the product of the host. On hosts of others, a loopback address for one, SDKs put their own
/// product name or a piece of the host there, so nothing can be held against any name.
fn service_fits(service: &str, request: &HttpRequest) -> bool {
    let host = request.header("host").unwrap_or_default();
    let host = host.split_once("://").map_or(host, |(_, bare)| bare);
    let name = host.split(':').next().unwrap_or_default();
    let name = name.to_ascii_lowercase();
    if !VENDOR_DOMAINS.iter().any(|domain| name.ends_with(domain)) {
        return true;
    }
    name.split('.').next() == Some(service)
}

/// Letter case in which header values are signed: the document wants lower case, SDKs leave values as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    Lower,
    AsSent,
}

/// Method, path, query as sent, signed headers and payload hash, one to a line.
pub fn canonical_request(request: &HttpRequest, signed_headers: &str, host: &str, case: Case) -> String {
    let lowered = signed_headers.to_ascii_lowercase();
    let mut names: Vec<_> = lowered.split(';').collect();
    names.sort_unstable();
    let headers: String = names
        .iter()
        .map(|&name| {
            let value = match name {
                "host" => host,
                _ => request.header(name).unwrap_or_default(),
            };
            let value = value.trim();
            // SDKs spare only the documented pair; further headers are signed in lower case by all.
            match case {
                Case::AsSent if ALWAYS_SIGNED.contains(&name) => format!("{name}:{value}\n"),
                _ => format!("{name}:{}\n", value.to_lowercase()),
            }
        })
        .collect();
    let query = match request.method.as_str() {
        "GET" => request.query.as_str(),
        _ => "",
    };
    format!("{}\n/\n{query}\n{headers}\n{signed_headers}\n{}", request.method, payload_hash(request))
}

/// Hash of the body, or of a literal when the client says that it left the body unsigned.
fn payload_hash(request: &HttpRequest) -> String {
    match request.header("x-tc-content-sha256") {
        Some(UNSIGNED_PAYLOAD) => hash::sha256_hex(UNSIGNED_PAYLOAD.as_bytes()),
        _ => hash::sha256_hex(&request.body),
    }
}

/// What is signed: algorithm, time, scope and the digest of the canonical request.
pub fn string_to_sign(timestamp: &str, date: &str, service: &str, canonical_request: &str) -> String {
    let digest = hash::sha256_hex(canonical_request.as_bytes());
    format!("{ALGORITHM}\n{timestamp}\n{date}/{service}/{TERMINATOR}\n{digest}")
}

/// Lower-case hex, under a key derived for one day and one product.
pub fn signature(secret: &str, date: &str, service: &str, string_to_sign: &str) -> String {
    hash::hex(&hash::hmac(Algorithm::Sha256, &signing_key(secret, date, service), string_to_sign.as_bytes()))
}

fn signing_key(secret: &str, date: &str, service: &str) -> Vec<u8> {
    let secret = format!("TC3{secret}");
    [date, service, TERMINATOR]
        .iter()
        .fold(secret.into_bytes(), |key, part| hash::hmac(Algorithm::Sha256, &key, part.as_bytes()))
}
