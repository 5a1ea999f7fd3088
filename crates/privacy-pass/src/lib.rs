//! Tokens that say that somebody may ask, and not who: Privacy Pass with publicly verifiable tokens (RFC 9578 §6, token
//! type 2: blind RSA with 2048 bits, RSABSSA-SHA384-PSS-Deterministic of RFC 9474), in the forms of RFC 9577.
//!
//! A page blinds, an issuer signs what it cannot read, the page unblinds, and whoever has the issuer's public key can
//! tell a token from a made-up one, and not when or for whom it was signed. Nothing here does I/O: which tokens are
//! spent, and who may have some, is for others to know.

mod challenge;
mod directory;
mod error;
mod issue;
mod key;
mod token;
mod varint;

pub use challenge::Challenge;
pub use directory::{DIRECTORY_TYPE, Directory, DirectoryKey};
pub use error::Error;
pub use issue::{BATCH_REQUEST_TYPE, BATCH_RESPONSE_TYPE, Batch, TokenRequest};
pub use key::{IssuerKey, TokenKey};
pub use token::{Redeemed, Token};

/// Publicly verifiable tokens of blind RSA with 2048 bits (RFC 9578 §8.2.2).
pub const TOKEN_TYPE: u16 = 2;
/// Length of a signature, blinded or not, in bytes (`Nk`).
pub const SIGNATURE: usize = 256;

#[cfg(test)]
mod tests;
