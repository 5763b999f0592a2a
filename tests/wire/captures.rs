//! Every recorded request of a vendor's SDK or tool decodes to the arguments that its caller gave.

use aswritten::wire::signing::{self, time};
use aswritten::wire::{form, protocol};
use serde_json::{Map, Value, json};

use crate::support::{Ring, alibaba_ring, credential, request, shape, text};

fn lines(vendor: &str) -> Vec<Value> {
    let lines = match vendor {
        "alibaba" => include_str!("../data/wire/alibaba-captures.jsonl"),
        _ => include_str!("../data/wire/tencent-captures.jsonl"),
    };
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Lines (counted from one) that can be read, and are refused all the same: line, code, reason.
const REFUSED: &[(usize, &str, &str)] = &[
    (49, "UnsupportedHTTPMethod", "sent with PUT, which the operation does not allow"),
    (52, "InvalidParameter.Format", "asks for format `None`, which is neither XML nor JSON"),
];

#[test]
fn alibaba_captures() {
    let lines = lines("alibaba");
    let protocol = protocol::find("alibaba-rpc").unwrap();
    let mut verified = 0;
    for (number, line) in (1..).zip(&lines) {
        let request = request(line);
        let call = protocol.decode_call(&request, &shape).unwrap();
        assert_eq!(call.action, text(line, "operation"), "line {number}");
        assert_eq!(request.header("x-acs-version"), Some(call.version.as_str()));
        assert_eq!(Value::from(call.arguments), given_to_alibaba(line), "line {number}");
        let refused = REFUSED.iter().find(|refused| refused.0 == number);
        let objection = protocol.check_manner(&request).err().map(|refusal| refusal.code);
        assert_eq!(objection.as_deref(), refused.map(|refused| refused.1), "line {number}: {refused:?}");
        // Header signatures cover the host, whose port is masked in the data; parameter signatures do not.
        if text(line, "signature") == "v1" {
            let timestamp = form::merged(&request)["Timestamp"].clone();
            let now = time::read_second(&timestamp).unwrap();
            signing::verify("alibaba-rpc", &request, &alibaba_ring(), now).unwrap();
            verified += 1;
        }
    }
    assert_eq!((lines.len(), verified), (106, 53));
}

/// What the caller's arguments have to decode to, by what each SDK is known to do with them.
fn given_to_alibaba(line: &Value) -> Value {
    let sdk = text(line, "sdk");
    let is_legacy_python = sdk.contains("aliyun-python-sdk");
    let mut arguments = Map::new();
    for (name, value) in line["params_given"].as_object().unwrap() {
        let name = wire_name(name);
        match value {
            // Natively given lists: the old Python SDK prints them, the others number their elements. Neither is the
            // documented spelling, so neither is read as a list.
            Value::Array(items) if is_legacy_python => {
                let items: Vec<_> = items.iter().map(|item| format!("'{}'", item.as_str().unwrap())).collect();
                arguments.insert(name, format!("[{}]", items.join(", ")).into());
            }
            Value::Array(items) => {
                for (index, item) in (1..).zip(items) {
                    arguments.insert(format!("{name}.{index}"), item.clone());
                }
            }
            Value::String(text) => {
                let typed =
                    serde_json::from_str(text).ok().filter(|value: &Value| value.is_array() || value.is_boolean());
                arguments.insert(name, typed.unwrap_or_else(|| text.as_str().into()));
            }
            _ => {
                arguments.insert(name, value.clone());
            }
        }
    }
    // Added by the old Python SDK to every request without one.
    if is_legacy_python {
        arguments.entry("RegionId").or_insert("cn-hangzhou".into());
    }
    // JavaScript's `undefined`, printed.
    if text(line, "variant") == "undefined value" {
        arguments.insert("ImageId".to_owned(), "undefined".into());
    }
    arguments.into()
}

/// `image_ids` and `imageIds` travel as `ImageIds`.
fn wire_name(name: &str) -> String {
    name.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

#[test]
fn tencent_captures() {
    let lines = lines("tencent");
    let protocol = protocol::find("tencent-api3").unwrap();
    let mut verified = 0;
    for (number, line) in (1..).zip(&lines) {
        let request = request(line);
        let call = protocol.decode_call(&request, &shape).unwrap();
        assert_eq!(call.action, text(line, "operation"), "line {number}");
        assert_eq!(call.version, "2017-03-12", "line {number}");
        assert_eq!(Value::from(call.arguments), given_to_tencent(line), "line {number}");
        if let Some(region) = line["config"]["region"].as_str().filter(|region| !region.is_empty()) {
            assert_eq!(call.region.as_deref(), Some(region), "line {number}");
        }
        // All others were sent to a host whose port is masked in the data.
        if line["config"]["proxy"] == json!(true) {
            let now = request.header("x-tc-timestamp").unwrap().parse().unwrap();
            let id = "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE";
            let ring = Ring::of([credential(id, "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE", None)]);
            let (scheme, signer) = signing::verify("tencent-api3", &request, &ring, now).unwrap();
            assert_eq!((scheme.name(), signer.as_str()), ("tc3-hmac-sha256", id));
            verified += 1;
        }
    }
    assert_eq!((lines.len(), verified), (155, 5));
}

fn given_to_tencent(line: &Value) -> Value {
    let is_json = line["config"]["sign_method"] == "TC3-HMAC-SHA256" && line["method"] == "POST";
    let is_tool = text(line, "sdk") == "tccli";
    let is_from_file = line["config"]["command_line_args"][0] == "--cli-input-json";
    let mut arguments = line["params"].as_object().unwrap().clone();
    // SDKs leave out what is null.
    arguments.retain(|_, value| !value.is_null());
    for value in arguments.values_mut() {
        let Some(text) = value.as_str() else { continue };
        // The tool turns words into booleans, except those of a file; flat parameters have only words; JSON keeps them.
        *value = match (text.to_lowercase().as_str(), is_json && (!is_tool || is_from_file)) {
            (_, true) => continue,
            ("true" | "t" | "1", _) => Value::Bool(true),
            ("false" | "f" | "0", _) => Value::Bool(false),
            _ => continue,
        };
    }
    if !is_json {
        arguments.retain(|_, value| value != &json!([]));
    }
    arguments.into()
}
