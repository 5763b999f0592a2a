//! Refusals of the Alibaba Cloud gateway.

use super::{Expected, LONG_TERM, absent, check, check_keys, expected, flipped, replaced, to, without};

fn missing(name: &str) -> Expected {
    let message = format!("{name} is mandatory for this action.");
    expected(&format!("Missing{name}"), 400, &message)
}

fn incomplete() -> Expected {
    let message = "The request signature does not conform to Aliyun standards.";
    expected("IncompleteSignature", 400, message)
}

fn other_method() -> Expected {
    let message = "Specified signature method is not valid.";
    expected("InvalidSignatureMethod", 400, message)
}

fn ill_formed() -> Expected {
    let message = "Specified time stamp or date value is not well formatted.";
    expected("InvalidTimeStamp.Format", 400, message)
}

fn expired() -> Expected {
    let message = "Specified time stamp or date value is expired.";
    expected("InvalidTimeStamp.Expired", 400, message)
}

fn parameter_mismatch() -> Expected {
    let message = "Specified signature is not matched with our calculation. server string to sign is:";
    expected("SignatureDoesNotMatch", 400, message)
}

fn header_mismatch() -> Expected {
    let message = "Specified signature does not match our calculation. server StringToSign is [ACS3-";
    expected("SignatureDoesNotMatch", 400, message)
}

fn unsupported() -> Expected {
    let message = "This http method is not supported.";
    expected("UnsupportedHTTPMethod", 400, message)
}

fn unknown_path() -> Expected {
    let message = "Specified api is not found, please check your url and method.";
    expected("InvalidApi.NotFound", 404, message)
}

fn token_mismatch() -> Expected {
    let message = "Specified SecurityToken mismatch with the AccessKey.";
    expected("InvalidSecurityToken.MismatchWithAccessKey", 400, message)
}

fn invalid_version() -> Expected {
    let message = "Specified parameter SignatureVersion is not valid.";
    expected("InvalidSignatureVersion", 400, message)
}

fn invalid_format() -> Expected {
    let message = "Specified parameter format is not valid.";
    expected("InvalidParameter.Format", 400, message)
}

#[test]
#[rustfmt::skip]
fn parameter_scheme() {
    check("acs-hmac-sha1", &[
        ("no Action", |s| s.parameter("Action", absent), missing("Action")),
        ("no Version", |s| s.parameter("Version", absent), missing("Version")),
        ("empty Version", |s| s.parameter("Version", to("")), missing("Version")),
        ("no AccessKeyId", |s| s.parameter("AccessKeyId", absent), missing("AccessKeyId")),
        ("unsigned", |s| s.parameter("Signature", absent), missing("Signature")),
        ("no SignatureMethod", |s| s.parameter("SignatureMethod", absent), missing("SignatureMethod")),
        ("no SignatureVersion", |s| s.parameter("SignatureVersion", absent), missing("SignatureVersion")),
        ("no SignatureNonce", |s| s.parameter("SignatureNonce", absent), missing("SignatureNonce")),
        ("no Timestamp", |s| s.parameter("Timestamp", absent), missing("Timestamp")),
        ("other method", |s| s.parameter("SignatureMethod", to("HMAC-SHA256")), other_method()),
        ("other version", |s| s.parameter("SignatureVersion", to("2.0")), invalid_version()),
        ("other format", |s| s.parameter("Format", to("None")), invalid_format()),
        ("time as a number", |s| s.parameter("Timestamp", to("1767323045")), ill_formed()),
        ("too old", |s| s.now += 15 * 60 + 1, expired()),
        ("too new", |s| s.now -= 15 * 60 + 1, expired()),
        ("time changed", |s| s.parameter("Timestamp", to("2026-01-02T03:04:06Z")), parameter_mismatch()),
        ("nonce changed", |s| s.parameter("SignatureNonce", to("8")), parameter_mismatch()),
        ("signature changed", |s| s.parameter("Signature", flipped), parameter_mismatch()),
        ("signature no base64", |s| s.parameter("Signature", to("é")), parameter_mismatch()),
        ("argument changed", |s| s.argument(), parameter_mismatch()),
        ("argument removed", |s| s.parameter("DryRun", absent), parameter_mismatch()),
        ("GET for POST or POST for GET", |s| s.swap_method(), parameter_mismatch()),
        ("PUT", |s| s.request.method = "PUT".to_owned(), unsupported()),
        ("other path", |s| s.request.path = "/ecs".to_owned(), unknown_path()),
    ]);
}

#[test]
#[rustfmt::skip]
fn header_scheme() {
    check("acs3-hmac-sha256", &[
        ("no action", |s| s.header("x-acs-action", absent), missing("Action")),
        ("no version", |s| s.header("x-acs-version", absent), missing("Version")),
        ("unsigned", |s| s.header("authorization", absent), missing("AccessKeyId")),
        ("no key id", |s| s.header("authorization", without(LONG_TERM)), missing("AccessKeyId")),
        ("no nonce", |s| s.header("x-acs-signature-nonce", absent), missing("SignatureNonce")),
        ("no date", |s| s.header("x-acs-date", absent), missing("Timestamp")),
        ("no body hash", |s| s.header("x-acs-content-sha256", absent), incomplete()),
        ("host unsigned", |s| s.header("authorization", without("host;")), incomplete()),
        ("no signature", |s| s.header("authorization", replaced(",Signature=", "")), incomplete()),
        ("signature twice", |s| s.header("authorization", replaced("Signature=", "Signature=,Signature=")), incomplete()),
        ("empty signature", |s| s.header("authorization", |a| Some(a[..a.len() - 64].to_owned())), missing("Signature")),
        ("other algorithm", |s| s.header("authorization", replaced("HMAC-SHA256", "HMAC-SM3")), other_method()),
        ("date as a number", |s| s.header("x-acs-date", to("1767323045")), ill_formed()),
        ("too old", |s| s.now += 15 * 60 + 1, expired()),
        ("too new", |s| s.now -= 15 * 60 + 1, expired()),
        ("date changed", |s| s.header("x-acs-date", to("2026-01-02T03:04:06Z")), header_mismatch()),
        ("nonce changed", |s| s.header("x-acs-signature-nonce", to("8")), header_mismatch()),
        ("action changed", |s| s.header("x-acs-action", to("DeleteImages")), header_mismatch()),
        ("host changed", |s| s.header("host", to("other")), header_mismatch()),
        ("signature changed", |s| s.header("authorization", flipped), header_mismatch()),
        ("signature in capitals", |s| s.header("authorization", |a| {
            let (start, signature) = a.split_at(a.len() - 64);
            Some(format!("{start}{}", signature.to_uppercase()))
        }), header_mismatch()),
        ("argument changed", |s| s.argument(), header_mismatch()),
        ("body added", |s| s.request.body.push(b'&'), header_mismatch()),
        ("GET for POST or POST for GET", |s| s.swap_method(), header_mismatch()),
        ("PUT", |s| s.request.method = "PUT".to_owned(), unsupported()),
        ("other path", |s| s.request.path = "/ecs".to_owned(), unknown_path()),
    ]);
}

#[test]
fn keys() {
    for (scheme, mismatch) in [("acs-hmac-sha1", parameter_mismatch()), ("acs3-hmac-sha256", header_mismatch())] {
        let message = "Specified access key is not found.";
        let unknown = expected("InvalidAccessKeyId.NotFound", 404, message);
        let token = [token_mismatch(), token_mismatch(), missing("SecurityToken")];
        check_keys(scheme, unknown, mismatch, token);
    }
}
