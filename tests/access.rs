//! Who sends a request is checked, or the suite says so: over real sockets, for every documented operation.
//!
//! The careless servers here are the mock behind a verifier that skips one of its checks. Each earns exactly the violation
//! that is about that check.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::{Arc, LazyLock, Mutex, OnceLock},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aswritten::{
    campaign::{Outcome, Settings, Verdict, run_planned},
    endpoint::{
        Call, Endpoint,
        http::{Http, Target},
    },
    execute::{Givens, Surroundings, execute},
    generate::{Generator, Options},
    history::Reply,
    mock::{Front, Mock, Policy, http::MAIN, server::Server},
    model::Caller,
    oracle::judge,
    sequence::{Purpose, Script},
    spec::{self, Kind, SpecSet, service::OpRef},
    value::Key,
    wire::{Credential, Format, HttpRequest, HttpResponse, KeyRing, Placement, protocol, signing},
};
use url::Url;
use wiremock::{MockServer, Request, Respond, ResponseTemplate, matchers::any};

/// Rounds over all requirements about access: first with ids that do not exist, then with images of the run.
const ROUNDS: u64 = 3;
const SEED: &str = "access";

/// What verifiers answer to each impostor, by protocol.
const CHECKS: &[(&str, &[(&str, &str)])] = &[
    (
        "alibaba-rpc",
        &[
            ("forged-signature", "SignatureDoesNotMatch"),
            ("stale-time", "InvalidTimeStamp.Expired"),
            ("used-nonce", "SignatureNonceUsed"),
            ("unknown-key", "InvalidAccessKeyId.NotFound"),
            ("no-signature", "MissingAccessKeyId"),
        ],
    ),
    (
        "tencent-api3",
        &[
            ("forged-signature", "AuthFailure.SignatureFailure"),
            ("stale-time", "AuthFailure.SignatureExpire"),
            ("unknown-key", "AuthFailure.SecretIdNotFound"),
            ("no-signature", "AuthFailure.InvalidAuthorization"),
        ],
    ),
];

static SET: LazyLock<Arc<SpecSet>> = LazyLock::new(|| Arc::new(spec::embedded().expect("the specs are sound")));

/// The same tests for each documented operation.
macro_rules! operations {
    ($($name:ident: $id:literal),+ $(,)?) => {
        const OPERATIONS: &[&str] = &[$($id),+];
        $(mod $name {
            #[test]
            fn plans_are_cheap_and_safe() { super::plans_are_cheap_and_safe($id); }
            #[tokio::test(flavor = "multi_thread")]
            async fn the_mock_checks_everything() { super::the_mock_checks_everything($id).await; }
            #[tokio::test(flavor = "multi_thread")]
            async fn a_server_that_accepts_anything() { super::a_server_that_accepts_anything($id).await; }
            #[tokio::test(flavor = "multi_thread")]
            async fn a_server_that_skips_one_check() { super::a_server_that_skips_one_check($id).await; }
            #[tokio::test(flavor = "multi_thread")]
            async fn a_server_that_obeys_before_it_refuses() { super::a_server_that_obeys_before_it_refuses($id).await; }
        })+
    };
}

operations! {
    ecs_delete_image: "ecs/DeleteImage",
    ens_delete_image: "ens/DeleteImage",
    swas_delete_custom_images: "swas/DeleteCustomImages",
    cvm_delete_images: "cvm/DeleteImages",
}

#[test]
fn every_documented_operation_is_here() {
    let current = SET.operations().filter(|(_, operation)| operation.is_documented() && operation.edition.is_none());
    let ids: BTreeSet<&str> = current.map(|(_, operation)| &*operation.id).collect();
    assert_eq!(ids, OPERATIONS.iter().copied().collect());
}

#[test]
fn every_documented_operation_requires_what_its_vendor_documents() {
    for (_, operation) in SET.operations().filter(|(_, operation)| operation.is_documented()) {
        let service = operation.id.split('/').next().and_then(|name| SET.services.iter().find(|one| one.name == name));
        let expected: Vec<String> = checks(&service.expect("it belongs to a service").protocol)
            .iter()
            .map(|(caller, _)| format!("{}/access/{caller}", operation.id))
            .collect();
        let found: Vec<&str> = operation
            .requirements
            .iter()
            .filter(|requirement| requirement.kind == Kind::Access)
            .map(|requirement| &*requirement.id)
            .collect();
        assert_eq!(found, expected);
    }
}

