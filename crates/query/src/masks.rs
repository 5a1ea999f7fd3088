//! What a person changes about the masks of a conversation.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EntityKind, redact::Redacted};

/// Masks to add and to take away, for the rest of the conversation. Of two edits of one text the later one counts.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct MaskEdits {
    /// Texts that leave no more, wherever they stand as whole words.
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<HiddenText>>", optional))]
    pub hide: Vec<HiddenText>,
    /// Texts that leave as they are, where that is theirs to allow: what is restricted or never leaves stays
    /// masked.
    #[cfg_attr(feature = "typescript", ts(as = "Option<Vec<String>>", optional))]
    pub show: Vec<String>,
}

/// A text that is to be masked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(optional_fields))]
pub struct HiddenText {
    /// As it is written, whatever the case and the white space.
    pub text: String,
    /// What it is; `PRIVATE` if that is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntityKind>,
}

/// What came of edits.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct MasksEdited {
    /// Of the texts to show, those that stay masked: they are restricted or never leave.
    pub refused: Vec<String>,
}

impl fmt::Debug for MaskEdits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MaskEdits")
            .field("hide", &self.hide)
            .field("show", &redacted(&self.show))
            .finish()
    }
}

impl fmt::Debug for HiddenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HiddenText")
            .field("text", &Redacted(&self.text))
            .field("kind", &self.kind)
            .finish()
    }
}

impl fmt::Debug for MasksEdited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasksEdited")
            .field("refused", &redacted(&self.refused))
            .finish()
    }
}

fn redacted(texts: &[String]) -> Vec<Redacted<'_>> {
    texts.iter().map(|text| Redacted(text)).collect()
}
