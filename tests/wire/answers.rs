//! Answers: exact bytes out, and every kind of body in.

use aswritten::wire::protocol::{self, Reply};
use aswritten::wire::{Answer, Format, HttpRequest, HttpResponse, Refusal, Shape, form};
use serde_json::{Map, Value, json};

use crate::support::{list, owned};

const ID: &str = "473469C7-AA6F-4DC5-B3DB-A3DC0DE3C83E";

fn reply(format: Format) -> Reply<'static> {
    Reply {
        action: "DeleteImage",
        status: 200,
        request_id: ID,
        host: "ecs.cn-hangzhou.aliyuncs.com",
        product: "Ecs",
        format,
    }
}

fn success(fields: Value) -> Answer {
    match fields {
        Value::Object(fields) => Answer::Success(fields),
        _ => Answer::Success(Map::new()),
    }
}

fn refusal() -> Refusal {
    Refusal { code: "A.B".to_owned(), status: 403, message: "x < y & \"z\"".to_owned() }
}

#[track_caller]
fn check_encoded(response: HttpResponse, status: u16, headers: &[(&str, &str)], body: &str) {
    assert_eq!(response.status, status);
    assert_eq!(response.headers, owned(headers));
    assert_eq!(String::from_utf8(response.body).unwrap(), body);
}

#[test]
fn alibaba_encoding() {
    let protocol = protocol::find("alibaba-rpc").unwrap();
    let json = [("Content-Type", "application/json;charset=utf-8"), ("x-acs-request-id", ID)];
    let xml = [("Content-Type", "text/xml;charset=utf-8"), ("x-acs-request-id", ID)];
    check_encoded(
        protocol.encode_answer(&success(json!({ "Code": 0 })), &reply(Format::Json)),
        200,
        &json,
        &format!("{{\"Code\":0,\"RequestId\":\"{ID}\"}}"),
    );
    check_encoded(
        protocol.encode_answer(
            &success(json!({ "Images": { "Image": [{ "Id": "a" }, { "Id": "b" }] }, "None": [] })),
            &reply(Format::Xml),
        ),
        200,
        &xml,
        &format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DeleteImageResponse><Images><Image><Id>a</Id></Image>\
             <Image><Id>b</Id></Image></Images><RequestId>{ID}</RequestId></DeleteImageResponse>"
        ),
    );
    check_encoded(
        protocol.encode_refusal(&refusal(), &reply(Format::Json)),
        403,
        &json,
        &format!(
            "{{\"RequestId\":\"{ID}\",\"HostId\":\"ecs.cn-hangzhou.aliyuncs.com\",\"Code\":\"A.B\",\
             \"Message\":\"x < y & \\\"z\\\"\",\"Recommend\":\"https://api.aliyun.com/troubleshoot?q=A.B&product=Ecs\
             &requestId={ID}\"}}"
        ),
    );
    check_encoded(
        protocol.encode_refusal(&refusal(), &reply(Format::Xml)),
        403,
        &xml,
        &format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><RequestId>{ID}</RequestId>\
             <HostId>ecs.cn-hangzhou.aliyuncs.com</HostId><Code>A.B</Code>\
             <Message>x &lt; y &amp; \"z\"</Message></Error>"
        ),
    );
}

/// What an error object has beside the usual members is written too.
#[test]
fn alibaba_error_details() {
    let detail = json!({ "Code": "ignored", "AccessDeniedDetail": { "AuthAction": "ecs:DeleteImage" } });
    let answer = Answer::Failure {
        code: "Forbidden.RAM".to_owned(),
        message: "m".to_owned(),
        request_id: None,
        body: detail.clone(),
    };
    let protocol = protocol::find("alibaba-rpc").unwrap();
    for format in [Format::Json, Format::Xml] {
        let response = protocol.encode_answer(&answer, &Reply { status: 403, ..reply(format) });
        match protocol.decode_answer(&response, None).unwrap() {
            Answer::Failure { code, body, .. } => {
                assert_eq!(code, "Forbidden.RAM");
                assert_eq!(body["AccessDeniedDetail"], detail["AccessDeniedDetail"]);
            }
            Answer::Success(fields) => panic!("read as a success: {fields:?}"),
        }
    }
}

