//! Laws: what is sent is what arrives, and nothing from outside brings the reader down.

use aswritten::wire::protocol::{self, PROTOCOLS, Reply};
use aswritten::wire::signing::{self, SCHEMES};
use aswritten::wire::{Answer, Call, Format, HttpRequest, HttpResponse, Placement, Shape, Stamp, Transport, form};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{Ring, credential, list};

const NOW: i64 = 1_767_323_045;

fn shape(name: &str) -> Option<Shape> {
    Some(match name {
        "Text" | "SystemDisk.Category" => Shape::Text,
        "Count" => Shape::Integer,
        "Flag" => Shape::Boolean,
        "Names" => list(Shape::Text),
        "Filters" => {
            list(Shape::Object(vec![("Name".to_owned(), Shape::Text), ("Values".to_owned(), list(Shape::Text))]))
        }
        "Json" => Shape::JsonText(Box::new(list(Shape::Text))),
        "Commas" => Shape::CommaText(Box::new(list(Shape::Text))),
        _ => return None,
    })
}

/// Any text at all: control characters, other scripts, reserved characters.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[ -~]{0,12}", vec(any::<char>(), 0..8).prop_map(String::from_iter),]
}

fn arguments() -> impl Strategy<Value = Map<String, Value>> {
    let texts = || vec(any_text(), 1..12);
    let filter = (any_text(), texts()).prop_map(|(name, values)| json!({ "Name": name, "Values": values }));
    let strategies = (
        option::of(any_text().prop_map(Value::from)),
        option::of(any_text().prop_map(Value::from)),
        option::of(any::<i64>().prop_map(Value::from)),
        option::of(any::<bool>().prop_map(Value::from)),
        option::of(texts().prop_map(Value::from)),
        option::of(vec(filter, 1..4).prop_map(Value::from)),
        option::of(vec(any_text(), 0..4).prop_map(Value::from)),
        option::of(vec("[^,]{1,5}", 0..4).prop_map(Value::from)),
        option::of(any_text().prop_map(Value::from)),
    );
    strategies.prop_map(|(text, dotted, count, flag, names, filters, json, commas, unknown)| {
        [
            ("Text", text),
            ("SystemDisk.Category", dotted),
            ("Count", count),
            ("Flag", flag),
            ("Names", names),
            ("Filters", filters),
            ("Json", json),
            ("Commas", commas),
            ("Unknown_1", unknown),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Draft, sign, verify and decode give the call back, for every scheme and placement, with and without a token.
    #[test]
    fn calls_arrive_as_sent(
        arguments in arguments(),
        region in option::of("[a-z]{2}-[a-z]{3,9}"),
        id in "[A-Za-z0-9.]{1,20}",
        secret in any_text(),
        token in option::of("[!-~]{1,30}"),
        nonce in "[0-9a-f]{1,32}",
        host in "[a-z]{1,8}(:[0-9]{2,4})?",
    ) {
        let key = credential(&id, &secret, token.as_deref());
        for scheme in SCHEMES {
            let protocol = protocol::find(scheme.protocol()).unwrap();
            let call = Call {
                action: "DoSomething".to_owned(),
                version: "2020-06-01".to_owned(),
                region: region.clone().filter(|_| protocol.name() == "tencent-api3"),
                arguments: arguments.clone(),
            };
            for &placement in scheme.placements() {
                let transport = Transport {
                    host: host.clone(),
                    product: "some".to_owned(),
                    placement,
                    format: Format::Json,
                };
                let draft = protocol.draft(&call, &shape, transport);
                let request = scheme.sign(draft, &key, &Stamp { seconds: NOW, nonce: nonce.clone() });
                prop_assert!(scheme.recognises(&request));
                let ring = Ring::of([key.clone()]);
                let (found, signer) = signing::verify(protocol.name(), &request, &ring, NOW)?;
                prop_assert_eq!((found.name(), &signer), (scheme.name(), &id));
                prop_assert_eq!(protocol.format_of(&request), Format::Json);
                let read = protocol.decode_call(&request, &|_, _, name| shape(name))?;
                prop_assert_eq!(&read, &call, "{} {:?}", scheme.name(), placement);
            }
        }
    }

    /// Values that do not fit their shapes travel too, and are signed like any other, in any placement.
    #[test]
    fn wrong_arguments_travel(name in any_text(), value in any_text(), nested in any_text()) {
        let wrong = [json!(null), json!(value), json!([[value], { &*name: nested }]), json!({ &*name: [1.5, true] })];
        for value in wrong {
            let mut arguments = Map::new();
            for parameter in ["Text", "Count", "Flag", "Names", "Filters", "Json", "Commas"] {
                arguments.insert(parameter.to_owned(), value.clone());
            }
            for scheme in SCHEMES {
                let protocol = protocol::find(scheme.protocol()).unwrap();
                for placement in [Placement::Get, Placement::PostQuery, Placement::PostForm, Placement::PostJson] {
                    let call = Call { arguments: arguments.clone(), action: "A".into(), version: "B".into(), region: None };
                    let transport = Transport { host: "h".into(), product: "p".into(), placement, format: Format::Xml };
                    let draft = protocol.draft(&call, &shape, transport);
                    let key = credential("id", "secret", None);
                    let request = scheme.sign(draft, &key, &Stamp { seconds: NOW, nonce: "1".into() });
                    protocol.decode_call(&request, &|_, _, name| shape(name))?;
                    signing::verify(protocol.name(), &request, &Ring::of([key]), NOW)?;
                }
            }
        }
    }

    /// Answers survive both formats; XML needs the shape, and loses characters that it cannot hold.
    #[test]
    fn answers_arrive_as_sent(texts in vec("[^\\p{Cc}\u{fffe}\u{ffff}]{1,8}", 2..4), count in any::<i64>(), flag: bool) {
        let answer_shape = Shape::Object(vec![
            ("Count".to_owned(), Shape::Integer),
            ("Flag".to_owned(), Shape::Boolean),
            ("Items".to_owned(), Shape::Object(vec![("Item".to_owned(), list(Shape::Text))])),
        ]);
        let fields = json!({ "Count": count, "Flag": flag, "Items": { "Item": texts }, "RequestId": "r" });
        let answer = Answer::Success(fields.as_object().cloned().unwrap_or_default());
        for protocol in PROTOCOLS {
            for format in [Format::Json, Format::Xml] {
                let reply = Reply { action: "A", status: 200, request_id: "r", host: "h", product: "P", format };
                let response = protocol.encode_answer(&answer, &reply);
                prop_assert_eq!(&protocol.decode_answer(&response, Some(&answer_shape))?, &answer);
                let failure = Answer::Failure { code: "E".into(), message: texts[0].clone(), request_id: None, body: Value::Null };
                let response = protocol.encode_answer(&failure, &Reply { status: 404, ..reply });
                match protocol.decode_answer(&response, Some(&answer_shape))? {
                    Answer::Failure { code, message, request_id, .. } => {
                        prop_assert_eq!((&*code, &message, request_id.as_deref()), ("E", &texts[0], Some("r")));
                    }
                    Answer::Success(_) => prop_assert!(false, "a failure was read as a success"),
                }
            }
        }
    }

    /// Encoding and decoding of forms are inverse, and the encoding is plain ASCII.
    #[test]
    fn forms_read_back(pairs in vec((any_text(), any_text()), 1..6)) {
        let text = form::write(pairs.iter().map(|(name, value)| (&**name, &**value)));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        prop_assert_eq!(form::read(text.as_bytes()), pairs);
    }
}

fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(any::<u8>(), 0..200),
        "[-%&=.+;/,<>!?#a-fA-F0-9{}\\[\\]\":]{0,80}".prop_map(String::into_bytes),
        // Pieces of genuine messages in any order.
        vec(
            prop::sample::select(vec![
                "Names.0=a",
                "&Names.1.x=b",
                "&Names.18446744073709551616=c",
                "&Filters.1.Values.2=",
                "&Filters.=",
                "&Action=A&Version=B&Timestamp=1",
                "&Names=",
                "&Flag=maybe",
                "%",
                "%f0%9f",
                "&Json=[",
                "&Json=[[1]]",
                "{\"Response\":{",
                "\"Error\":{\"Code\":\"E\"}",
                "}}",
                "{\"Code\":",
                "<Error>",
                "</Error>",
                "<A/>",
                "<AResponse>",
                "</AResponse>",
                "&#0;",
                "&#x110000;",
                "<![CDATA[",
                "]]>",
                "<!--",
                "-->",
                "<?xml?>",
                "&Signature=====",
                "&SignatureMethod=HmacSHA256&Nonce=1&SecretId=id",
                "&AccessKeyId=id",
                "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&SignatureNonce=1",
            ]),
            0..12,
        )
        .prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

fn hostile_header() -> impl Strategy<Value = (String, String)> {
    let names = vec![
        "host",
        "Authorization",
        "content-type",
        "x-acs-action",
        "x-acs-version",
        "x-acs-date",
        "x-acs-signature-nonce",
        "x-acs-content-sha256",
        "x-acs-security-token",
        "x-tc-action",
        "x-tc-version",
        "x-tc-timestamp",
        "x-tc-token",
        "x-tc-content-sha256",
    ];
    let values =
        prop_oneof![
        any_text(),
        prop::sample::select(vec![
            form::FORM, "application/json", "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=;;,Signature=zz",
            "ACS3-HMAC-SHA256 Credential=id,SignedHeaders=host;x-acs-action;x-acs-version;x-acs-date;\
             x-acs-signature-nonce;x-acs-content-sha256,Signature=é",
            "TC3-HMAC-SHA256 Credential=id/2026-01-02/cvm/tc3_request, SignedHeaders=host;content-type, Signature=é0",
            "1767323045", "9223372036854775807", "-9223372036854775808", "2026-01-02T03:04:05Z", "[::1]:80", "http://",
        ])
        .prop_map(str::to_owned),
    ];
    (prop::sample::select(names).prop_map(str::to_owned), values)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No request brings a reader or a verifier down, and none of these is signed.
    #[test]
    fn hostile_requests(
        method in prop::sample::select(vec!["GET", "POST", "", "é"]),
        path in prop_oneof![Just("/".to_owned()), Just("://".to_owned()), any_text()],
        query in hostile_bytes(),
        headers in vec(hostile_header(), 0..12),
        body in hostile_bytes(),
        now in prop_oneof![Just(NOW), any::<i64>()],
    ) {
        let query = String::from_utf8_lossy(&query).into_owned();
        let request = HttpRequest { method: method.to_owned(), path, query, headers, body };
        let ring = Ring::of([credential("id", "secret", None)]);
        for protocol in PROTOCOLS {
            let _ = protocol.decode_call(&request, &|_, _, name| shape(name));
            let _ = protocol.format_of(&request);
            prop_assert!(signing::verify(protocol.name(), &request, &ring, now).is_err());
        }
        for scheme in SCHEMES {
            prop_assert!(scheme.verify(&request, &ring, now).is_err());
        }
    }

    /// No response brings a reader down.
    #[test]
    fn hostile_responses(status in 0..1000_u16, body in hostile_bytes()) {
        let response = HttpResponse { status, headers: Vec::new(), body };
        for protocol in PROTOCOLS {
            let _ = protocol.decode_answer(&response, shape("Filters").as_ref());
        }
    }
}
