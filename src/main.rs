use aswritten::{
    campaign::*,
    endpoint::{Endpoint, in_process::InProcess},
    execute::*,
    generate::Options,
    mock::{Mock, Policy},
    spec,
    spec::service::OpRef,
};
use std::sync::Arc;
#[tokio::main]
async fn main() {
    let set = match spec::embedded() {
        Ok(set) => Arc::new(set),
        Err(spec::load::LoadError::Problems(list)) => {
            for d in list {
                println!(
                    "{}: {} [{}] {} / {}",
                    d.span.as_ref().map(|s| s.to_string()).unwrap_or_default(),
                    d.message,
                    d.code,
                    d.label,
                    d.help
                );
            }
            return;
        }
        Err(e) => {
            println!("{e}");
            return;
        }
    };
    let arg = std::env::args().nth(1).unwrap_or("ecs/DeleteImage".into());
    let ops: Vec<(OpRef, usize)> =
        set.operations().filter(|(_, o)| o.is_documented() && o.id == arg).map(|(a, _)| (a, 0)).collect();
    let mut policy = Policy::new(&set, 20);
    for a in std::env::args().skip(2) {
        if let Err(e) = if a.contains('=') { policy.answer(&set, &a) } else { policy.edition(&set, &a) } {
            println!("{e}");
            return;
        }
    }
    if arg.contains('@') {
        policy.edition(&set, &arg).unwrap();
    }
    if let Ok(aim) = std::env::var("AIM") {
        debug(&set, &ops, &aim, policy).await;
        return;
    }
    let mset = std::env::var("BUG")
        .ok()
        .map(|b| Arc::new(spec::from_folder(std::path::Path::new(&b)).unwrap_or_else(|e| panic!("{e:?}"))))
        .unwrap_or(set.clone());
    let ep: Arc<dyn Endpoint> = Arc::new(InProcess::new(Mock::new(mset, policy)));
    let t = std::time::Instant::now();
    for (at, _) in &ops {
        let plans = aswritten::generate::plan::search(&set, *at, 1);
        println!("search {:?} states {}", t.elapsed(), plans.n_states);
        let op = set.operation(*at);
        for (i, r) in op.requirements.iter().enumerate() {
            let p = plans.by_requirement.get(&i);
            println!(
                "{:40} {}",
                r.id,
                p.map(|p| format!(
                    "{} plans, {}",
                    p.len(),
                    p.iter()
                        .map(|p| p
                            .setup
                            .iter()
                            .chain([&p.call])
                            .map(|c| aswritten::sequence::command::line(&set, c))
                            .collect::<Vec<_>>()
                            .join("; "))
                        .collect::<Vec<_>>()
                        .join("\n      ")
                ))
                .unwrap_or("-".into())
            );
        }
    }
    let settings = Settings {
        seed: "1".into(),
        operations: ops,
        cases: None,
        workers: 1,
        max_requests: None,
        max_time: None,
        shrink_requests: 200,
        around: Surroundings {
            givens: Givens::defaults(&set),
            run: "t".into(),
            patience_ms: 2000,
            linger_ms: 100,
            clean: true,
        },
        options: Options {
            probes: ["$given.public_image", "$given.foreign_image"].map(Into::into).to_vec(),
            restricted: vec![0, 1, 2, 3],
            only: vec![],
        },
        interrupted: Default::default(),
    };
    let out = run(&set, &settings, &[ep], &|_| {}).await;
    println!(
        "{:?} cases {} requests {} shrink {} {:.2}s",
        out.verdict, out.cases, out.requests, out.shrink_requests, out.seconds
    );
    for o in &out.operations {
        for r in &o.requirements {
            println!(
                "{:60} {:4} {:?} {}",
                set.operation(o.at).requirements[r.requirement].id,
                r.exercised,
                r.verdict,
                r.reason.clone().unwrap_or_default()
            );
        }
    }
    for o in &out.observations {
        println!("{o:?}");
    }
    for f in &out.findings {
        println!(
            "{} cases {} {}\n  expected {:?}\n actual {}\n before {:?}",
            f.finding.key, f.cases, f.finding.summary, f.finding.expected, f.finding.actual, f.finding.before
        );
        for (i, c) in f.script.commands.iter().enumerate() {
            println!(
                "   {} {} -> {:?}",
                i + 1,
                aswritten::sequence::command::line(&set, c),
                f.history
                    .exchanges
                    .iter()
                    .filter(|e| e.command == i)
                    .map(|e| format!("{}@{}", e.reply.brief(), e.started_ms))
                    .collect::<Vec<_>>()
            );
        }
    }
    for r in out.reasons.iter().take(20) {
        println!("{r:?}");
    }
}
#[allow(dead_code)]
pub async fn debug(set: &Arc<aswritten::spec::SpecSet>, ops: &[(OpRef, usize)], aim: &str, policy: Policy) {
    let o: Vec<OpRef> = ops.iter().map(|x| x.0).collect();
    let only: Vec<(OpRef, usize)> =
        set.requirements().filter(|(_, _, r)| r.id == aim).map(|(a, i, _)| (a, i)).collect();
    let options = Options {
        probes: ["$given.public_image", "$given.foreign_image"].map(Into::into).to_vec(),
        restricted: vec![0, 1, 2, 3],
        only: vec![],
    };
    let g = aswritten::generate::Generator::new(set, &o, "1", options);
    for n in 0..200u64 {
        let ep = InProcess::new(Mock::new(set.clone(), policy.clone()));
        let Some(s) = g.case(n) else {
            println!("no case: {:?}", g.unplanned);
            return;
        };
        if s.aim != only.first().copied() {
            continue;
        }
        let around = Surroundings {
            givens: Givens::defaults(set),
            run: "t".into(),
            patience_ms: 2000,
            linger_ms: 100,
            clean: true,
        };
        let h = execute(set, &s, &ep, &around, "x").await;
        let j = aswritten::oracle::judge(set, &s, &h);
        for (i, c) in s.commands.iter().enumerate() {
            println!(
                "   {} {} -> {:?}",
                i + 1,
                aswritten::sequence::command::line(set, c),
                h.exchanges
                    .iter()
                    .filter(|e| e.command == i)
                    .map(|e| format!("{}@{}", e.reply.brief(), e.started_ms))
                    .collect::<Vec<_>>()
            );
        }
        println!(
            "exercised {:?}",
            j.exercised.iter().map(|(a, r)| set.operation(*a).requirements[*r].id.clone()).collect::<Vec<_>>()
        );
        println!(
            "answers {:?}",
            j.answers
                .iter()
                .map(|a| (
                    set.operation(a.operation).questions[a.question].id.clone(),
                    a.possible.clone(),
                    a.label.clone()
                ))
                .collect::<Vec<_>>()
        );
        println!("reasons {:?} findings {:?}", j.reasons, j.findings);
    }
}
