//! Is there someone at the URL, who speaks the protocol, and lets us in?

use std::collections::BTreeMap;

use super::{failure::Failure, terminal};
use crate::{
    campaign::control::plain_read,
    endpoint::{Call, Endpoint, http::Http},
    execute::Givens,
    guard::Guarded,
    history::{Reply, Trouble, TroubleKind},
    mock::{http::SERVER, server::LAG},
    model::{Caller, view},
    report::Address,
    sequence::command::templated,
    spec::{
        SpecSet,
        resource::Template,
        service::{Means, OpRef},
    },
};

/// Who answers at a URL.
#[derive(Debug, Clone, Copy, Default)]
pub struct Host {
    /// A mock of ours.
    pub is_mock: bool,
    /// By how much it says that its reads lag.
    pub lag_ms: u64,
}

impl Host {
    /// Of a `Server` header.
    fn named(name: &str) -> Self {
        let ours = SERVER.split_once('/').map_or(SERVER, |(name, _)| name);
        let is_mock = name.strip_prefix(ours).is_some_and(|rest| rest.starts_with('/'));
        let lag = name.split_once(LAG).and_then(|(_, rest)| rest.trim_end_matches(')').parse().ok());
        Self { is_mock, lag_ms: lag.filter(|_| is_mock).unwrap_or(0) }
    }
}

/// Times that a URL is asked before nobody is there.
const GREETINGS: usize = 5;

/// Pause between two of them, in milliseconds.
const KNOCK_PAUSE_MS: u64 = 100;

/// Asks each service's URL who answers.
///
/// # Errors
/// A URL where nobody answers, or where the answer is not HTTP.
pub async fn greet(http: &Http, addresses: &BTreeMap<usize, Address>) -> Result<BTreeMap<usize, Host>, Failure> {
    let mut known: BTreeMap<&str, Host> = BTreeMap::new();
    let mut hosts = BTreeMap::new();
    for (service, address) in addresses {
        let url = address.url.as_str();
        let host = match known.get(url) {
            Some(host) => *host,
            None => {
                let mut answer = http.greet(*service).await;
                for _ in 1..GREETINGS {
                    // A connection that breaks once says nothing.
                    if answer.as_ref().is_err_and(|trouble| trouble.kind == TroubleKind::Broken) {
                        answer = http.greet(*service).await;
                    }
                }
                let server = answer.map_err(|trouble| {
                    let (text, help) = match trouble.kind {
                        TroubleKind::Unreachable => {
                            ("cannot reach", "is it running, and is the address right? `aswritten serve` starts a mock")
                        }
                        TroubleKind::Timeout => {
                            ("no answer in time from", "is the address right? `--timeout` allows more time")
                        }
                        TroubleKind::Broken | TroubleKind::Unreadable => (
                            "no HTTP answer from",
                            "is this the port of an HTTP server, and http or https as it should be?",
                        ),
                    };
                    Failure::environment(format!("{text} {url}: {}", trouble.text)).help(help)
                })?;
                let host = server.map(|server| Host::named(&server)).unwrap_or_default();
                known.insert(url, host);
                host
            }
        };
        hosts.insert(*service, host);
    }
    Ok(hosts)
}

/// One signed read of a service: it must be let in, and the answer must be one of the protocol.
///
/// # Errors
/// Refused credentials, and answers that are none of the protocol's.
pub async fn knock(
    set: &SpecSet,
    endpoint: &dyn Endpoint,
    service: usize,
    address: &Address,
    origin: &str,
    givens: &Givens,
) -> Result<(), Failure> {
    let Some(call) = plain_read(set, service, givens) else { return Ok(()) };
    let described = &set.services[service];
    let action = &set.operation(call.operation).name;
    let url = &address.url;
    let mut reply = endpoint.send(&call).await;
    for _ in 1..GREETINGS {
        let passing = |trouble: &Trouble| matches!(trouble.kind, TroubleKind::Broken | TroubleKind::Unreadable);
        if matches!(&reply, Reply::Trouble(trouble) if passing(trouble)) {
            endpoint.wait(KNOCK_PAUSE_MS).await;
            reply = endpoint.send(&call).await;
        }
    }
    match reply {
        Reply::Success { .. } => Ok(()),
        Reply::Refused { code, message, .. } => {
            if described.means(&code) == Some(Means::Credentials) {
                // Some services go on with all that was signed.
                let message = message.lines().next().unwrap_or_default();
                let text = format!("{url} refuses the credentials for {}: {code}: {message}", described.name);
                return Err(
                    Failure::environment(text).help(format!("they are from {origin}; {action} was called to try them"))
                );
            }
            Ok(())
        }
        Reply::Trouble(trouble) if trouble.kind == TroubleKind::Unreadable => {
            let text = format!("{url} does not speak {} ({}): {}", described.protocol, described.name, trouble.text);
            Err(Failure::environment(text)
                .help("is this the endpoint of this service? `SERVICE=URL` gives each its own"))
        }
        Reply::Trouble(trouble) => {
            let text = format!("{action} earned no answer from {url}: {}: {}", trouble.kind.name(), trouble.text);
            Err(Failure::environment(text).help("`--timeout` allows more time"))
        }
        Reply::NotSent { reason } => Err(Failure::environment(format!("cannot call {action} at {url}: {reason}"))),
    }
}

