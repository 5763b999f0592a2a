//! The keys of the spec format, as data.
//!
//! One description serves three readers: [`super::reading`] checks files by it, [`super::schema`] generates the JSON
//! Schema that editors use, and the texts are the format's manual. Nothing else decides what an author may write.

use super::{caller::Caller, service::Means};

/// A table of the format: what it is for, and its keys.
#[derive(Debug)]
pub struct Table {
    pub name: &'static str,
    pub about: &'static str,
    pub keys: &'static [Key],
}

/// A key of a table.
#[derive(Debug)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub about: &'static str,
}

/// What a key may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Text,
    Boolean,
    Integer,
    /// Text such as `500ms`, `30s`, `10m`, `2h`.
    Duration,
    /// A condition in the expression language.
    Expression,
    /// One of these words.
    Word(&'static [&'static str]),
    Texts,
    /// A table of its own.
    Table(&'static Table),
    /// An array of tables (`[[…]]`).
    Tables(&'static Table),
    /// A table whose keys the author chooses, with values of this kind.
    Map(&'static Kind),
    /// Any TOML value.
    Any,
}

const fn need(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: true, about }
}

const fn may(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: false, about }
}

/// Levels of a requirement that can be violated.
pub const LEVELS: &[&str] = &["must", "should"];

const SOURCE: Key = need("source", Kind::Text, "Place in the document: section, row or sentence.");
const LEVEL: Key = may("level", Kind::Word(LEVELS), "must (the document says it; default) or should (it follows).");
const UNREACHABLE: Key =
    may("unreachable", Kind::Text, "Why no sequence of calls can exercise this; the report shows it as the reason.");

/// `service.toml`.
pub static SERVICE_FILE: Table = Table {
    name: "service file",
    about: "What the operations of one service share.",
    keys: &[
        need("service", Kind::Table(&SERVICE), "The service."),
        need("credentials", Kind::Table(&CREDENTIALS), "Where the vendor's own tools find credentials."),
        may("given", Kind::Tables(&GIVEN), "What an endpoint must already have."),
        need("resource", Kind::Tables(&RESOURCE), "Kinds of resources."),
        may(
            "common",
            Kind::Tables(&COMMON),
            "Codes that any operation of the vendor may answer, those for refused keys and for too many calls among them.",
        ),
        may(
            "access",
            Kind::Tables(&ACCESS),
            "Requests that do not prove who sends them; each is a requirement of every documented operation.",
        ),
    ],
};

static SERVICE: Table = Table {
    name: "service",
    about: "Name, protocol and place of a service.",
    keys: &[
        need("name", Kind::Text, "Short name, the first part of every id (`ecs`)."),
        need("title", Kind::Text, "Name that people know."),
        need("version", Kind::Text, "API version sent with each call."),
        need("protocol", Kind::Text, "Wire protocol, a file in `src/wire/protocol`."),
        need("signing", Kind::Texts, "Signing schemes, files in `src/wire/signing`; the first is used."),
        need("product", Kind::Text, "Product name in signatures and hosts."),
        need("endpoint", Kind::Text, "Public endpoint; `{region}` is replaced."),
        may("region", Kind::Word(&["parameter", "header", "none"]), "How the region travels; default parameter."),
        need("patience", Kind::Duration, "How long asynchronous work may take on the real service."),
        may("rate", Kind::Text, "Most calls of all operations together, as documented: `500/s`, `60/min`."),
        may("rate_each", Kind::Text, "Most calls of each operation, unless it says otherwise."),
        may(
            "retry_after",
            Kind::Text,
            "Header in which the service says for how many milliseconds to hold back; `Retry-After` is always heeded.",
        ),
    ],
};

static CREDENTIALS: Table = Table {
    name: "credentials",
    about: "Names of environment variables, the vendor's own.",
    keys: &[
        need("id", Kind::Texts, "Variables of the key id; the first that is set wins."),
        need("secret", Kind::Texts, "Variables of the key secret."),
        may("token", Kind::Texts, "Variables of the session token."),
        may(
            "file",
            Kind::Tables(&CREDENTIAL_FILE),
            "Files of the vendor's own tools, looked at after the variables, in order.",
        ),
    ],
};

