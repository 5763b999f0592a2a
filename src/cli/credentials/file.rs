//! Files of the vendors' tools. What they hold is never repeated, not even where it cannot be read.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use serde_json::Value;

use super::Found;
use crate::{spec::service::CredentialFile, wire::Credential};

/// Profile of those who name none.
const DEFAULT: &str = "default";

/// Fields of one profile.
type Fields = BTreeMap<String, String>;

/// The credential of a profile in a file.
///
/// # Errors
/// Why there is none, in few words, with the path.
pub fn find(file: &CredentialFile, profile: Option<&str>) -> Result<Found, String> {
    let off = file.off.iter().find(|name| env::var(name).is_ok_and(|value| value.eq_ignore_ascii_case("true")));
    // Whoever names a profile wants it looked for.
    if let (Some(name), None) = (off, profile) {
        return Err(format!("{} is turned off by {name}", file.path));
    }
    let wanted = profile.map(str::to_owned).or_else(|| {
        let variable = file.profile_variable.as_ref()?;
        env::var(variable).ok().filter(|value| !value.is_empty())
    });
    let path = path(file, wanted.as_deref().unwrap_or(DEFAULT))?;
    let shown = path.display().to_string();
    let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("there is no {shown}"),
        kind => format!("cannot read {shown}: {kind}"),
    })?;
    let (name, fields) = profile_in(file, &text, wanted.as_deref()).map_err(|why| format!("{shown} {why}"))?;
    let credential = credential(file, &fields).map_err(|why| format!("{shown}, profile `{name}`: {why}"))?;
    Ok(Found { credential, origin: format!("{shown}, profile `{name}`") })
}

fn path(file: &CredentialFile, profile: &str) -> Result<PathBuf, String> {
    if let Some(path) = file.path_variable.as_ref().and_then(env::var_os).filter(|path| !path.is_empty()) {
        return Ok(path.into());
    }
    // A name is a part of a path, never a way out of it.
    if profile.contains(['/', '\\']) || profile.starts_with('.') {
        return Err(format!("`{profile}` is no name of a profile"));
    }
    let path = file.path.replace("{profile}", profile);
    let Some(rest) = path.strip_prefix("~/") else { return Ok(path.into()) };
    let home = env::var_os("HOME").or_else(|| env::var_os("USERPROFILE")).filter(|home| !home.is_empty());
    let home = home.ok_or_else(|| format!("{} cannot be looked for, because HOME is not set", file.path))?;
    Ok(PathBuf::from(home).join(rest))
}

fn profile_in(file: &CredentialFile, text: &str, wanted: Option<&str>) -> Result<(String, Fields), String> {
    if file.is_ini {
        let name = wanted.unwrap_or(DEFAULT);
        let fields = section(text, name).ok_or_else(|| format!("has no profile `{name}`"))?;
        return Ok((name.to_owned(), fields));
    }
    // What the parser says of it might repeat a part of the file.
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("is no JSON (line {})", error.line()))?;
    let Some(list) = &file.profiles else {
        return Ok((wanted.unwrap_or(DEFAULT).to_owned(), fields(&whole)));
    };
    let current = || file.current.as_ref().and_then(|field| whole[field].as_str()).unwrap_or(DEFAULT);
    let name = wanted.unwrap_or_else(current);
    let key = file.name.as_deref().unwrap_or("name");
    let found = whole[list].as_array().into_iter().flatten().find(|profile| profile[key] == name);
    let found = found.ok_or_else(|| format!("has no profile `{name}`"))?;
    Ok((name.to_owned(), fields(found)))
}

fn fields(value: &Value) -> Fields {
    let object = value.as_object().into_iter().flatten();
    object.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}

