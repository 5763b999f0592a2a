//! Requests that are rightly signed, but not as they are signed here: oddities of real clients, which are accepted, and
//! liberties that no client takes, which are refused.

use aswritten::wire::signing::tc3_hmac_sha256::Case;
use aswritten::wire::signing::{self, acs3_hmac_sha256, hash, tc_hmac, tc3_hmac_sha256};
use aswritten::wire::{HttpRequest, form, protocol};

use crate::support::{Ring, credential, owned, shape};

const NOW: i64 = 1_767_323_045;
const DATE: &str = "2026-01-02";

#[track_caller]
fn check(protocol: &str, what: &str, request: &HttpRequest, expected: Result<(), &str>) {
    let token = request.header("x-acs-security-token").or(request.header("x-tc-token"));
    let ring = Ring::of([credential("id", "secret", token)]);
    let verdict = signing::verify(protocol, request, &ring, NOW);
    let verdict = verdict.map(drop).map_err(|refusal| refusal.code);
    assert_eq!(verdict, expected.map_err(str::to_owned), "{what}: {request:?}");
}

/// A header-signed request to `host` that signs `signed_host`.
fn tc3(content_type: &str, signed_host: &str, host: &str, date: &str, service: &str, case: Case) -> HttpRequest {
    let mut request = HttpRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: String::new(),
        headers: owned(&[
            ("Content-Type", content_type),
            ("Host", host),
            ("X-TC-Action", "DeleteImages"),
            ("X-TC-Version", "2017-03-12"),
            ("X-TC-Timestamp", &NOW.to_string()),
        ]),
        body: b"{}".to_vec(),
    };
    let canonical = tc3_hmac_sha256::canonical_request(&request, "content-type;host", signed_host, case);
    let text = tc3_hmac_sha256::string_to_sign(&NOW.to_string(), date, service, &canonical);
    let signature = tc3_hmac_sha256::signature("secret", date, service, &text);
    let header = format!(
        "TC3-HMAC-SHA256 Credential=id/{date}/{service}/tc3_request,SignedHeaders=content-type;host,Signature={signature}"
    );
    request.headers.extend(owned(&[("authorization", &header)]));
    request
}

#[test]
fn tencent_headers() {
    let json = "application/json";
    let vendor = "cvm.tencentcloudapi.com";
    let refused = Err("AuthFailure.SignatureFailure");
    for (what, request, expected) in [
        ("plain", tc3(json, vendor, vendor, DATE, "cvm", Case::Lower), Ok(())),
        ("scope of another day", tc3(json, vendor, vendor, "2026-01-03", "cvm", Case::Lower), refused),
        ("scope of another product", tc3(json, vendor, vendor, DATE, "cbs", Case::Lower), refused),
        (
            "regional host",
            tc3(
                json,
                "cvm.ap-guangzhou.tencentcloudapi.com",
                "cvm.ap-guangzhou.tencentcloudapi.com",
                DATE,
                "cvm",
                Case::Lower,
            ),
            Ok(()),
        ),
        ("loopback, own product", tc3(json, "127.0.0.1:80", "127.0.0.1:80", DATE, "cvm", Case::Lower), Ok(())),
        ("loopback, first label", tc3(json, "127.0.0.1", "127.0.0.1:80", DATE, "127", Case::Lower), Ok(())),
        (
            "capitals signed as sent",
            tc3("application/json; charset=UTF-8", "Mock:80", "Mock:80", DATE, "cvm", Case::AsSent),
            Ok(()),
        ),
        (
            "capitals signed in lower case",
            tc3("application/json; charset=UTF-8", "Mock:80", "Mock:80", DATE, "cvm", Case::Lower),
            Ok(()),
        ),
        ("URL sent and signed", tc3(json, "http://mock:80", "http://mock:80", DATE, "cvm", Case::Lower), Ok(())),
        ("URL signed, host left by a server", tc3(json, "http://mock:80", "mock:80", DATE, "cvm", Case::Lower), Ok(())),
        ("IPv6 without port", tc3(json, "[::1]", "[::1]:80", DATE, "cvm", Case::Lower), Ok(())),
        ("port of another", tc3(json, "mock:81", "mock:80", DATE, "cvm", Case::Lower), refused),
    ] {
        check("tencent-api3", what, &request, expected);
    }
}