static CREDENTIAL_FILE: Table = Table {
    name: "credential file",
    about: "A file in which the vendor's own tools keep credentials.",
    keys: &[
        need("path", Kind::Text, "Path; `~` is the home folder, `{profile}` the name of the profile."),
        may("path_variable", Kind::Text, "Variable with another path."),
        need("format", Kind::Word(&["json", "ini"]), "json, or ini with a section for each profile."),
        may(
            "profiles",
            Kind::Text,
            "Field of a JSON file that is the list of profiles; default: the file is one profile.",
        ),
        may("name", Kind::Text, "Field of a profile that is its name."),
        may("current", Kind::Text, "Field of a JSON file that is the name of the profile to use."),
        may("profile_variable", Kind::Text, "Variable with the name of the profile to use."),
        may("off", Kind::Texts, "Variables that, when they are `true`, say not to look here."),
        may("mode", Kind::Text, "Field of a profile that says what sort it is."),
        may("modes", Kind::Texts, "Sorts that hold a lasting or temporary key pair; others are not used."),
        need("id", Kind::Text, "Field with the key id."),
        need("secret", Kind::Text, "Field with the key secret."),
        may("token", Kind::Text, "Field with the session token."),
    ],
};

static GIVEN: Table = Table {
    name: "given",
    about: "A thing that the endpoint must have before a run and that the suite never creates.",
    keys: &[
        need("name", Kind::Text, "Name for `--given NAME=VALUE` and `$given.NAME`."),
        need("default", Kind::Text, "Value on the mock, used unless another is given."),
        need("text", Kind::Text, "What it is."),
        may("resource", Kind::Text, "Kind of resource that it is an id of."),
        may("with", Kind::Map(&Kind::Any), "Attributes of that resource."),
        may(
            "probe",
            Kind::Boolean,
            "Not the run's own: calls only name it where it was given by hand, discovered, or on the mock.",
        ),
        may("real", Kind::Boolean, "The default is there on the real service as well."),
        may("discover", Kind::Table(&DISCOVER), "A read that finds one."),
    ],
};

static DISCOVER: Table = Table {
    name: "discover",
    about: "The first element that a read lists.",
    keys: &[
        need("operation", Kind::Text, "Operation to call."),
        need("arguments", Kind::Map(&Kind::Any), "Its arguments."),
    ],
};

static RESOURCE: Table = Table {
    name: "resource",
    about: "A kind of resource: ids, attributes, and what follows from them.",
    keys: &[
        need("name", Kind::Text, "Name in conditions (`image`)."),
        need("id", Kind::Text, "Regular expression of an id, from which unknown ids are made."),
        may("shape", Kind::Text, "Wider regular expression; ids outside it are malformed. Default: any text."),
        may("scope", Kind::Word(&["region", "account"]), "Where an id is known; default region."),
        may(
            "attribute",
            Kind::Map(&Kind::Any),
            "Attributes: a list of words (the first is the default), or one of boolean, text, set, a resource.",
        ),
        may("derived", Kind::Map(&Kind::Expression), "What follows from the attributes and from other resources."),
        may("remove", Kind::Tables(&REMOVE), "Calls that remove one after a case, in order."),
        may("stop", Kind::Tables(&REMOVE), "Calls that end one that is under way, when it blocks a removal."),
    ],
};

static REMOVE: Table = Table {
    name: "remove",
    about: "A call of the clean-up; its answer is not judged.",
    keys: &[
        need("operation", Kind::Text, "Operation to call."),
        need("arguments", Kind::Map(&Kind::Any), "Its arguments; `$self` is the id."),
        may("undo", Kind::Boolean, "Only after a script that called this operation."),
    ],
};

static COMMON: Table = Table {
    name: "common",
    about: "A code of the vendor's common list.",
    keys: &[
        need("code", Kind::Text, "Code; `*` at the end matches any rest."),
        may("status", Kind::Integer, "HTTP status, where one is documented."),
        may("message", Kind::Text, "Message."),
        need("means", Kind::Word(&Means::WORDS), "What it says, which decides where it is accepted."),
        SOURCE,
    ],
};

