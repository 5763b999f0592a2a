//! Servers that answer with anything but what was asked for: each earns a verdict with a reason, soon, and no panic.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, run_planned},
    endpoint::{
        Endpoint,
        http::{Http, Target},
    },
    execute::{Givens, Surroundings},
    generate::{Generator, Options},
    mock::{Front, Mock, Policy, http::MAIN},
    spec::{self, SpecSet},
    wire::{Credential, Format, HttpRequest, Placement},
};
use tokio::{io::AsyncReadExt, net::TcpListener};
use url::Url;
use wiremock::{MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Operation that hostile servers answer.
const OPERATION: &str = "ecs/DeleteImage";
/// A cheap requirement of it: one call, nothing to prepare.
const AIM: &str = "ecs/DeleteImage/error/InvalidImageId.NotFound";
/// Patience for one answer.
const TIMEOUT: Duration = Duration::from_millis(400);
/// No hostile server may cost more than this, on a busy machine.
const LONGEST: Duration = Duration::from_secs(30);

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));
static GENERATOR: LazyLock<Generator<'static>> = LazyLock::new(|| {
    let at = SET.find(OPERATION).expect("it is specified");
    Generator::new(&SET, &[at], "hostile", Options::default())
});

/// The same tests for each kind of answer.
macro_rules! answers {
    ($($name:ident => $answer:expr),+ $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn everywhere() { super::everywhere($answer).await; }
            #[tokio::test(flavor = "multi_thread")]
            async fn from_the_documented_operation() { super::only_documented($answer).await; }
        })+
    };
}

answers! {
    broken_json => super::json(b"{\"RequestId\": \"7".to_vec()),
    empty_body => super::json(Vec::new()),
    text_that_is_a_page => super::ResponseTemplate::new(200).set_body_raw("<html>Hello</html>", "text/html"),
    wrong_json => super::json(b"[1, 2, 3]".to_vec()),
    internal_error => super::ResponseTemplate::new(500),
    unavailable_page => super::ResponseTemplate::new(503).set_body_raw("<html>503</html>", "text/html"),
    redirect => super::ResponseTemplate::new(302).insert_header("location", "http://127.0.0.1:1/"),
    huge_body => super::json(vec![b' '; 50 << 20]),
    hang => super::json(b"{}".to_vec()).set_delay(super::LONGEST),
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_everywhere() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 64];
            let _ = stream.read(&mut some).await;
            // Closing with unread bytes resets the connection.
            drop(stream);
        }
    });
    refused_to_judge(&judge(&url).await);
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_everywhere() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 4096];
            let _ = stream.read(&mut some).await;
            let half =
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"RequestId\":";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, half).await;
        }
    });
    refused_to_judge(&judge(&url).await);
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let outcome = judge(&url).await;
    assert_ne!(outcome.verdict, Verdict::Conforms);
    assert_ne!(outcome.verdict, Verdict::Violates, "who is not there breaks no promise: {:?}", outcome.findings);
    assert!(!outcome.reasons.is_empty());
}

/// Every request earns this answer.
async fn everywhere(answer: ResponseTemplate) {
    let server = MockServer::start().await;
    wiremock::Mock::given(any()).respond_with(answer).mount(&server).await;
    refused_to_judge(&judge(&server.uri()).await);
}

/// Only the documented operation earns this answer; the others are answered as documented.
async fn only_documented(answer: ResponseTemplate) {
    let server = MockServer::start().await;
    let front = Front::new(Mock::new(SET.clone(), Policy::new(&SET, 1)), Vec::new());
    wiremock::Mock::given(any()).respond_with(Half { front, began: Instant::now(), answer }).mount(&server).await;
    let outcome = judge(&server.uri()).await;
    assert_eq!(outcome.verdict, Verdict::Violates, "{:?}", outcome.reasons);
    let keys: Vec<&str> =
        outcome.findings.iter().filter(|result| result.counts).map(|result| &*result.finding.key).collect();
    assert!(keys.iter().all(|key| key.ends_with("#no answer")), "{keys:?}");
    assert!(keys.iter().any(|key| key.starts_with(OPERATION)), "{keys:?}");
}

/// Nothing was said that could be right, and why is known.
fn refused_to_judge(outcome: &Outcome) {
    assert_ne!(outcome.verdict, Verdict::Conforms);
    assert!(!outcome.reasons.is_empty() || !outcome.findings.is_empty(), "there is a reason");
    let text: Vec<&str> = outcome.reasons.iter().map(|(text, _)| &**text).collect();
    assert!(text.iter().all(|text| !text.is_empty()), "{text:?}");
}

/// A run of few cases that aims at one requirement.
async fn judge(url: &str) -> Outcome {
    let at = SET.find(OPERATION).expect("it is specified");
    let (_, requirement, _) = SET.requirements().find(|(_, _, found)| found.id == AIM).expect("it is specified");
    let options = Options { only: vec![(at, requirement)], ..Options::default() };
    let generator = GENERATOR.again("hostile", options.clone());
    let target = Target {
        url: Url::parse(url).expect("a URL"),
        credential: Credential::pair(MAIN),
        restricted: None,
        scheme: SET.service(at).signing[0].clone(),
        placement: Placement::PostQuery,
        format: Format::Json,
    };
    let http = Http::new(SET.clone(), BTreeMap::from([(at.service, target)]), TIMEOUT).expect("a client");
    let around = Surroundings {
        givens: Givens::defaults(&SET),
        run: "hostile".into(),
        patience_ms: 500,
        linger_ms: 20,
        clean: true,
        pace: Default::default(),
    };
    let settings =
        Settings { cases: Some(2), workers: 2, shrink_requests: 20, options, ..Settings::new("hostile", at, around) };
    let began = Instant::now();
    let endpoints = [Arc::new(http) as Arc<dyn Endpoint>];
    let outcome = run_planned(&SET, &settings, &generator, &endpoints, &|_| {}).await;
    assert!(began.elapsed() < LONGEST, "it took {:?}", began.elapsed());
    outcome
}

/// The mock, except for the documented operation.
struct Half {
    front: Front,
    began: Instant,
    answer: ResponseTemplate,
}

impl Respond for Half {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers = request.headers.iter();
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let documented = &SET.operation(SET.find(OPERATION).expect("it is specified")).name;
        if headers.iter().any(|(name, value)| name == "x-acs-action" && value == documented) {
            return self.answer.clone();
        }
        let request = HttpRequest {
            method: request.method.as_str().to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers,
            body: request.body.clone(),
        };
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).cast_signed();
        let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let answer = self.front.respond(&request, seconds, elapsed);
        let mut template = ResponseTemplate::new(answer.status);
        for (name, value) in answer.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type")) {
            template = template.append_header(name.as_str(), value.as_str());
        }
        let kind = answer.header("content-type").unwrap_or("application/json").to_owned();
        template.set_body_raw(answer.body, &kind)
    }
}

fn json(body: Vec<u8>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body, "application/json")
}
