//! Finds personal data, decides its class, swaps it for placeholders and puts it back.
//!
//! ```text
//! find(request, level, vault)      -> Findings      what is personal, what it is about, and how far it may go
//! pseudonymize(findings, vault)    -> Releasable    `[EMAIL_1]` in place of the address; or Blocked
//! vault.restorer(&releasable)      -> Restorer      the reply's pieces, real values back in place
//! ```
//!
//! Pure: no I/O, no clock, no randomness. Values do not print and are wiped when dropped.

mod attested;
mod detect;
mod edits;
mod find;
#[cfg(test)]
mod hostile;
mod known;
mod link;
mod name;
mod offsets;
mod overlap;
mod placeholder;
mod presets;
mod preview;
mod pseudonymize;
mod read;
mod recognizers;
mod releasable;
mod replace;
mod restore;
mod subject;
pub mod tagger;
mod terms;
mod topics;
mod vault;

pub use attested::{AttestedEndpoint, Challenge, NotAttested};
pub use detect::{Detector, Span, detect};
pub use edits::edit_masks;
pub use find::{Findings, find, find_with};
pub use presets::{class_of, class_of_topic, least};
pub use preview::preview;
pub use pseudonymize::{Blocked, pseudonymize};
pub use releasable::Releasable;
pub use restore::{Restored, Restorer};
pub use tagger::Tagger;
pub use vault::{SavedVaultError, Vault};
