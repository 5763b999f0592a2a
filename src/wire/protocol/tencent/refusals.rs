//! Refusals of Tencent Cloud API 3.0, from the "Error Codes" page that all products share.
//!
//! Every one travels with HTTP status 200. Where no text of a real server is published, the text here is ours; the
//! vendor promises none.

use crate::wire::Refusal;

fn refusal(code: &str, message: impl Into<String>) -> Refusal {
    Refusal { code: code.to_owned(), status: 200, message: message.into() }
}

pub fn missing_parameter(name: &str) -> Refusal {
    refusal("MissingParameter", format!("The request is missing a required parameter `{name}`."))
}

pub fn wrong_type(name: &str, expected: &str) -> Refusal {
    refusal(
        "InvalidParameter",
        format!("The value type of parameter `{name}` is not valid, input type should be `{expected}`."),
    )
}

/// A JSON request whose body is no JSON object.
pub fn broken_body() -> Refusal {
    refusal("InvalidParameter", "The request body is not a JSON object.")
}

/// Neither GET nor POST.
pub fn unsupported_method() -> Refusal {
    refusal("UnsupportedProtocol", "The HTTP method is not supported, only GET and POST are.")
}

/// An action that the service does not have.
pub fn unknown_action() -> Refusal {
    refusal("InvalidAction", "The specified action is not valid.")
}

/// A version that no service has.
pub fn unknown_version() -> Refusal {
    refusal("NoSuchVersion", "The specified version does not exist.")
}

/// The `Authorization` header is absent or malformed.
pub fn invalid_authorization() -> Refusal {
    refusal("AuthFailure.InvalidAuthorization", "The `Authorization` header is missing or malformed.")
}

pub fn unknown_key() -> Refusal {
    refusal("AuthFailure.SecretIdNotFound", "The SecretId is not found, please ensure that your SecretId is correct.")
}

/// The clock of the caller differs by more than five minutes.
pub fn signature_expired() -> Refusal {
    refusal("AuthFailure.SignatureExpire", "The signature has expired, please check the clock of the caller.")
}

pub fn signature_mismatch() -> Refusal {
    refusal(
        "AuthFailure.SignatureFailure",
        "The provided credentials could not be validated. Please check your signature is correct.",
    )
}

/// A token that is missing, wrong, or sent with a long-term key.
pub fn token_failure() -> Refusal {
    refusal("AuthFailure.TokenFailure", "The token is not valid for this SecretId.")
}
