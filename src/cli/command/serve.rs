//! `aswritten serve`.

use std::{
    fmt::Write,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
};

use super::mutants;
use crate::{
    cli::{
        args::{Global, Serve},
        exit_code::ExitCode,
        failure::Failure,
        givens, signals, specs, terminal,
    },
    mock::{
        Mock, Policy,
        http::{Front, MAIN, READER, RESTRICTED, STRANGER},
        server::{INVENTORY, STATISTICS, Server},
    },
    mutant::Mutant,
    spec::{Operation, SpecSet, expression::Expr},
    wire::Credential,
};

/// Serves until someone stops it.
pub async fn run(args: &Serve, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let mut policy = Policy::new(&set, args.settle_ms());
    for answer in &args.answers {
        policy.answer(&set, answer).map_err(|why| Failure::usage(format!("`--answer {answer}`: {why}")))?;
    }
    for edition in &args.editions {
        policy.edition(&set, edition).map_err(|why| Failure::usage(format!("`--edition {edition}`: {why}")))?;
    }
    let mutant = args.mutant.as_ref().map(|id| mutants::find(&set, id)).transpose()?;
    if let Some(mutant) = &mutant
        && let Some(edition) = &set.operation(mutant.at).edition
        && policy.edition(&set, &set.operation(mutant.at).id).is_err()
    {
        return Err(Failure::usage(format!("the edition `{edition}` cannot be served")));
    }
    let served = served(&set, &policy);
    for answer in &args.answers {
        check_served(&set, &served, answer)?;
    }
    let credentials = args.credentials.iter().map(|text| credential(text)).collect::<Result<_, _>>()?;
    let address = address(&args.listen)?;
    let manners = args.manners.manners();
    let given = givens::parse(&set, &args.manners.givens)?;
    let mut mock = Mock::given(set.clone(), policy, &|service, name| given.givens.get(service, name)).behaving(manners);
    args.manners.regions.iter().for_each(|region| mock.add_region(region));
    mock.planted = mutant.as_ref().map(|mutant| mutant.plant(&set));
    let mut front = Front::new(mock, credentials);
    front.unsigned = args.unsigned;
    let server = Server::start(front, address).await.map_err(|error| {
        Failure::environment(format!("cannot listen on {address}: {error}"))
            .help("choose another address, or port 0 for any free one")
    })?;
    let has_editions = served.iter().any(|id| id.contains('@'));
    terminal::print(&greeting(&set, &server, &served, has_editions, args, mutant.as_ref()));
    signals::stop().await;
    let statistics = server.statistics();
    server.stop().await;
    terminal::print(&statistics);
    Ok(ExitCode::Fine)
}

/// Ids of the documented operations, in the editions that are served.
fn served(set: &SpecSet, policy: &Policy) -> Vec<String> {
    let current = set.operations().filter(|(_, operation)| operation.is_documented() && operation.edition.is_none());
    current.map(|(at, _)| set.operation(policy.editions.get(&at).copied().unwrap_or(at)).id.clone()).collect()
}

/// An answer for an edition that is not served would change nothing.
fn check_served(set: &SpecSet, served: &[String], answer: &str) -> Result<(), Failure> {
    let asked = answer.split_once("/open/").map(|(id, _)| id);
    let mut unserved = set.operations().map(|(_, operation)| operation).filter(|operation| {
        operation.is_documented() && asked == Some(&*operation.id) && !served.contains(&operation.id)
    });
    let Some(Operation { id, edition, .. }) = unserved.next() else { return Ok(()) };
    let help = match edition {
        Some(_) => format!("serve it with `--edition {id}`"),
        None => format!("leave out `--edition {id}@…`"),
    };
    Err(Failure::usage(format!("`--answer {answer}`: `{id}` is not served")).help(help))
}

/// The document says what a user earns who may not call it.
fn denies(operation: &Operation) -> bool {
    let documented = operation.rows.iter().filter(|row| row.documented && !row.access);
    documented.filter_map(|row| row.due.as_ref()).any(Expr::asks_who_calls)
}

/// Reads `ID:SECRET` or `ID:SECRET:TOKEN`; what was typed is not repeated, because it holds a secret.
fn credential(text: &str) -> Result<Credential, Failure> {
    let mut parts = text.splitn(3, ':');
    let (id, secret, token) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""), parts.next());
    if id.is_empty() || secret.is_empty() || token.is_some_and(str::is_empty) {
        return Err(Failure::usage("`--credentials` wants ID:SECRET or ID:SECRET:TOKEN, and no part may be empty"));
    }
    Ok(Credential { token: token.map(|token| token.to_owned().into()), ..Credential::pair((id, secret)) })
}

fn address(text: &str) -> Result<SocketAddr, Failure> {
    let found = text.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.ok_or_else(|| {
        Failure::usage(format!("`--listen {text}` is no address")).help("write HOST:PORT, such as 127.0.0.1:8080")
    })
}

fn greeting(
    set: &SpecSet,
    server: &Server,
    served: &[String],
    has_editions: bool,
    args: &Serve,
    mutant: Option<&Mutant>,
) -> String {
    let services: Vec<String> =
        set.services.iter().map(|service| format!("{} ({})", service.name, service.version)).collect();
    let url = url(server.address);
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<12}{value}");
    };
    line("url", &url);
    line("key id", MAIN.0);
    line("secret", MAIN.1);
    let denied: Vec<&str> =
        set.operations().filter(|(_, operation)| denies(operation)).map(|(_, one)| &*one.id).collect();
    let denied = if denied.is_empty() { "nothing".to_owned() } else { denied.join(", ") };
    line("restricted", &format!("{} with {} (is denied {denied})", RESTRICTED.0, RESTRICTED.1));
    line("services", &services.join(", "));
    line("documented", &served.join(", "));
    for (index, manner) in args.manners.manners().told().iter().enumerate() {
        line(if index == 0 { "manners" } else { "" }, manner);
    }
    if args.manners.manners().accounts {
        line("stranger", &format!("{} with {} (another account)", STRANGER.0, STRANGER.1));
        line("reader", &format!("{} with {} (may only read)", READER.0, READER.1));
    }
    line("inventory", &format!("{url}{INVENTORY} (from this machine only)"));
    line("statistics", &format!("{url}{STATISTICS}"));
    if args.unsigned {
        line("signatures", "not checked");
    }
    if let Some(mutant) = mutant {
        line("mutant", &format!("{}: {}", mutant.id, mutant.text));
        line("breaks", mutant.broken(set));
    }
    // An edition has to be spelled out: without selectors, the current ones are judged.
    let selectors = if has_editions { format!("{} ", served.join(" ")) } else { String::new() };
    line("try", &format!("aswritten run {selectors}--endpoint {url}"));
    format!("aswritten mock is listening; Ctrl-C stops it\n{text}")
}

/// A URL that leads to the server from this machine.
fn url(mut address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            IpAddr::V6(Ipv6Addr::LOCALHOST)
        });
    }
    format!("http://{address}")
}