/// Looks for given things that belong to others, by the reads that the spec proposes; what fails is left unknown. Whether one
/// was found.
pub async fn discover(
    set: &SpecSet,
    scout: &Guarded,
    service: usize,
    givens: &mut Givens,
    name: &str,
    verbose: bool,
) -> bool {
    let described = &set.services[service];
    let Some(template) = described.given(name).and_then(|given| given.discover.as_ref()) else { return false };
    let action = format!("{}: {}", described.name, template.operation);
    match first_shown(set, scout, service, givens, template).await {
        Ok(Some(found)) => {
            if verbose {
                terminal::note(&format!("{action} finds `{name}`: {found}"));
            }
            givens.set(service, name, &found);
            true
        }
        Ok(None) => {
            if verbose {
                terminal::note(&format!("{action} finds no `{name}`"));
            }
            false
        }
        Err(why) => {
            terminal::warning(&format!("{action} cannot look for `{name}`: {why} (see `--given {name}=ID`)"));
            false
        }
    }
}

/// The id of what a read shows first, if it shows anything.
///
/// # Errors
/// Why there is no answer that shows anything, or could.
async fn first_shown(
    set: &SpecSet,
    scout: &Guarded,
    service: usize,
    givens: &Givens,
    template: &Template,
) -> Result<Option<String>, String> {
    let Some(call) = filled(set, service, givens, template) else { return Ok(None) };
    let operation = set.operation(call.operation);
    match scout.patiently(&call).await {
        Reply::Success { fields, .. } => {
            let seen = operation.views.first().and_then(|shown| view::observe(shown, &fields));
            Ok(seen.and_then(|seen| seen.elements.first().map(|element| element.id.to_string())))
        }
        Reply::Refused { code, message, .. } => Err(format!("{code}: {}", message.lines().next().unwrap_or_default())),
        Reply::Trouble(trouble) => Err(format!("{}: {}", trouble.kind.name(), trouble.text)),
        Reply::NotSent { reason } => Err(reason),
    }
}

/// The call of a template; none where something is missing to fill it.
fn filled(set: &SpecSet, service: usize, givens: &Givens, template: &Template) -> Option<Call> {
    let operation = OpRef { service, operation: set.services[service].action(&template.operation, None)? };
    let region = givens.get(service, "region").unwrap_or_default();
    let mut place = |text: &str| match text {
        "$region" => Some(region.to_owned()),
        _ => givens.get(service, text.strip_prefix("$given.")?).map(str::to_owned),
    };
    let arguments = templated(set.operation(operation), template, region, &mut place)?;
    let region = (!region.is_empty()).then(|| region.into());
    Some(Call { operation, arguments, region, caller: Caller::Main })
}

#[cfg(test)]
mod tests {
    use std::{
        collections::VecDeque,
        sync::{Arc, Mutex, PoisonError},
    };

    use serde_json::json;

    use super::discover;
    use crate::{
        cli::safety,
        endpoint::{Call, Endpoint, Sent},
        execute::Givens,
        history::{Reply, Trouble, TroubleKind},
        spec::embedded,
    };

    /// Answers in this order.
    struct Answers(Mutex<VecDeque<Reply>>);

    impl Endpoint for Answers {
        fn send<'a>(&'a self, _: &'a Call) -> Sent<'a, Reply> {
            let mut left = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Box::pin(std::future::ready(left.pop_front().expect("an answer is left")))
        }

        fn now_ms(&self) -> u64 {
            0
        }

        fn wait<'a>(&'a self, _: u64) -> Sent<'a, ()> {
            Box::pin(std::future::ready(()))
        }

        fn name(&self) -> String {
            "answers".into()
        }
    }

    #[test]
    fn a_look_around_is_repeated_where_the_service_has_no_time() {
        let set = Arc::new(embedded().expect("the embedded specs are sound"));
        let cvm = set.services.iter().position(|service| service.name == "cvm").expect("it is specified");
        let refused = |code: &str| Reply::Refused {
            status: 200,
            code: code.into(),
            message: "no".into(),
            request_id: Some("r".into()),
        };
        let lost = || {
            let text = "nothing came".into();
            Reply::Trouble(Trouble { kind: TroubleKind::Timeout, text, may_have_happened: true })
        };
        let shown = |images: serde_json::Value| {
            let fields = json!({ "ImageSet": images, "TotalCount": 1, "RequestId": "r" });
            let fields = fields.as_object().cloned().unwrap_or_default();
            Reply::Success { status: 200, fields }
        };
        let public =
            || shown(json!([{ "ImageId": "img-anyones1", "ImageState": "NORMAL", "ImageType": "PUBLIC_IMAGE" }]));
        let check = |answers: Vec<Reply>, expected: Option<&str>| {
            let endpoint = Arc::new(Answers(Mutex::new(answers.into())));
            let scout = safety::scout(&set, endpoint.clone());
            let mut givens = Givens::defaults(&set);
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            let found = runtime.block_on(discover(&set, &scout, cvm, &mut givens, "public_image", false));
            assert_eq!(found.then(|| givens.get(cvm, "public_image")).flatten(), expected);
            assert!(endpoint.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty(), "all is asked for");
        };
        check(vec![public()], Some("img-anyones1"));
        check(vec![refused("RequestLimitExceeded"), lost(), public()], Some("img-anyones1"));
        check(vec![shown(json!([]))], None);
        check(vec![refused("UnauthorizedOperation")], None);
    }
}