static ACCESS: Table = Table {
    name: "access",
    about: "A request that does not prove who sends it. It is refused, whatever it asks.",
    keys: &[
        need(
            "caller",
            Kind::Word(Caller::IMPOSTORS),
            "How it is sent: signed with a wrong secret, at a time long past, with a nonce used before, with a key that nobody has, or without a signature.",
        ),
        need("text", Kind::Text, "The promise in words."),
        need(
            "codes",
            Kind::Texts,
            "Accepted codes, all of the common list, the first is the mock's; common codes that mean credentials are accepted as well.",
        ),
        may("status", Kind::Integer, "Status on the mock; default 400."),
        need("document", Kind::Text, "Title of the document that promises it."),
        SOURCE,
        LEVEL,
    ],
};

/// An operation's file.
pub static OPERATION_FILE: Table = Table {
    name: "operation file",
    about: "One operation, as its document describes it.",
    keys: &[
        need("operation", Kind::Table(&OPERATION), "The operation and its document."),
        may("define", Kind::Map(&Kind::Expression), "Named conditions, for use in others."),
        may("param", Kind::Tables(&PARAM), "Request parameters."),
        may("field", Kind::Tables(&FIELD), "Response fields."),
        may("error", Kind::Tables(&ERROR), "Documented error rows."),
        may(
            "refusal",
            Kind::Tables(&REFUSAL),
            "Refusals that prose promises, or that an open question allows, without a row.",
        ),
        may("override", Kind::Tables(&OVERRIDE), "What lifts errors (Force, a dry run that checks nothing)."),
        may("open", Kind::Tables(&OPEN), "Questions that the document leaves open."),
        may("promise", Kind::Tables(&PROMISE), "Promises of the prose."),
        may("overlap", Kind::Tables(&OVERLAP), "What holds of calls that overlap."),
        may("effect", Kind::Tables(&EFFECT), "What a call changes."),
        may("view", Kind::Tables(&VIEW), "What a read shows."),
        may("use", Kind::Tables(&USE), "Ways to call a companion operation."),
    ],
};

static OPERATION: Table = Table {
    name: "operation",
    about: "Name and document of an operation.",
    keys: &[
        need("name", Kind::Text, "Action name on the wire."),
        may("edition", Kind::Text, "Edition of the document, when it is not the current one."),
        need(
            "role",
            Kind::Word(&["documented", "companion"]),
            "documented: judged. companion: used to reach and to observe states.",
        ),
        need("summary", Kind::Text, "What it does."),
        need("document", Kind::Table(&DOCUMENT), "The document."),
        may("token", Kind::Text, "Parameter that is an idempotency token."),
        may(
            "creates",
            Kind::Boolean,
            "It costs money or leaves things behind: called on a real account by consent only.",
        ),
        may("rate", Kind::Text, "Most calls, as documented: `10/s`, `10/min`."),
    ],
};

static DOCUMENT: Table = Table {
    name: "document",
    about: "The document that is specified.",
    keys: &[
        need("title", Kind::Text, "Title."),
        may("updated", Kind::Text, "Date of the edition, as printed."),
        may("page", Kind::Text, "Address of the page, without the scheme."),
    ],
};

static PARAM: Table = Table {
    name: "param",
    about: "A request parameter.",
    keys: &[
        need("name", Kind::Text, "Name on the wire; members of a list are `name` without the index."),
        need("type", Kind::Word(&["text", "integer", "boolean", "texts", "objects"]), "Type of the value."),
        may(
            "spelling",
            Kind::Word(&["native", "json", "comma"]),
            "How a list travels: as the protocol does (default), as a JSON array in one text, or joined by commas.",
        ),
        may("members", Kind::Tables(&PARAM), "Members of each object."),
        may("header", Kind::Boolean, "Travels beside the parameters (the region of some protocols)."),
        may(
            "carried",
            Kind::Boolean,
            "The protocol sends it by itself, always as `value`; it is shown, and never varied.",
        ),
        may("required", Kind::Boolean, "The document says that it is required."),
        may("default", Kind::Any, "Documented default."),
        may("names", Kind::Text, "Kind of resource that the value is an id of; conditions use that name."),
        may("as", Kind::Text, "Other name for conditions."),
        may("region", Kind::Boolean, "It is the region of the call."),
        may("dry", Kind::Boolean, "The call changes nothing when it is true."),
        may(
            "takes_along",
            Kind::Boolean,
            "The call removes things that the suite did not make when it is true; it is never sent so.",
        ),
        may("enum", Kind::Texts, "Documented values."),
        may("max_length", Kind::Integer, "Most characters."),
        may("max_count", Kind::Integer, "Most elements."),
        may("ascii", Kind::Boolean, "ASCII characters only."),
        may("refusal", Kind::Texts, "Codes that a violation of this parameter's limits earns; default: any refusal."),
        may(
            "unchecked",
            Kind::Texts,
            "Limits whose violation the document leaves open: required, max_length, max_count, ascii.",
        ),
        may("may", Kind::Expression, "When this holds, what violates its limits is also accepted."),
        may("value", Kind::Any, "What the suite sends when nothing else is asked; `$given.x`, `$name`, `$region`."),
        may("text", Kind::Text, "What the document says of it, in short."),
        may("source", Kind::Text, "Place in the document."),
        LEVEL,
    ],
};