/// A call with nothing prepared that names an id that does not exist, where that is enough, and one for something of the run.
fn plans_are_cheap_and_safe(id: &str) {
    let subject = Subject::of(id);
    for aim in subject.aims() {
        let requirement = &SET.operation(subject.at).requirements[aim.1].id;
        let scripts = subject.aiming_at(aim).shortest(aim, None, false);
        let call = scripts[0].commands.last().expect("a call");
        assert!(call.purpose == Purpose::Call && !call.caller.is_authentic(), "{requirement}");
        // A nonce has to be used by something that the script itself does.
        let is_prepared = scripts[0].commands.len() > 1;
        assert_eq!(is_prepared, call.caller == Caller::Replayed, "{requirement}");
        assert!(names_what_it_made(scripts.last().expect("a plan")), "{requirement}");
        for script in scripts.iter().filter(|script| !names_what_it_made(script)) {
            assert!(named(script).iter().all(|id| !id.starts_with('$')), "{requirement}: {:?}", named(script));
        }
    }
}

/// Ids that the last call names.
fn named(script: &Script) -> Vec<Key> {
    let request = script.commands.last().map(|call| call.request(&SET, &Script::home()));
    request.into_iter().flat_map(|request| request.targets).flatten().collect()
}

fn names_what_it_made(script: &Script) -> bool {
    let made: Vec<&Key> = script.commands.iter().flat_map(|command| &command.creates).collect();
    let named = named(script);
    !named.is_empty() && named.iter().all(|id| made.contains(&id))
}

async fn the_mock_checks_everything(id: &str) {
    let subject = Subject::of(id);
    let server = Server::start(front(), ([127, 0, 0, 1], 0).into()).await.expect("a server");
    let outcome = subject.judge(&server.url()).await;
    assert_eq!(outcome.verdict, Verdict::Conforms, "{:?}", violated(&outcome));
    let untold: Vec<&str> = subject
        .aims()
        .iter()
        .filter(|(_, index)| outcome.operations[0].requirements[*index].exercised == 0)
        .map(|(_, index)| &*SET.operation(subject.at).requirements[*index].id)
        .collect();
    assert!(untold.is_empty(), "not exercised: {untold:?}; {:?}", outcome.reasons);
}

async fn a_server_that_accepts_anything(id: &str) {
    let subject = Subject::of(id);
    let server = Server::start(anyones(), ([127, 0, 0, 1], 0).into()).await.expect("a server");
    let outcome = subject.judge(&server.url()).await;
    assert_eq!(violated(&outcome), subject.all());
    assert!(outcome.findings.iter().all(|result| result.finding.key.ends_with("#let in")), "{:?}", keys(&outcome));
}

async fn a_server_that_skips_one_check(id: &str) {
    let subject = Subject::of(id);
    for (caller, code) in checks(&SET.service(subject.at).protocol) {
        let server = subject.careless(Carelessness::Skips(code)).await;
        let outcome = subject.judge(&server.uri()).await;
        assert_eq!(violated(&outcome), BTreeSet::from([format!("{id}/access/{caller}")]), "without {code}");
    }
}

async fn a_server_that_obeys_before_it_refuses(id: &str) {
    let subject = Subject::of(id);
    let server = subject.careless(Carelessness::Obeys).await;
    let http = subject.usual(&server.uri());
    for aim in subject.aims() {
        let plans = subject.aiming_at(aim).shortest(aim, None, true);
        let script = plans.into_iter().find(|script| !script.commands[0].creates.is_empty()).expect("there is a plan");
        let history = execute(&SET, &script, &http, &around(), "0").await;
        let judged = judge(&SET, &script, &history);
        let keys: Vec<&str> = judged.findings.iter().map(|finding| &*finding.key).collect();
        let expected = format!("{}#something changed", SET.operation(subject.at).requirements[aim.1].id);
        assert_eq!(keys, [expected], "{:?}", judged.reasons);
    }
}

/// Whatever scheme and placement a run uses, each impostor is sent so that it earns what the specs say.
#[tokio::test(flavor = "multi_thread")]
async fn every_scheme_sends_impostors() {
    let server = Server::start(front(), ([127, 0, 0, 1], 0).into()).await.expect("a server");
    for id in OPERATIONS {
        let subject = Subject::of(id);
        let service = SET.service(subject.at);
        for scheme in service.signing.iter().map(|name| signing::find(name).expect("a known scheme")) {
            for placement in scheme.placements() {
                let http = subject.http(&server.url(), scheme.name(), *placement);
                let sent = format!("{id} signed with {} by {placement:?}", scheme.name());
                let before = http.send(&subject.call(Caller::Replayed)).await;
                assert!(matches!(before, Reply::NotSent { .. }), "{sent}: no nonce was used yet: {before:?}");
                let read = http.send(&subject.read()).await;
                assert!(matches!(read, Reply::Success { .. }), "{sent}: {read:?}");
                for access in &service.access {
                    let reply = http.send(&subject.call(access.caller)).await;
                    let Reply::Refused { code, .. } = &reply else { panic!("{sent}: {reply:?}") };
                    let name = access.caller.name();
                    assert!(access.codes.iter().any(|known| known.matches(code)), "{sent}, {name}: {reply:?}");
                }
                let main = http.send(&subject.call(Caller::Main)).await;
                assert!(matches!(&main, Reply::Refused { code, .. } if code.contains("Image")), "{sent}: {main:?}");
            }
        }
    }
}

