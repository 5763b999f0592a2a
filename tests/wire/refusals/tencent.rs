//! Refusals of Tencent Cloud API 3.0, all of them with status 200.

use aswritten::wire::Placement;

use super::{
    Expected, LONG_TERM, absent, check, check_keys, expected, flipped, judge, long_term, replaced, ring, send, to,
    without,
};

fn missing(name: &str) -> Expected {
    let message = format!("The request is missing a required parameter `{name}`.");
    expected("MissingParameter", 200, &message)
}

fn wrong_type(name: &str) -> Expected {
    let message = format!("The value type of parameter `{name}` is not valid, input type should be");
    expected("InvalidParameter", 200, &message)
}

fn malformed() -> Expected {
    let message = "The `Authorization` header is missing or malformed.";
    expected("AuthFailure.InvalidAuthorization", 200, message)
}

fn expired() -> Expected {
    expected("AuthFailure.SignatureExpire", 200, "The signature has expired")
}

fn mismatch() -> Expected {
    let message = "The provided credentials could not be validated. Please check your signature is correct.";
    expected("AuthFailure.SignatureFailure", 200, message)
}

fn token_failure() -> Expected {
    expected("AuthFailure.TokenFailure", 200, "The token is not valid")
}

fn unsupported() -> Expected {
    expected("UnsupportedProtocol", 200, "The HTTP method is not supported")
}

#[test]
#[rustfmt::skip]
fn header_scheme() {
    check("tc3-hmac-sha256", &[
        ("bare", |s| s.request.headers.retain(|header| header.0 == "Host"), missing("Timestamp")),
        ("no timestamp", |s| s.header("x-tc-timestamp", absent), missing("Timestamp")),
        ("no version", |s| s.header("x-tc-version", absent), missing("Version")),
        ("no action", |s| s.header("x-tc-action", absent), missing("Action")),
        ("unsigned", |s| s.header("authorization", absent), malformed()),
        ("signature skipped", |s| s.header("authorization", to("SKIP")), malformed()),
        ("no signature", |s| s.header("authorization", replaced(", Signature=", "")), malformed()),
        ("host unsigned", |s| s.header("authorization", without(";host")), malformed()),
        ("no terminator", |s| s.header("authorization", without("/tc3_request")), malformed()),
        ("no key id", |s| s.header("authorization", without(LONG_TERM)), malformed()),
        ("other algorithm", |s| s.header("authorization", replaced("TC3-HMAC-SHA256", "TC3-HMAC-SM3")), malformed()),
        ("time as text", |s| s.header("x-tc-timestamp", to("2026-01-02T03:04:05Z")), wrong_type("Timestamp")),
        ("too old", |s| s.now += 5 * 60 + 1, expired()),
        ("too new", |s| s.now -= 5 * 60 + 1, expired()),
        ("another day", |s| s.header("authorization", replaced("2026-01-02", "2026-01-03")), mismatch()),
        ("another product", |s| s.header("authorization", replaced("/cvm/", "/cbs/")), mismatch()),
        ("time changed", |s| s.header("x-tc-timestamp", to("1767323046")), mismatch()),
        ("signature changed", |s| s.header("authorization", flipped), mismatch()),
        ("argument changed", |s| s.argument(), mismatch()),
        ("host changed", |s| s.header("host", to("other")), mismatch()),
        ("content type changed", |s| s.header("content-type", to("text/plain")), mismatch()),
        ("PUT", |s| s.request.method = "PUT".to_owned(), unsupported()),
    ]);
}

#[test]
#[rustfmt::skip]
fn parameter_schemes() {
    for scheme in ["tc-hmac-sha1", "tc-hmac-sha256"] {
        check(scheme, &[
            ("no Timestamp", |s| s.parameter("Timestamp", absent), missing("Timestamp")),
            ("no Version", |s| s.parameter("Version", absent), missing("Version")),
            ("no Action", |s| s.parameter("Action", absent), missing("Action")),
            ("no Nonce", |s| s.parameter("Nonce", absent), missing("Nonce")),
            ("no SecretId", |s| s.parameter("SecretId", absent), missing("SecretId")),
            ("unsigned", |s| s.parameter("Signature", absent), missing("Signature")),
            ("Timestamp as text", |s| s.parameter("Timestamp", to("now")), wrong_type("Timestamp")),
            ("Nonce below zero", |s| s.parameter("Nonce", to("-1")), wrong_type("Nonce")),
            ("too old", |s| s.now += 5 * 60 + 1, expired()),
            ("too new", |s| s.now -= 5 * 60 + 1, expired()),
            ("time changed", |s| s.parameter("Timestamp", to("1767323046")), mismatch()),
            ("nonce changed", |s| s.parameter("Nonce", to("8")), mismatch()),
            ("method changed", |s| s.parameter("SignatureMethod", to("other")), mismatch()),
            ("method removed", |s| s.parameter("SignatureMethod", absent), mismatch()),
            ("signature changed", |s| s.parameter("Signature", flipped), mismatch()),
            ("argument changed", |s| s.argument(), mismatch()),
            ("argument removed", |s| s.parameter("DryRun", absent), mismatch()),
            ("host changed", |s| s.header("host", to("other")), mismatch()),
            ("GET for POST or POST for GET", |s| s.swap_method(), mismatch()),
            ("PUT", |s| s.request.method = "PUT".to_owned(), unsupported()),
        ]);
    }
}

#[test]
fn keys() {
    for scheme in ["tc3-hmac-sha256", "tc-hmac-sha1", "tc-hmac-sha256"] {
        let message = "The SecretId is not found, please ensure that your SecretId is correct.";
        let unknown = expected("AuthFailure.SecretIdNotFound", 200, message);
        let token = [token_failure(), token_failure(), token_failure()];
        check_keys(scheme, unknown, mismatch(), token);
    }
}

#[test]
fn broken_json_bodies() {
    let broken = expected("InvalidParameter", 200, "The request body is not a JSON object.");
    for body in ["{", "[]", "null", "\"a\"", "{\"a\":1e999}"] {
        let mut sent = send("tc3-hmac-sha256", Placement::PostJson, &long_term());
        sent.request.body = body.as_bytes().to_vec();
        let refusal = judge("tencent-api3", &sent, &ring()).unwrap_err();
        broken.compare(&refusal, body);
    }
}
