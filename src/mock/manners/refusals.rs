//! Refusals from the vendor's common list.

use crate::{
    history::Reply,
    spec::{Service, service::Means},
};

/// A common code with this meaning, if the vendor has one. Where several have, the one that speaks of `topic` is taken.
pub fn refusal(service: &Service, means: Means, topic: &str, request_id: String) -> Option<Reply> {
    let all = || service.common.iter().filter(|common| common.means == means);
    let speaks = |text: &str| !topic.is_empty() && text.to_lowercase().contains(topic);
    let general = || if means == Means::Quota { all().next_back() } else { all().next() };
    let common = all().find(|common| speaks(&common.text)).or_else(general)?;
    let usual = if means == Means::Unavailable { 500 } else { 400 };
    Some(Reply::Refused {
        status: common.status.unwrap_or(usual),
        code: common.text.trim_end_matches('*').trim_end_matches('.').to_owned(),
        message: common.message.clone(),
        request_id: Some(request_id),
    })
}
