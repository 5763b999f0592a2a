//! Keys, shapes and small readers that all tests of the wire layer share.

use std::collections::HashSet;
use std::sync::Mutex;

use aswritten::wire::{Credential, HttpRequest, KeyRing, Shape};
use serde_json::Value;

/// Keys in memory.
#[derive(Default)]
pub struct Ring {
    keys: Vec<Credential>,
    seen: Mutex<HashSet<(String, String)>>,
}

impl Ring {
    pub fn of(keys: impl IntoIterator<Item = Credential>) -> Self {
        Self { keys: keys.into_iter().collect(), seen: Mutex::default() }
    }
}

impl KeyRing for Ring {
    fn find(&self, id: &str) -> Option<Credential> {
        self.keys.iter().find(|key| key.id == id).cloned()
    }

    fn remember(&self, id: &str, nonce: &str) -> bool {
        self.seen.lock().unwrap().insert((id.to_owned(), nonce.to_owned()))
    }
}

pub fn credential(id: &str, secret: &str, token: Option<&str>) -> Credential {
    Credential {
        id: id.to_owned(),
        secret: secret.to_owned().into(),
        token: token.map(|token| token.to_owned().into()),
    }
}

/// The two invented keys that vectors and captures of Alibaba Cloud are signed with.
pub fn alibaba_ring() -> Ring {
    Ring::of([
        credential("LTAIFAKEEXAMPLE0001", "FAKEfakeFAKEfakeFAKEfakeFAKE01", None),
        credential("STS.FAKEFAKEFAKEEXAMPLE02", "FAKEfakeFAKEfakeFAKEfakeFAKE02", Some("FAKE-STS-TOKEN+/=EXAMPLE==")),
    ])
}

pub fn list(inner: Shape) -> Shape {
    Shape::List(Box::new(inner))
}

/// Parameters of the image deletions, and some of other operations for the structured shapes.
pub fn shape(action: &str, _version: &str, name: &str) -> Option<Shape> {
    match (action, name) {
        ("DeleteImages", "ImageIds") => Some(list(Shape::Text)),
        ("DeleteImages", "DryRun" | "DeleteBindedSnap") => Some(Shape::Boolean),
        ("DeleteImage", "Force" | "DryRun") => Some(Shape::Boolean),
        ("DeleteImage", "OwnerId" | "ResourceOwnerId") => Some(Shape::Integer),
        ("DeleteImage" | "DeleteCustomImages", "ImageId" | "RegionId" | "ClientToken") => Some(Shape::Text),
        ("DeleteImage", "OwnerAccount" | "ResourceOwnerAccount") => Some(Shape::Text),
        ("DeleteCustomImages", "ImageIds") => Some(Shape::JsonText(Box::new(list(Shape::Text)))),
        _ => None,
    }
}

/// A request as data files keep it.
pub fn request(entry: &Value) -> HttpRequest {
    HttpRequest {
        method: text(entry, "method").to_owned(),
        path: text(entry, "path").to_owned(),
        query: text(entry, "query").to_owned(),
        headers: entry["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| (header[0].as_str().unwrap().to_owned(), header[1].as_str().unwrap().to_owned()))
            .collect(),
        body: text(entry, "body").as_bytes().to_vec(),
    }
}

pub fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().unwrap_or_else(|| panic!("`{name}` is not a text in {entry}"))
}

pub fn texts<'a>(entry: &'a Value, name: &str) -> Vec<(&'a str, &'a str)> {
    entry[name].as_object().unwrap().iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap())).collect()
}

pub fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}