/// A section of an INI file.
fn section(text: &str, name: &str) -> Option<Fields> {
    let mut found: Option<Fields> = None;
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            inside = title.trim() == name;
            if inside {
                found.get_or_insert_default();
            }
        } else if let (true, Some(fields), Some((key, value))) = (inside, &mut found, line.split_once('='))
            && !line.starts_with(['#', ';'])
        {
            fields.insert(key.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}

fn credential(file: &CredentialFile, fields: &Fields) -> Result<Credential, String> {
    if let Some(mode) = file.mode.as_ref().and_then(|field| fields.get(field))
        && !file.modes.contains(mode)
    {
        return Err(format!("its sort is {mode}, and only {} are used", file.modes.join(", ")));
    }
    let field = |name: &str| fields.get(name).filter(|value| !value.is_empty()).cloned();
    let missing = |name: &str| format!("it has no `{name}`");
    let id = field(&file.id).ok_or_else(|| missing(&file.id))?;
    let secret = field(&file.secret).ok_or_else(|| missing(&file.secret))?;
    let token = file.token.as_deref().and_then(field);
    Ok(Credential { id, secret: secret.into(), token: token.map(Into::into) })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn json() -> CredentialFile {
        CredentialFile {
            path: "~/config.json".into(),
            profiles: Some("profiles".into()),
            name: Some("name".into()),
            current: Some("current".into()),
            mode: Some("mode".into()),
            modes: vec!["AK".into()],
            id: "id".into(),
            secret: "secret".into(),
            token: Some("token".into()),
            ..CredentialFile::default()
        }
    }

    fn read(file: &CredentialFile, text: &str, wanted: Option<&str>) -> Result<(String, String, String), String> {
        let (name, fields) = profile_in(file, text, wanted)?;
        let credential = credential(file, &fields)?;
        Ok((name, credential.id, credential.secret.expose_secret().to_owned()))
    }

    #[test]
    fn profiles_of_json_files() {
        let text = r#"{"current": "b", "profiles": [
            {"name": "a", "mode": "AK", "id": "1", "secret": "x"},
            {"name": "b", "mode": "AK", "id": "2", "secret": "y", "token": "z"},
            {"name": "c", "mode": "OAuth"},
            {"name": "d", "mode": "AK", "id": "4"}]}"#;
        let of = |name: &str, id: &str, secret: &str| Ok((name.into(), id.into(), secret.into()));
        assert_eq!(read(&json(), text, None), of("b", "2", "y"));
        assert_eq!(read(&json(), text, Some("a")), of("a", "1", "x"));
        assert_eq!(read(&json(), text, Some("e")), Err("has no profile `e`".into()));
        assert_eq!(read(&json(), text, Some("c")), Err("its sort is OAuth, and only AK are used".into()));
        assert_eq!(read(&json(), text, Some("d")), Err("it has no `secret`".into()));
        assert_eq!(read(&json(), r#"{"secret": "hush"#, None), Err("is no JSON (line 1)".into()));
        let single = CredentialFile { profiles: None, mode: None, ..json() };
        assert_eq!(read(&single, r#"{"id": "1", "secret": "x"}"#, None), of("default", "1", "x"));
    }

    #[test]
    fn sections_of_ini_files() {
        let ini = CredentialFile { is_ini: true, mode: Some("type".into()), ..json() };
        let text = "# a comment\n[default]\ntype = AK\nid = 1\nsecret = a=b\n\n[other]\n;id = 0\nid=2\nsecret=y\n";
        assert_eq!(read(&ini, text, None), Ok(("default".into(), "1".into(), "a=b".into())));
        assert_eq!(read(&ini, text, Some("other")), Ok(("other".into(), "2".into(), "y".into())));
        assert_eq!(read(&ini, text, Some("none")), Err("has no profile `none`".into()));
    }

    #[test]
    fn names_do_not_lead_elsewhere() {
        let file = CredentialFile { path: "/etc/{profile}.credential".into(), ..CredentialFile::default() };
        assert_eq!(path(&file, "night"), Ok("/etc/night.credential".into()));
        for name in ["../x", "a/b", "..", "a\\b"] {
            assert!(path(&file, name).is_err(), "{name}");
        }
    }
}