/// The signature of a POST does not cover the query, so nothing in it may count.
#[test]
fn unsigned_query_of_a_post_is_not_read() {
    let mut request = tc3("application/json", "h", "h", DATE, "cvm", Case::Lower);
    request.query = "DryRun=true".to_owned();
    let protocol = protocol::find("tencent-api3").unwrap();
    for content_type in ["application/json", form::FORM] {
        request.headers[0].1 = content_type.to_owned();
        let call = protocol.decode_call(&request, &shape).unwrap();
        assert!(!call.arguments.contains_key("DryRun"), "{content_type}");
    }
}

/// A request with signed parameters, of which `signed` are signed and `sent` are sent.
fn v1(signed_host: &str, signed: &[(&str, &str)], sent: &[(&str, &str)]) -> HttpRequest {
    let now = NOW.to_string();
    let common = [("SecretId", "id"), ("Nonce", "0"), ("Timestamp", &*now)];
    let text = tc_hmac::string_to_sign("GET", signed_host, common.iter().chain(signed).copied());
    let signature = tc_hmac::TC_HMAC_SHA1.signature("secret", &text);
    let last = ("Signature", &*signature);
    HttpRequest {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query: form::write(common.iter().chain(sent).copied().chain([last])),
        headers: owned(&[("Host", "mock:80")]),
        body: Vec::new(),
    }
}

#[test]
fn tencent_parameters() {
    let refused = Err("AuthFailure.SignatureFailure");
    let empty = [("Region", ""), ("A_B", "1")];
    for (what, request, expected) in [
        ("plain", v1("mock:80", &empty, &empty), Ok(())),
        ("empty values left out", v1("mock:80", &[("A_B", "1")], &empty), Ok(())),
        ("dots for underscores", v1("mock:80", &[("Region", ""), ("A.B", "1")], &empty), Ok(())),
        ("both", v1("mock:80", &[("A.B", "1")], &empty), Ok(())),
        ("without port", v1("mock", &empty, &empty), Ok(())),
        ("with scheme", v1("http://mock:80", &empty, &empty), Ok(())),
        ("value left out", v1("mock:80", &[("Region", "")], &empty), refused),
        ("other host", v1("mack:80", &empty, &empty), refused),
    ] {
        check("tencent-api3", what, &request, expected);
    }
}

/// A header-signed request that signs `signed`, with a body hash that need not be true.
fn acs3(extra: &[(&str, &str)], signed: &str, body_hash: &str, body: &str) -> HttpRequest {
    let mut request = HttpRequest {
        method: "POST".to_owned(),
        path: "/".to_owned(),
        query: "B=%2A&A=+".to_owned(),
        headers: owned(&[
            ("Host", "h:80"),
            ("X-Acs-Action", "A"),
            ("X-Acs-Version", "V"),
            ("X-Acs-Date", "2026-01-02T03:04:05Z"),
            ("X-Acs-Signature-Nonce", "n"),
            ("X-Acs-Content-Sha256", body_hash),
        ]),
        body: body.as_bytes().to_vec(),
    };
    request.headers.extend(owned(extra));
    let signed =
        format!("host;{signed}x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version");
    let payload_hash = hash::sha256_hex(&request.body);
    let canonical = acs3_hmac_sha256::canonical_request(&request, &signed, &payload_hash);
    let signature = acs3_hmac_sha256::signature("secret", &acs3_hmac_sha256::string_to_sign(&canonical));
    let header = format!("ACS3-HMAC-SHA256 Credential=id, SignedHeaders={signed}, Signature={signature}");
    request.headers.extend(owned(&[("AUTHORIZATION", &header)]));
    request
}

#[test]
fn alibaba_headers() {
    let empty = hash::sha256_hex(b"");
    let twice = acs3(&[("x-acs-a", "2"), ("X-ACS-A", " 1")], "x-acs-a;", &empty, "");
    let canonical = acs3_hmac_sha256::canonical_request(&twice, "x-acs-a", &empty);
    assert_eq!(canonical, format!("POST\n/\nA=%20&B=%2A\nx-acs-a:1,2\n\nx-acs-a\n{empty}"));
    for (what, request, expected) in [
        ("plain", acs3(&[], "", &empty, ""), Ok(())),
        ("unsigned header beside", acs3(&[("Content-Type", "a/b")], "", &empty, ""), Ok(())),
        ("header twice", twice, Ok(())),
        ("signed token", acs3(&[("x-acs-security-token", "t")], "x-acs-security-token;", &empty, ""), Ok(())),
        ("unsigned token", acs3(&[("x-acs-security-token", "t")], "", &empty, ""), Err("IncompleteSignature")),
        ("hash of another body", acs3(&[], "", &empty, "a"), Err("SignatureDoesNotMatch")),
    ] {
        check("alibaba-rpc", what, &request, expected);
    }
}