/// A documented operation.
struct Subject {
    at: OpRef,
    generator: &'static Generator<'static>,
}

impl Subject {
    fn of(id: &str) -> Self {
        static GENERATORS: LazyLock<BTreeMap<&str, OnceLock<Generator<'static>>>> =
            LazyLock::new(|| OPERATIONS.iter().map(|id| (*id, OnceLock::new())).collect());
        let at = SET.find(id).expect("it is specified");
        let generator = GENERATORS[id].get_or_init(|| Generator::new(&SET, &[at], SEED, Options::default()));
        Self { at, generator }
    }

    /// Its requirements about access.
    fn aims(&self) -> Vec<(OpRef, usize)> {
        let requirements = SET.operation(self.at).requirements.iter().enumerate();
        requirements.filter(|(_, found)| found.kind == Kind::Access).map(|(index, _)| (self.at, index)).collect()
    }

    /// Ids of all of them.
    fn all(&self) -> BTreeSet<String> {
        self.aims().iter().map(|(at, index)| SET.operation(*at).requirements[*index].id.clone()).collect()
    }

    fn http(&self, url: &str, scheme: &str, placement: Placement) -> Http {
        let target = Target {
            url: Url::parse(url).expect("a URL"),
            credential: main(),
            restricted: None,
            scheme: scheme.into(),
            placement,
            format: Format::Json,
        };
        let targets = BTreeMap::from([(self.at.service, target)]);
        Http::new(SET.clone(), targets, Duration::from_secs(10)).expect("a client")
    }

    /// A call that names what does not exist.
    fn call(&self, caller: Caller) -> Call {
        let generator = self.generator.again(SEED, Options { only: self.aims(), ..options(self) });
        let script = generator.shortest(self.aims()[0], None, false).swap_remove(0);
        let region = SET.service(self.at).given("region").map(|given| given.default.clone());
        let fill = |place: &str| (place == "$given.region").then(|| region.clone().unwrap_or_default());
        let arguments = script.commands[0]
            .arguments
            .iter()
            .map(|value| value.as_ref().and_then(|value| aswritten::sequence::command::fill(value, &mut { fill })));
        Call { operation: self.at, arguments: arguments.collect(), region: region.as_deref().map(Into::into), caller }
    }

    /// A read that everyone may make.
    fn read(&self) -> Call {
        let service = SET.service(self.at);
        let is_list = |name: &str| ["DescribeImages", "DescribeSelfImages", "ListCustomImages"].contains(&name);
        let operation = service.operations.iter().position(|found| is_list(&found.name)).expect("images are listed");
        let at = OpRef { operation, ..self.at };
        let region = service.given("region").map(|given| given.default.clone());
        let arguments =
            SET.operation(at).params.iter().map(|param| region.clone().filter(|_| param.region).map(Into::into));
        Call {
            operation: at,
            arguments: arguments.collect(),
            region: region.as_deref().map(Into::into),
            caller: Caller::Main,
        }
    }

    async fn careless(&self, carelessness: Carelessness) -> MockServer {
        let server = MockServer::start().await;
        let protocol = protocol::find(&SET.service(self.at).protocol).expect("a known protocol");
        let careless =
            Careless { front: anyones(), protocol, carelessness, keys: Keys::default(), began: Instant::now() };
        wiremock::Mock::given(any()).respond_with(careless).mount(&server).await;
        server
    }

    /// A client that signs as a run does unless told otherwise.
    fn usual(&self, url: &str) -> Http {
        let scheme = signing::find(&SET.service(self.at).signing[0]).expect("a known scheme");
        let order = [Placement::PostJson, Placement::PostQuery];
        let placement = order.into_iter().find(|place| scheme.placements().contains(place)).expect("a placement");
        self.http(url, scheme.name(), placement)
    }

    fn aiming_at(&self, aim: (OpRef, usize)) -> Generator<'static> {
        self.generator.again(SEED, Options { only: vec![aim], ..options(self) })
    }

    /// A run that aims at the requirements about access.
    async fn judge(&self, url: &str) -> Outcome {
        let options = options(self);
        let settings = Settings {
            cases: Some(options.only.len() as u64 * ROUNDS),
            workers: 4,
            shrink_requests: 40,
            options: options.clone(),
            ..Settings::new(SEED, self.at, around())
        };
        let endpoints = [Arc::new(self.usual(url)) as Arc<dyn Endpoint>];
        run_planned(&SET, &settings, &self.generator.again(SEED, options), &endpoints, &|_| {}).await
    }
}

