//! The documented refusal of too many calls.

use aswritten::{
    history::Reply,
    spec::{
        SpecSet,
        operation::Code,
        service::{Means, OpRef},
    },
};

pub fn throttled(set: &SpecSet, operation: OpRef) -> Reply {
    let common = &set.service(operation).common;
    let found = common.iter().find(|common| common.means == Means::Throttled).expect("it is documented");
    let code = match &found.code {
        Code::Exact(exact) => exact.clone(),
        Code::Pattern { before, after } => format!("{before}{after}"),
        Code::Any => unreachable!("it has a code"),
    };
    let (status, message) = (found.status.unwrap_or(200), found.message.clone());
    Reply::Refused { status, code, message, request_id: Some("throttled".into()) }
}