#[test]
fn tencent_encoding() {
    let protocol = protocol::find("tencent-api3").unwrap();
    let headers = [("Content-Type", "application/json")];
    check_encoded(
        protocol.encode_answer(&success(json!({ "TotalCount": 1 })), &reply(Format::Json)),
        200,
        &headers,
        &format!("{{\"Response\":{{\"TotalCount\":1,\"RequestId\":\"{ID}\"}}}}"),
    );
    check_encoded(
        protocol.encode_refusal(&refusal(), &reply(Format::Json)),
        200,
        &headers,
        &format!(
            "{{\"Response\":{{\"Error\":{{\"Code\":\"A.B\",\"Message\":\"x < y & \\\"z\\\"\"}},\"RequestId\":\"{ID}\"}}}}"
        ),
    );
}

/// What a body has to be read as.
enum Read {
    Fields(Value),
    /// Code, message, request id.
    Failure(&'static str, &'static str, Option<&'static str>),
    /// Part of the reason.
    Unreadable(&'static str),
}
use Read::{Failure, Fields, Unreadable};

#[track_caller]
fn check_decoded(protocol: &str, cases: Vec<(u16, &str, Read)>) {
    let shape = Shape::Object(vec![
        ("Code".to_owned(), Shape::Integer),
        ("Total".to_owned(), Shape::Integer),
        ("Done".to_owned(), Shape::Boolean),
        (
            "Images".to_owned(),
            Shape::Object(vec![("Image".to_owned(), list(Shape::Object(vec![("Size".to_owned(), Shape::Integer)])))]),
        ),
    ]);
    let protocol = protocol::find(protocol).unwrap();
    for (status, body, expected) in cases {
        let response = HttpResponse { status, headers: Vec::new(), body: body.as_bytes().to_vec() };
        let read = protocol.decode_answer(&response, Some(&shape));
        match (read, expected) {
            (Ok(Answer::Success(fields)), Fields(expected)) => {
                assert_eq!(Value::Object(fields), expected, "{body}");
            }
            (Ok(Answer::Failure { code, message, request_id, .. }), Failure(c, m, id)) => {
                assert_eq!((&*code, &*message, request_id.as_deref()), (c, m, id), "{body}");
            }
            (Err(error), Unreadable(part)) => {
                assert!(error.reason.contains(part), "{body}: {error}");
                assert!(error.reason.contains(&format!("status {status} ")), "{body}: {error}");
            }
            (read, _) => panic!("{status} {body}: {read:?}"),
        }
    }
}

#[test]
fn alibaba_decoding() {
    check_decoded(
        "alibaba-rpc",
        vec![
            (200, "{\"RequestId\":\"r\"}", Fields(json!({ "RequestId": "r" }))),
            (200, "{\"Code\":0,\"RequestId\":\"r\"}", Fields(json!({ "Code": 0, "RequestId": "r" }))),
            (200, "{\"Code\":0,\"Message\":\"ok\"}", Fields(json!({ "Code": 0, "Message": "ok" }))),
            (200, "{\"Code\":\"0\"}", Fields(json!({ "Code": "0" }))),
            (200, "{\"Code\":\"E\",\"Message\":\"m\"}", Failure("E", "m", None)),
            (403, "{\"Code\":\"E\",\"Message\":\"m\",\"RequestId\":\"r\"}", Failure("E", "m", Some("r"))),
            (500, "{\"Code\":\"E\"}", Failure("E", "", None)),
            (400, "{\"Code\":17,\"Message\":\"m\"}", Failure("17", "m", None)),
            (400, "{\"RequestId\":\"r\"}", Unreadable("without a `Code`")),
            (400, "{\"code\":\"E\",\"message\":\"m\"}", Unreadable("without a `Code`")),
            (200, "", Unreadable("an empty body")),
            (503, " \n", Unreadable("an empty body")),
            (200, "[]", Unreadable("JSON that is not an object")),
            (200, "{\"RequestId\":\"r", Unreadable("broken JSON")),
            (200, "Bad Gateway", Unreadable("broken JSON")),
            (502, "<html><body>Bad Gateway</body></html>", Unreadable("unexpected root element <html>")),
            (502, "<!DOCTYPE html><html></html>", Unreadable("document type")),
            (
                200,
                "<DeleteImageResponse><RequestId>r</RequestId></DeleteImageResponse>",
                Fields(json!({ "RequestId": "r" })),
            ),
            (
                200,
                "<?xml version='1.0'?>\n<AResponse>\n <Code>0</Code>\n <Done>false</Done>\n</AResponse>\n",
                Fields(json!({ "Code": 0, "Done": false })),
            ),
            (
                200,
                "<AResponse><Images><Image><Size>1</Size></Image></Images></AResponse>",
                Fields(json!({ "Images": { "Image": [{ "Size": 1 }] } })),
            ),
            (
                200,
                "<AResponse><Images><Image><Size>1</Size></Image><Image/></Images></AResponse>",
                Fields(json!({ "Images": { "Image": [{ "Size": 1 }, {}] } })),
            ),
            (200, "<AResponse><Images/><Total>x</Total></AResponse>", Fields(json!({ "Images": {}, "Total": "x" }))),
            (200, "<AResponse><N>&lt;&#65;<![CDATA[<]]></N></AResponse>", Fields(json!({ "N": "<A<" }))),
            (
                404,
                "<Error><RequestId>r</RequestId><Code>E</Code><Message>m</Message></Error>",
                Failure("E", "m", Some("r")),
            ),
            (200, "<Error><Code>E</Code></Error>", Failure("E", "", None)),
            (404, "<AResponse><RequestId>r</RequestId></AResponse>", Unreadable("without a `Code`")),
            (200, "<AResponse><RequestId>r</RequestId>", Unreadable("ends before")),
            (200, "<AResponse><RequestId>r</AResponse>", Unreadable("broken XML")),
            (200, "<AResponse>&unknown;</AResponse>", Unreadable("unknown XML entity")),
            (200, "<AResponse/><AResponse/>", Unreadable("more than one root")),
            (200, "<AResponse/>tail", Unreadable("text outside")),
        ],
    );
}

#[test]
fn tencent_decoding() {
    check_decoded(
        "tencent-api3",
        vec![
            (200, "{\"Response\":{\"RequestId\":\"r\"}}", Fields(json!({ "RequestId": "r" }))),
            (200, "{\"Response\":{}}", Fields(json!({}))),
            (
                200,
                "{\"Response\":{\"Error\":{\"Code\":\"E\",\"Message\":\"m\"},\"RequestId\":\"r\"}}",
                Failure("E", "m", Some("r")),
            ),
            (200, "{\"Response\":{\"Error\":{\"Code\":\"E\",\"Message\":\"m\"}}}", Failure("E", "m", None)),
            (200, "{\"Response\":{\"Error\":null}}", Unreadable("`Error` without a `Code`")),
            (200, "{\"Response\":{\"Error\":{}}}", Unreadable("`Error` without a `Code`")),
            (
                400,
                "{\"Response\":{\"Error\":{\"Code\":\"E\",\"Message\":\"m\"}}}",
                Unreadable("documented to come with 200 only"),
            ),
            (200, "{}", Unreadable("no `Response`")),
            (200, "{\"Response\":[]}", Unreadable("no `Response`")),
            (200, "{\"code\":4100,\"message\":\"m\"}", Unreadable("no `Response`")),
            (200, "[]", Unreadable("JSON that is not an object")),
            (200, "", Unreadable("an empty body")),
            (204, "", Unreadable("an empty body")),
            (200, "{\"Response\":{", Unreadable("broken JSON")),
            (502, "<html></html>", Unreadable("broken JSON")),
        ],
    );
}

#[test]
fn xml_that_nests_too_deep_is_unreadable() {
    for depth in [65, 100_000] {
        let body = "<a>".repeat(depth).into_bytes();
        let response = HttpResponse { status: 200, headers: Vec::new(), body };
        let protocol = protocol::find("alibaba-rpc").unwrap();
        let error = protocol.decode_answer(&response, None).unwrap_err();
        assert_eq!(error.reason, "status 200 with XML nested deeper than 64");
    }
}

#[test]
fn formats_asked_for() {
    let v1 = |query: &str| HttpRequest { query: query.to_owned(), ..HttpRequest::default() };
    let v1_form = HttpRequest {
        headers: owned(&[("content-type", form::FORM)]),
        body: b"Format=json".to_vec(),
        ..v1("Format=XML")
    };
    let v3 = HttpRequest { headers: owned(&[("X-Acs-Date", "any")]), ..v1("") };
    for (protocol, request, format) in [
        ("alibaba-rpc", v1("Format=JSON"), Format::Json),
        ("alibaba-rpc", v1("Format=json"), Format::Json),
        ("alibaba-rpc", v1("Format=XML"), Format::Xml),
        ("alibaba-rpc", v1("Format=None"), Format::Xml),
        ("alibaba-rpc", v1("Action=A"), Format::Xml),
        ("alibaba-rpc", v1_form, Format::Json),
        ("alibaba-rpc", v3, Format::Json),
        ("tencent-api3", v1("Format=XML"), Format::Json),
    ] {
        assert_eq!(protocol::find(protocol).unwrap().format_of(&request), format, "{request:?}");
    }
}
