//! `aswritten judge` and `aswritten merge`: reports from records, without sending anything.

use std::path::PathBuf;

use crate::{
    cli::{
        args::{Global, RunReportArgs},
        exit_code::ExitCode,
        failure::Failure,
        reports, specs, terminal,
        told::{self, Around},
    },
    record::{self, Record},
    report::{Address, Addresses},
    spec::SpecSet,
};

/// Judges recorded histories again, by the specs of today.
pub fn judge(files: &[PathBuf], args: &RunReportArgs, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let records = read(files)?;
    if records.iter().any(|record| record.head.specs != set.digest) {
        terminal::note("the specs have changed since this was recorded; the histories are judged by those of today");
    }
    report(&set, &records, args, global)
}

/// Puts the shards of one run together.
pub fn merge(files: &[PathBuf], args: &RunReportArgs, global: &Global) -> Result<ExitCode, Failure> {
    let set = specs::load(global.specs.as_deref())?;
    let records = read(files)?;
    if let Some((file, _)) = files.iter().zip(&records).find(|(_, record)| record.head.specs != set.digest) {
        let text = format!("{} was recorded with other specs than those that are loaded", file.display());
        return Err(Failure::usage(text)
            .help("`--specs` names the folder that it was recorded with; `aswritten judge` judges by today's specs"));
    }
    report(&set, &records, args, global)
}

/// Reads records that belong to one run.
fn read(files: &[PathBuf]) -> Result<Vec<Record>, Failure> {
    let records = files
        .iter()
        .map(|file| record::read(file).map_err(|error| Failure::usage(format!("cannot {error}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let name = |index: usize| files[index].display();
    for (index, record) in records.iter().enumerate() {
        let (one, other) = (&records[0].head, &record.head);
        let differs = [("seed", &one.seed, &other.seed), ("specs", &one.specs, &other.specs)];
        if let Some((what, ..)) = differs.iter().find(|(_, one, other)| one != other) {
            let text = format!("{} and {} are no shards of one run: their {what} differ", name(0), name(index));
            return Err(Failure::usage(text));
        }
        if record::fold::shard(&records[0]).of != record::fold::shard(record).of {
            return Err(Failure::usage(format!(
                "{} is shard {}, and {} is shard {}: these are no shards of one run",
                name(0),
                one.shard,
                name(index),
                other.shard
            )));
        }
        if let Some(first) = records[..index].iter().position(|earlier| earlier.head.shard == other.shard) {
            return Err(Failure::usage(format!("{} and {} are both shard {}", name(first), name(index), other.shard)));
        }
    }
    Ok(records)
}

fn report(set: &SpecSet, records: &[Record], args: &RunReportArgs, global: &Global) -> Result<ExitCode, Failure> {
    let baseline = args.baseline.as_ref().map(|path| told::baseline(set, path)).transpose()?;
    reports::check(&args.reports)?;
    let folded = record::fold(set, records);
    for (why, times) in &folded.misfits {
        terminal::warning(&format!("{why} ({times} ×): that part of the record is not judged"));
    }
    let mut addresses = Addresses::new();
    for (name, value) in records.iter().flat_map(|record| &record.head.addresses) {
        let service = set.services.iter().position(|service| service.name == *name);
        addresses.extend(service.zip(Address::from_json(value)));
    }
    let started = records.iter().map(|record| &*record.head.started).min().unwrap_or_default();
    let around = Around { set, addresses: &addresses, only: &folded.only, account: None, started };
    told::tell(&around, &folded.outcome, args, baseline.as_ref(), global)?;
    Ok(told::exit_code(&folded.outcome))
}
