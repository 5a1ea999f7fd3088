//! Anthropic's Messages API as the upstream: requests and event streams, from and to what the page speaks.
//!
//! Written over the parser of events that is here anyway. The client crates that know the API's events bring an HTTP
//! client of their own, none of them is the provider's, and what a gateway needs of them is these two files.
//!
//! <https://platform.claude.com/docs/en/api/messages>,
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

mod events;
mod messages;
mod request;

pub use events::{Failure, Translator};
pub use request::{Unsayable, translate};

/// The version of the API that this is written for, as its header `anthropic-version` wants it.
pub(crate) const VERSION: &str = "2023-06-01";
