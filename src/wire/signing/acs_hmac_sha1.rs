//! `HMAC-SHA1`: common parameters and signature among the parameters.
//!
//! Source: "Request syntax and signature method V2 for RPC APIs" of Alibaba Cloud, which declares it discontinued;
//! older SDKs know nothing else. Headers and path are not signed, the method is.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::hash::{self, Algorithm};
use super::{Scheme, alibaba, place, time};
use crate::wire::protocol::alibaba_rpc::{refusals, travels_in_headers};
use crate::wire::{Credential, Draft, Format, HttpRequest, KeyRing, Placement, Refusal, Stamp, form};

/// The scheme `acs-hmac-sha1`.
pub struct AcsHmacSha1;

const METHOD: &str = "HMAC-SHA1";
const VERSION: &str = "1.0";

impl Scheme for AcsHmacSha1 {
    fn name(&self) -> &'static str {
        "acs-hmac-sha1"
    }

    fn protocol(&self) -> &'static str {
        "alibaba-rpc"
    }

    fn placements(&self) -> &'static [Placement] {
        &[Placement::Get, Placement::PostQuery, Placement::PostForm]
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
        add(
            "Format",
            match draft.transport.format {
                Format::Json => "JSON",
                Format::Xml => "XML",
            },
        );
        add("AccessKeyId", &credential.id);
        if let Some(token) = &credential.token {
            add("SecurityToken", token.expose_secret());
        }
        add("SignatureMethod", METHOD);
        add("SignatureVersion", VERSION);
        add("SignatureNonce", &stamp.nonce);
        add("Timestamp", &time::write_second(stamp.seconds));
        let mut request = place::place(draft.transport.placement, &parameters, draft.json);
        let text =
            string_to_sign(&request.method, parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let signature = signature(credential.secret.expose_secret(), &text);
        let last = form::write([("Signature", signature.as_str())]);
        if draft.transport.placement == Placement::PostForm {
            request.body.push(b'&');
            request.body.extend(last.as_bytes());
        } else {
            request.query = format!("{}&{last}", request.query);
        }
        request.headers.insert(0, ("Host".to_owned(), draft.transport.host));
        request
    }

    fn unsigned(&self, signed: HttpRequest) -> HttpRequest {
        place::without_parameter(signed, "Signature")
    }

    fn recognises(&self, request: &HttpRequest) -> bool {
        !travels_in_headers(request)
    }

    fn verify(&self, request: &HttpRequest, keys: &dyn KeyRing, now_seconds: i64) -> Result<String, Refusal> {
        let parameters = form::merged(request);
        let part = |name: &str| parameters.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let required = |name: &str| part(name).ok_or_else(|| refusals::missing(name));
        let id = required("AccessKeyId")?;
        let method = required("SignatureMethod")?;
        let version = required("SignatureVersion")?;
        let nonce = required("SignatureNonce")?;
        let timestamp = required("Timestamp")?;
        let sent = required("Signature")?;
        if method != METHOD {
            return Err(refusals::invalid_signature_method());
        }
        if version != VERSION {
            return Err(refusals::invalid("SignatureVersion"));
        }
        alibaba::check_time(timestamp, now_seconds)?;
        let credential = alibaba::find_key(keys, id)?;
        let text =
            string_to_sign(&request.method, parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let matches = STANDARD.decode(sent).is_ok_and(|tag| {
            let key = key(credential.secret.expose_secret());
            hash::hmac_matches(Algorithm::Sha1, key.as_bytes(), text.as_bytes(), &tag)
        });
        if !matches {
            return Err(refusals::parameter_signature_mismatch(&text));
        }
        alibaba::check_token(&credential, part("SecurityToken"))?;
        alibaba::check_nonce(keys, id, nonce)?;
        Ok(id.to_owned())
    }
}

/// What is signed: the method and all parameters but `Signature`, sorted and encoded, then encoded once more.
pub fn string_to_sign<'a>(method: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let signed = parameters.into_iter().filter(|(name, _)| *name != "Signature");
    format!("{method}&%2F&{}", form::encode(&form::write_sorted(signed)))
}

/// Base64 of the HMAC.
pub fn signature(secret: &str, string_to_sign: &str) -> String {
    STANDARD.encode(hash::hmac(Algorithm::Sha1, key(secret).as_bytes(), string_to_sign.as_bytes()))
}

/// The secret with an `&` behind it, where OAuth 1.0 had a token secret.
fn key(secret: &str) -> String {
    format!("{secret}&")
}
