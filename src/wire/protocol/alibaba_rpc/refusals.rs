//! Refusals of the Alibaba Cloud gateway, as its current error list words them (help.aliyun.com 60629 and 434846).

use crate::wire::Refusal;

fn refusal(code: impl Into<String>, status: u16, message: impl Into<String>) -> Refusal {
    Refusal { code: code.into(), status, message: message.into() }
}

/// A common parameter is absent or empty. The list gives the pattern; only some of its members are printed.
pub fn missing(name: &str) -> Refusal {
    refusal(format!("Missing{name}"), 400, format!("{name} is mandatory for this action."))
}

/// A common parameter has a value that is never right.
pub fn invalid(name: &str) -> Refusal {
    refusal(format!("Invalid{name}"), 400, format!("Specified parameter {name} is not valid."))
}

/// Neither XML nor JSON is asked for.
pub fn invalid_format() -> Refusal {
    refusal("InvalidParameter.Format", 400, "Specified parameter format is not valid.")
}

/// Neither GET nor POST.
pub fn unsupported_method() -> Refusal {
    refusal("UnsupportedHTTPMethod", 400, "This http method is not supported.")
}

/// A path other than `/`, or an action that the service does not have.
pub fn unknown_api() -> Refusal {
    refusal("InvalidApi.NotFound", 404, "Specified api is not found, please check your url and method.")
}

pub fn invalid_signature_method() -> Refusal {
    refusal("InvalidSignatureMethod", 400, "Specified signature method is not valid.")
}

/// The signature is there but cannot be one.
pub fn incomplete_signature() -> Refusal {
    refusal("IncompleteSignature", 400, "The request signature does not conform to Aliyun standards.")
}

pub fn unknown_key() -> Refusal {
    refusal("InvalidAccessKeyId.NotFound", 404, "Specified access key is not found.")
}

/// A wrong signature of the parameter scheme. Older SDKs split the message at its colon and fail without one.
pub fn parameter_signature_mismatch(string_to_sign: &str) -> Refusal {
    refusal(
        "SignatureDoesNotMatch",
        400,
        format!(
            "Specified signature is not matched with our calculation. \
             server string to sign is:{string_to_sign}"
        ),
    )
}

/// A wrong signature of the header scheme.
pub fn header_signature_mismatch(string_to_sign: &str, canonical_request: &str) -> Refusal {
    refusal(
        "SignatureDoesNotMatch",
        400,
        format!(
            "Specified signature does not match our calculation. server StringToSign is \
             [{string_to_sign}] server CanonicalRequest is [{canonical_request}]"
        ),
    )
}

pub fn nonce_used() -> Refusal {
    refusal("SignatureNonceUsed", 400, "Specified signature nonce was used already.")
}

pub fn malformed_time() -> Refusal {
    refusal("InvalidTimeStamp.Format", 400, "Specified time stamp or date value is not well formatted.")
}

pub fn expired_time() -> Refusal {
    refusal("InvalidTimeStamp.Expired", 400, "Specified time stamp or date value is expired.")
}

/// A token that is not the key's, or one sent with a key that has none.
pub fn token_mismatch() -> Refusal {
    refusal("InvalidSecurityToken.MismatchWithAccessKey", 400, "Specified SecurityToken mismatch with the AccessKey.")
}
