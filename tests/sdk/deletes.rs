//! Every SDK deletes an image on `aswritten serve`, which checks signatures.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aswritten::{
    endpoint::http::{Http, Target},
    execute::{Givens, Pace, Surroundings, execute},
    generate::{Generator, Options},
    mock::http::MAIN,
    model::Caller,
    sdk::{
        process::{Launch, Process},
        protocol::{Call, CallOptions, Keys, Known, Outcome, Question},
    },
    sequence::{Purpose, Script, command::fill},
    spec::{
        SpecSet,
        operation::Spelling,
        service::{OpRef, RegionTravel},
    },
    wire::{Credential, Format, signing},
};
use serde_json::{Map, Value};
use url::Url;

const PATIENT: Duration = Duration::from_secs(60);

/// The SDK deletes an image that was made for it, and then there is none to delete any longer.
pub fn deletes(set: &Arc<SpecSet>, url: &str, launch: &Launch, known: &Known, scheme: &str) -> Result<(), String> {
    let (at, _) = set
        .operations()
        .find(|(at, operation)| {
            set.service(*at).name == known.service && operation.is_documented() && operation.edition.is_none()
        })
        .ok_or("no documented operation")?;
    let call = prepare(set, at, url, scheme)?;
    let (mut process, _) = Process::greet(launch).map_err(|error| error.to_string())?;
    let mut ask = || process.call(Question::Call(Box::new(call.clone())), PATIENT).map_err(|error| error.to_string());
    match ask()?.0.outcome {
        Outcome::Success { fields: Some(fields), .. } if fields.contains_key("RequestId") => {}
        other => return Err(format!("{}: {other:?}", known.sdk)),
    }
    match ask()?.0.outcome {
        Outcome::Error { .. } => Ok(()),
        other => Err(format!("{}: deleted twice: {other:?}", known.sdk)),
    }
}

/// Makes an image, by the model's shortest way, and writes the call that deletes it.
fn prepare(set: &Arc<SpecSet>, at: OpRef, url: &str, scheme_name: &str) -> Result<Call, String> {
    let service = set.service(at);
    let generator = Generator::new(set, &[at], "served", Options::default());
    let success = set.operation(at).basics.ok_or("no basics")?.success;
    let script = generator.shortest((at, success), None, false).into_iter().next().ok_or("no way to a success")?;
    let position = script.commands.iter().rposition(|command| command.purpose == Purpose::Call).ok_or("no call")?;
    let scheme = signing::find(&service.signing[0]).ok_or("no scheme")?;
    let target = Target {
        url: Url::parse(url).map_err(|error| error.to_string())?,
        credential: Credential::pair(MAIN),
        restricted: None,
        scheme: scheme.name().to_owned(),
        placement: scheme.preferred_placement(),
        format: Format::Json,
    };
    let http =
        Http::new(set.clone(), BTreeMap::from([(at.service, target)]), PATIENT).map_err(|error| error.to_string())?;
    let around = Surroundings {
        givens: Givens::defaults(set),
        run: format!("served{}", rand::random::<u32>()),
        patience_ms: 20_000,
        linger_ms: 10,
        clean: false,
        pace: Pace::default(),
    };
    let setup = Script::new(script.commands[..position].to_vec(), Vec::new());
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let history = runtime.block_on(execute(set, &setup, &http, &around, "1"));
    let call = &script.commands[position];
    assert_eq!(call.caller, Caller::Main);
    let mut arguments = Map::new();
    let home = service.given("region").map(|given| given.default.clone()).unwrap_or_default();
    for (param, value) in set.operation(at).params.iter().zip(&call.arguments) {
        let Some(value) = value else { continue };
        let place = &mut |place: &str| match place {
            "$given.region" => Some(home.clone()),
            place => history.filled.get(place).cloned(),
        };
        let value = fill(value, place).ok_or_else(|| format!("{} names what was never made", param.name))?;
        let is_text = param.spelling == Spelling::Json;
        if !param.header {
            arguments.insert(param.name.clone(), if is_text { Value::String(value.to_string()) } else { value });
        }
    }
    Ok(Call {
        service: service.name.clone(),
        version: service.version.clone(),
        action: set.operation(at).name.clone(),
        arguments,
        region: if service.region == RegionTravel::None { String::new() } else { home },
        endpoint: url.to_owned(),
        credentials: Keys { id: MAIN.0.into(), secret: MAIN.1.into() },
        options: CallOptions { timeout_ms: 20_000, retries: 0, retry_codes: Vec::new(), signing: scheme_name.into() },
    })
}