fn around() -> Surroundings {
    Surroundings {
        givens: Givens::defaults(&SET),
        run: "access".into(),
        patience_ms: 5_000,
        linger_ms: 40,
        clean: true,
        pace: Default::default(),
    }
}

#[test]
fn what_is_missing_is_told_in_the_protocol_of_the_request() {
    let front = front();
    let mut ids = BTreeSet::new();
    for (query, says) in [
        ("Action=DeleteImage&AccessKeyId=id&Version=2014-05-26&Format=JSON", "MissingSignature"),
        ("Action=DeleteImages&SecretId=id&Nonce=1&Version=2017-03-12", "required parameter `Timestamp`"),
        ("SecretId=id&Nonce=1&Timestamp=1&Version=2017-03-12", "required parameter `Action`"),
        ("SecretId=id&Nonce=1&Timestamp=1&Version=2017-03-12", "required parameter `Action`"),
    ] {
        let request = HttpRequest {
            method: "GET".into(),
            path: "/".into(),
            query: query.into(),
            headers: vec![("Host".into(), "mock".into())],
            body: Vec::new(),
        };
        let answer = String::from_utf8(front.respond(&request, 0, 0).body).expect("text");
        assert!(answer.contains(says), "{query}: {answer}");
        let id =
            answer.split("RequestId\":\"").nth(1).and_then(|rest| rest.split('"').next()).expect("an id").to_owned();
        assert!(ids.insert(id), "an id of its own: {answer}");
    }
}

fn options(subject: &Subject) -> Options {
    Options { careful: true, only: subject.aims(), ..Options::default() }
}

fn front() -> Front {
    Front::new(Mock::new(SET.clone(), Policy::new(&SET, 1)), Vec::new())
}

/// A front that accepts anything.
fn anyones() -> Front {
    let mut front = front();
    front.unsigned = true;
    front
}

fn main() -> Credential {
    Credential::pair(MAIN)
}

fn checks(protocol: &str) -> &'static [(&'static str, &'static str)] {
    CHECKS.iter().find(|(known, _)| *known == protocol).map(|(_, checks)| *checks).expect("a known protocol")
}

fn violated(outcome: &Outcome) -> BTreeSet<String> {
    let counting = outcome.findings.iter().filter(|result| result.counts);
    counting
        .map(|result| {
            let (at, index) = result.finding.requirement;
            SET.operation(at).requirements[index].id.clone()
        })
        .collect()
}

fn keys(outcome: &Outcome) -> Vec<&str> {
    outcome.findings.iter().map(|result| &*result.finding.key).collect()
}

/// What a server does wrong.
enum Carelessness {
    /// It goes on where it ought to answer this.
    Skips(&'static str),
    /// It does what was asked, and then refuses.
    Obeys,
}

/// The mock behind a careless verifier.
struct Careless {
    front: Front,
    protocol: &'static dyn protocol::Protocol,
    carelessness: Carelessness,
    keys: Keys,
    began: Instant,
}

#[derive(Default)]
struct Keys {
    nonces: Mutex<HashSet<String>>,
}

impl KeyRing for Keys {
    fn find(&self, id: &str) -> Option<Credential> {
        Some(main()).filter(|known| known.id == id)
    }

    fn remember(&self, _: &str, nonce: &str) -> bool {
        self.nonces.lock().expect("nobody panicked").insert(nonce.to_owned())
    }
}

impl Respond for Careless {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers = request.headers.iter();
        let request = HttpRequest {
            method: request.method.as_str().to_owned(),
            path: request.url.path().to_owned(),
            query: request.url.query().unwrap_or_default().to_owned(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
                .collect(),
            body: request.body.clone(),
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs().cast_signed();
        let obeyed = || {
            let elapsed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.front.respond(&request, now, elapsed)
        };
        let answer = match (signing::verify(self.protocol.name(), &request, &self.keys, now), &self.carelessness) {
            (Ok(_), _) => obeyed(),
            (Err(refusal), Carelessness::Skips(code)) if refusal.code == *code => obeyed(),
            (Err(refusal), carelessness) => {
                if matches!(carelessness, Carelessness::Obeys) {
                    obeyed();
                }
                let format = self.protocol.format_of(&request);
                let reply = protocol::Reply { action: "", status: 400, request_id: "1", host: "", product: "", format };
                self.protocol.encode_refusal(&refusal, &reply)
            }
        };
        template(answer)
    }
}

fn template(answer: HttpResponse) -> ResponseTemplate {
    let kind = answer.header("content-type").unwrap_or("application/json").to_owned();
    ResponseTemplate::new(answer.status).set_body_raw(answer.body, &kind)
}
