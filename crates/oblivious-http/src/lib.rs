//! Chunked Oblivious HTTP: what the page asks travels sealed to the gateway's key, so that the relay
//! between them learns who asks and not what, and the gateway what is asked and not by whom.
//!
//! Envelope: RFC 9458 with the chunks of draft-ietf-ohai-chunked-ohttp-08. Inner message: binary HTTP,
//! RFC 9292. Suites: X-Wing (X25519 + ML-KEM-768, preferred) or X25519, HKDF-SHA256, AES-128-GCM.
//! Nothing here does I/O: bytes come in as slices and go out as vectors.
//!
//! ```text
//! page      trusted_key(lists, signers, policy, now) -> VerifiedKey    or VerifiedKey::pinned(configs)
//! page      seal(&key, &releasable, &terms) -> (Sealed, Opener)
//! gateway   GatewayKeys::open(bytes) -> (Request, Sealer); Sealer::head, chunk…, finish
//! page      Opener::push(bytes) -> events …, Opener::finish
//! ```

pub mod date;
mod directory;
mod error;
mod key_config;
mod message;
mod pipe;

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "client")]
mod trust;

#[cfg(test)]
mod tests;

#[cfg(feature = "client")]
pub use client::{Opener, Sealed, Terms, VerifiedKey, seal};
pub use directory::{DIRECTORY_TYPE, Directory, DirectoryKey, configs_of};
pub use error::Error;
pub use key_config::{Kem, KeyConfig};
pub use message::Event;
#[cfg(feature = "server")]
pub use server::{GatewayKeys, Request, Sealer, room};
#[cfg(feature = "client")]
pub use trust::{KeyPolicy, Seen, Trusted, Untrusted, trusted_key};

/// The media type of a sealed request (draft-ietf-ohai-chunked-ohttp-08 §9.1).
pub const REQUEST_TYPE: &str = "message/ohttp-chunked-req";
/// The media type of a sealed reply (draft-ietf-ohai-chunked-ohttp-08 §9.2).
pub const REPLY_TYPE: &str = "message/ohttp-chunked-res";
/// The media type of a list of key configs (RFC 9458 §3.2).
pub const KEYS_TYPE: &str = "application/ohttp-keys";
