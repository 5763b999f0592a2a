fn main() {
    match aswritten::spec::embedded() {
        Ok(set) => for (_, op) in set.operations() { println!("{} {} reqs", op.id, op.requirements.len()); },
        Err(aswritten::spec::load::LoadError::Problems(list)) => for d in list { println!("{}: {} [{}] {} / {}", d.span.as_ref().map(|s| s.to_string()).unwrap_or_default(), d.message, d.code, d.label, d.help); },
        Err(e) => println!("{e}"),
    }
}