static FIELD: Table = Table {
    name: "field",
    about: "A field of a successful answer.",
    keys: &[
        need("name", Kind::Text, "Name; dots separate levels."),
        need("type", Kind::Word(&["text", "integer", "boolean", "list", "object"]), "Type."),
        may("optional", Kind::Boolean, "May be absent."),
        may("value", Kind::Any, "Documented value of a success."),
        may("unique", Kind::Boolean, "Different in every answer."),
        may("names", Kind::Text, "It is the id of the resource of that kind that the call created."),
        may("text", Kind::Text, "What the document says of it."),
        SOURCE,
        LEVEL,
    ],
};

static ERROR: Table = Table {
    name: "error",
    about: "A documented error row.",
    keys: &[
        need("code", Kind::Text, "Code; `%s` stands for any text."),
        may("status", Kind::Integer, "HTTP status, where the document gives one."),
        need("message", Kind::Text, "Message text, as printed."),
        may("text", Kind::Text, "Condition in words."),
        may(
            "when",
            Kind::Expression,
            "The call must be refused when this holds, with this code or that of another such row.",
        ),
        may("may", Kind::Expression, "The code is also accepted when this holds."),
        may("overlap", Kind::Boolean, "Only overlapping calls can earn it."),
        UNREACHABLE,
        SOURCE,
        LEVEL,
    ],
};

static REFUSAL: Table = Table {
    name: "refusal",
    about: "A refusal without a row of its own.",
    keys: &[
        need("when", Kind::Expression, "The call must be refused when this holds."),
        may("may", Kind::Expression, "The refusal is also accepted when this holds."),
        need("codes", Kind::Texts, "Accepted codes, the first is the mock's; `*` is any."),
        may("status", Kind::Integer, "Status on the mock; default 400."),
        may(
            "id",
            Kind::Text,
            "Id of the promise that this is; without one it belongs to the open questions in its condition.",
        ),
        may("key", Kind::Text, "Name for overrides, when there is no id."),
        may("otherwise", Kind::Boolean, "Only when nothing else is due."),
        may("text", Kind::Text, "The promise in words."),
        may("source", Kind::Text, "Place in the document."),
        LEVEL,
    ],
};

static OVERRIDE: Table = Table {
    name: "override",
    about: "A condition that lifts errors.",
    keys: &[
        need("when", Kind::Expression, "When it does."),
        need("skips", Kind::Texts, "Codes of rows and ids of refusals that it lifts; `*` is all."),
        may("source", Kind::Text, "Place in the document."),
    ],
};

static OPEN: Table = Table {
    name: "open",
    about: "A question that the document contradicts itself on, or is silent about: a constant of the endpoint, unknown until seen.",
    keys: &[
        need("id", Kind::Text, "Name in conditions and for `--answer ID=CHOICE`; has a hyphen."),
        need("question", Kind::Text, "The question."),
        need("answers", Kind::Tables(&ANSWER), "The alternatives; the first is the mock's."),
        may(
            "varies",
            Kind::Boolean,
            "The answer may depend on details that no document mentions; it need not be the same each time.",
        ),
        may(
            "precedence",
            Kind::Boolean,
            "The question is which code wins when several hold; the answers are `listed` and `reversed`.",
        ),
        UNREACHABLE,
        SOURCE,
    ],
};

static ANSWER: Table = Table {
    name: "answer",
    about: "An alternative.",
    keys: &[need("id", Kind::Text, "Name of the choice."), may("text", Kind::Text, "What it means."), SOURCE],
};

