//! Makes the weights of the `privacy` crate's tagger.
//!
//! ```text
//! Generator  templates and lists -> sentences whose personal data is known
//! corpus     JSON Lines files    -> sentences, and texts without personal data
//! train      sentences           -> Weights   (conditional random field, AdaGrad with L1)
//! Recipe     all of it, once or on parts of the data
//! labels     names of data sets  -> our kinds
//! spans      found and marked    -> precision and recall
//! measure    Tagger, sentences   -> these, over all sentences
//! ```
//!
//! The same seed and files give the same bytes.

pub mod corpus;
mod crf;
mod generate;
pub mod labels;
mod lists;
mod measure;
mod recipe;
mod sample;
pub mod spans;
mod template;
mod values;

pub use crf::{Options, train};
pub use generate::Generator;
pub use lists::lexicon;
pub use measure::{OnMistake, Report, measure};
pub use recipe::{Held, Recipe};
pub use sample::{Part, Sample};

use query::EntityKind;

/// What the tagger finds. Numbers that nothing else recognized become `LicenseNumber`: they leave behind a
/// placeholder, and a mistake does not keep the whole query here.
pub const KINDS: [EntityKind; 12] = [
    EntityKind::Person,
    EntityKind::Organization,
    EntityKind::Location,
    EntityKind::Address,
    EntityKind::Group,
    EntityKind::Date,
    EntityKind::DateOfBirth,
    EntityKind::Age,
    EntityKind::UserName,
    EntityKind::Phone,
    EntityKind::Email,
    EntityKind::LicenseNumber,
];
