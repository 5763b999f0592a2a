//! How requests are signed and verified, one file per scheme.
//!
//! Signing places the common parameters of a draft and adds the signature; verifying takes what any client of the
//! vendor sends, not only what is written here. Time and nonce are arguments, keys come from a [`KeyRing`].

pub mod acs3_hmac_sha256;
pub mod acs_hmac_sha1;
mod alibaba;
pub mod authorization;
pub mod hash;
mod place;
pub mod tc3_hmac_sha256;
pub mod tc_hmac;
mod tencent;
pub mod time;

use std::fmt;

use super::{Credential, Draft, HttpRequest, KeyRing, Placement, Refusal, Stamp};

/// Every scheme that is spoken here. The first of a protocol answers for requests that none of them recognises.
pub static SCHEMES: &[&dyn Scheme] = &[
    &acs3_hmac_sha256::Acs3HmacSha256,
    &acs_hmac_sha1::AcsHmacSha1,
    &tc3_hmac_sha256::Tc3HmacSha256,
    &tc_hmac::TC_HMAC_SHA1,
    &tc_hmac::TC_HMAC_SHA256,
];

/// The scheme of that name.
pub fn find(name: &str) -> Option<&'static dyn Scheme> {
    SCHEMES.iter().copied().find(|scheme| scheme.name() == name)
}

/// One way to sign a request.
pub trait Scheme: Sync {
    /// Name that specs and profiles use.
    fn name(&self) -> &'static str;

    /// Name of the protocol whose requests it signs.
    fn protocol(&self) -> &'static str;

    /// Placements that the vendor documents for this scheme. Others are signed as well as they can be, so that a
    /// deliberately wrong request can be sent.
    fn placements(&self) -> &'static [Placement];

    /// The documented placement that is used where nobody asks for another.
    fn preferred_placement(&self) -> Placement {
        let order = [Placement::PostJson, Placement::PostQuery, Placement::PostForm];
        order.into_iter().find(|place| self.placements().contains(place)).unwrap_or(Placement::Get)
    }

    /// Makes a signed request of a draft.
    fn sign(&self, draft: Draft, credential: &Credential, stamp: &Stamp) -> HttpRequest;

    /// The same request without its signature; time, nonce and all else stay as they are.
    fn unsigned(&self, signed: HttpRequest) -> HttpRequest;

    /// Whether a request is meant for this scheme, complete or not.
    fn recognises(&self, request: &HttpRequest) -> bool;

    /// Checks a request and returns the id of the key that signed it, or the documented refusal.
    fn verify(&self, request: &HttpRequest, keys: &dyn KeyRing, now_seconds: i64) -> Result<String, Refusal>;
}

impl fmt::Debug for dyn Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Verifies a request by whichever scheme of the protocol recognises it; returns that scheme and the id of the key.
///
/// An unsigned request earns the refusal for the first part that it lacks.
pub fn verify(
    protocol: &str,
    request: &HttpRequest,
    keys: &dyn KeyRing,
    now_seconds: i64,
) -> Result<(&'static dyn Scheme, String), Refusal> {
    let of_protocol = || SCHEMES.iter().copied().filter(|scheme| scheme.protocol() == protocol);
    let scheme =
        of_protocol().find(|scheme| scheme.recognises(request)).or_else(|| of_protocol().next()).ok_or_else(|| {
            Refusal {
                code: "InternalError".to_owned(),
                status: 500,
                message: format!("no signature scheme is known for `{protocol}`"),
            }
        })?;
    let id = scheme.verify(request, keys, now_seconds)?;
    Ok((scheme, id))
}
