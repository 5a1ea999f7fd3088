//! Errors of all kinds as the page sees them: one code, one sentence.

use query::{Error, ErrorCode};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DomException;

/// An error as the object that the page's `TidegateError` is made from.
pub(crate) fn to_js(error: &Error) -> JsValue {
    let json = serde_json::to_string(error).unwrap_or_default();
    js_sys::JSON::parse(&json).unwrap_or_else(|_| error.message.as_str().into())
}

/// The model, or what computes it, failed.
pub(crate) fn local_model(error: &local_model::Error) -> Error {
    use local_model::Error as E;
    let code = match error {
        E::NotGguf { .. } | E::Truncated { .. } | E::Corrupt { .. } | E::Source(_) => {
            ErrorCode::ModelCorrupt
        }
        E::Version { .. }
        | E::MissingMetadata { .. }
        | E::MissingTensor { .. }
        | E::TensorShape { .. }
        | E::TensorType { .. }
        | E::Architecture { .. }
        | E::Tokenizer { .. }
        | E::Unsupported { .. } => ErrorCode::ModelUnsupported,
        E::ChatTemplate { .. }
        | E::TokenId { .. }
        | E::EmptyPrompt
        | E::Sampling { .. }
        | E::Constraint { .. } => ErrorCode::InvalidRequest,
        E::NoTools => ErrorCode::ToolsUnsupported,
        E::ContextOverflow { .. } => ErrorCode::ContextOverflow,
        E::NoAdapter { .. } | E::WrongResult { .. } => ErrorCode::NoAdapter,
        E::DeviceLimit { .. } | E::Memory { .. } => ErrorCode::DeviceLimit,
        E::DeviceLost { .. } => ErrorCode::DeviceLost,
        _ => ErrorCode::Internal,
    };
    Error::new(code, error.to_string())
}

/// The model's file is not there or not right.
pub(crate) fn model_store(error: &model_store::Error) -> Error {
    use model_store::{Error as E, StorageError};
    let code = match error {
        E::NotJson { .. }
        | E::Field { .. }
        | E::Http { .. }
        | E::WrongRange { .. }
        | E::CutOff { .. } => ErrorCode::DownloadFailed,
        E::WrongSize { .. } | E::NotGguf { .. } => ErrorCode::ModelCorrupt,
        E::WrongHash { .. } | E::WrongChunk { .. } => ErrorCode::ModelHashMismatch,
        E::Storage(StorageError::Full { .. }) => ErrorCode::QuotaExceeded,
        _ => ErrorCode::Internal,
    };
    Error::new(code, error.to_string())
}

/// Something of the browser failed that should not.
pub(crate) fn failed(what: &str, error: &JsValue) -> Error {
    Error::new(ErrorCode::Internal, format!("{what}: {}", describe(error)))
}

/// JSON that the page's own code wrote and that does not parse.
///
/// serde's message may quote a value, which may be what someone wrote: only the names of fields are kept.
pub(crate) fn unreadable(what: &str, error: &serde_json::Error) -> Error {
    let text = error.to_string();
    let problem = match text.split_once(" at line ") {
        Some((names, _))
            if names.starts_with("unknown field") || names.starts_with("missing field") =>
        {
            names
        }
        _ => "has another shape than expected",
    };
    Error::new(ErrorCode::InvalidRequest, format!("{what}: {problem}"))
}

/// Name and message of anything that JavaScript may throw.
pub(crate) fn describe(error: &JsValue) -> String {
    if let Some(exception) = error.dyn_ref::<DomException>() {
        return format!("{}: {}", exception.name(), exception.message());
    }
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => error.to_string().into(),
        None => error
            .as_string()
            .unwrap_or_else(|| "unknown error".to_owned()),
    }
}

/// Name of a `DOMException`, such as `QuotaExceededError`; empty for anything else.
///
/// Read as a property: newer browsers make some of them classes of their own.
pub(crate) fn name_of(error: &JsValue) -> String {
    js_sys::Reflect::get(error, &"name".into())
        .ok()
        .and_then(|name| name.as_string())
        .unwrap_or_default()
}