static PROMISE: Table = Table {
    name: "promise",
    about: "A sentence that promises behaviour.",
    keys: &[
        need("id", Kind::Text, "Last part of the requirement's id."),
        need("text", Kind::Text, "The promise, in short."),
        may("when", Kind::Expression, "Calls that it is about; default: every call."),
        may(
            "expect",
            Kind::Word(&["success", "refusal", "unchanged", "gone", "others", "kept"]),
            "What it promises: the answer (success, refusal), or what reads show afterwards (unchanged, gone, others untouched, kept).",
        ),
        UNREACHABLE,
        SOURCE,
        LEVEL,
    ],
};

static OVERLAP: Table = Table {
    name: "overlap",
    about: "What the document promises of calls that overlap: what they answer and do is what some order of them would.",
    keys: &[
        need(
            "law",
            Kind::Word(&["once", "stays", "seen", "exclusive", "token", "batch"]),
            "once: a resource is removed once. stays: what a call is refused for stays so. seen: what was told as done is seen by every call that starts afterwards. exclusive: the row for overlapping work is answered to nothing else. token: one token has one effect. batch: batches that share an id are done whole or not at all.",
        ),
        need("text", Kind::Text, "The promise, in short."),
        SOURCE,
        LEVEL,
    ],
};

static EFFECT: Table = Table {
    name: "effect",
    about: "What a call changes.",
    keys: &[
        may("create", Kind::Text, "Creates a resource of this kind."),
        may("update", Kind::Text, "Changes the named resource, or the one that an effect before this created."),
        may("delete", Kind::Text, "Removes the named resource."),
        may("on", Kind::Word(&["success", "refusal"]), "With which answer; default success."),
        may("when", Kind::Expression, "Only when this holds."),
        may("region", Kind::Text, "Parameter with the region of what is created, when it is not the call's."),
        may("set", Kind::Map(&Kind::Any), "Attributes; `$Param` and `$binding` stand for values."),
        may("add", Kind::Map(&Kind::Any), "Elements added to sets."),
        may("drop", Kind::Map(&Kind::Any), "Elements removed from sets."),
        may("later", Kind::Boolean, "It happens by itself, some time after the answer, within the service's patience."),
    ],
};

static VIEW: Table = Table {
    name: "view",
    about: "What a read shows of a kind of resource.",
    keys: &[
        need("of", Kind::Text, "Kind of resource."),
        need("list", Kind::Text, "Path to the list in the answer."),
        need("id", Kind::Text, "Field of an element that is the id."),
        may("set", Kind::Text, "The elements are members of this set of the named resource, not resources."),
        may("when", Kind::Expression, "Which resources it shows; default all."),
        may("fields", Kind::Map(&Kind::Table(&SHOWN)), "Fields of an element that show attributes."),
        may("fail", Kind::Map(&Kind::Texts), "Values of fields that say that creating it failed."),
        may("total", Kind::Text, "Field with the number of elements."),
        may("name", Kind::Text, "Field of an element that is the name which it was created with."),
        may("tags", Kind::Text, "Path in an element to its list of tags."),
        may("static", Kind::Map(&Kind::Any), "Further fields of an element on the mock."),
    ],
};

static SHOWN: Table = Table {
    name: "shown",
    about: "How an attribute is shown.",
    keys: &[
        need("of", Kind::Text, "Attribute, or derived attribute."),
        may(
            "as",
            Kind::Map(&Kind::Texts),
            "Spellings of each value, the first is the mock's; default: the value itself.",
        ),
    ],
};

static USE: Table = Table {
    name: "use",
    about: "A way to call a companion operation.",
    keys: &[
        need("id", Kind::Text, "Name."),
        may("arguments", Kind::Map(&Kind::Any), "Arguments besides those with a `value` of their own."),
        may("when", Kind::Expression, "When it makes sense."),
        may("read", Kind::Boolean, "The way to read a resource back."),
        may("list", Kind::Boolean, "The way to list everything that the account has; for the clean-up."),
        may("page", Kind::Text, "Parameter with the number of the page, counted from 1."),
        may("offset", Kind::Text, "Parameter with the number of elements to pass over."),
        may("weight", Kind::Integer, "How often random sequences take it, 0 to 10; default 5."),
    ],
};
