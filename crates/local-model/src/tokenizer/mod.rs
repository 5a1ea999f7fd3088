//! Text to token ids and back, from the vocabulary that the GGUF file carries.
//!
//! Two kinds: `gpt2` (byte-level BPE, Sennrich et al. 2016, with GPT-2's map of bytes to characters)
//! and `llama` (SentencePiece: pieces merged by score, unknown characters as bytes).

mod merge;
mod pieces;
mod special;
mod split;

use std::collections::{BTreeSet, HashMap};

use crate::{Error, gguf::Header};
pub(crate) use pieces::Pieces;
use special::{Fragment, Special};
use split::Split;

/// `tokenizer.ggml.token_type` of the token for what has none.
const UNKNOWN: i64 = 2;
/// `tokenizer.ggml.token_type` of a token that is never part of ordinary text.
const CONTROL: i64 = 3;
/// A token that the model's makers added; matched as it is, and printed.
const USER_DEFINED: i64 = 4;
/// A token for a single byte, `<0x0A>`, of a SentencePiece vocabulary.
const BYTE: i64 = 6;

/// Control tokens that end an answer, by the names that model makers use.
const END_NAMES: [&str; 9] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<end_of_turn>",
    "<|eom_id|>",
    "<EOT>",
    "</s>",
];

/// A vocabulary and the rules to cut text into it.
#[derive(Debug)]
pub(crate) struct Tokenizer {
    /// Bytes of all tokens, one after the other; token `id` is `offsets[id]..offsets[id + 1]`.
    bytes: Vec<u8>,
    offsets: Vec<usize>,
    kind: Kind,
    /// Tokens matched in the text before anything else.
    special: Special,
    /// Those of them that nobody but a chat template may write.
    controls: Special,
    ends: Vec<u32>,
    bos: Option<u32>,
    bos_text: String,
    eos_text: String,
    add_bos: bool,
}

#[derive(Debug)]
enum Kind {
    /// `bytes`: the token of each byte. `merges`: two tokens to rank (lower first) and result.
    /// `whole`: tokens in the order of their bytes, where a word that is a token is not merged.
    BytePairs {
        split: Split,
        whole: Vec<u32>,
        bytes: Vec<Option<u32>>,
        merges: HashMap<(u32, u32), (u32, u32)>,
    },
    /// `ids`: token of a text. `bytes`: the token of each byte.
    Scored {
        add_space: bool,
        ids: HashMap<Vec<u8>, u32>,
        scores: Vec<f32>,
        bytes: Vec<Option<u32>>,
        unknown: Option<u32>,
    },
}

impl Tokenizer {
    /// Takes the vocabulary out of the header.
    ///
    /// # Errors
    /// [`Error::Tokenizer`] for another kind, [`Error::MissingMetadata`], [`Error::Corrupt`].
    pub fn take(header: &mut Header) -> Result<Self, Error> {
        let model = header.string("tokenizer.ggml.model")?.to_owned();
        let pre = header
            .string("tokenizer.ggml.pre")
            .unwrap_or("default")
            .to_owned();
        let special_id = |name: &str| -> Result<Option<u32>, Error> {
            Ok(header
                .optional_size(&format!("tokenizer.ggml.{name}_token_id"))?
                .and_then(|id| u32::try_from(id).ok()))
        };
        let (bos, eos) = (special_id("bos")?, special_id("eos")?);
        let (eot, unknown) = (special_id("eot")?, special_id("unknown")?);
        // Llama 3 takes a word that is a token as it is, whatever the merges say.
        let whole_words = matches!(pre.as_str(), "llama-bpe" | "llama3" | "llama-v3");
        let add_bos = header
            .flag("tokenizer.ggml.add_bos_token")
            .unwrap_or(model == "llama" || whole_words);
        // Phi-3's special tokens take the white space after them. Its files do not say so: like
        // llama.cpp this goes by the model's name.
        let name = header.string("general.name").unwrap_or_default();
        let name = name.to_lowercase();
        let swallows = name.contains("phi-3") || name.contains("phi3");
        let add_space = header
            .flag("tokenizer.ggml.add_space_prefix")
            .unwrap_or(true);

        let tokens = header.take_strings("tokenizer.ggml.tokens")?;
        let mut types = if header.has("tokenizer.ggml.token_type") {
            header.take_integers("tokenizer.ggml.token_type")?
        } else {
            vec![1; tokens.len()]
        };
        if types.len() != tokens.len() {
            let what = format!(
                "tokenizer.ggml.token_type has {} entries for {} tokens",
                types.len(),
                tokens.len()
            );
            return Err(Error::Corrupt { what });
        }
        for (name, id) in [
            ("bos", bos),
            ("eos", eos),
            ("eot", eot),
            ("unknown", unknown),
        ] {
            if id.is_some_and(|id| id as usize >= tokens.len()) {
                return Err(Error::Corrupt {
                    what: format!("the {name} token is beyond the {} tokens", tokens.len()),
                });
            }
        }

        let mut ends: Vec<u32> = ids(&tokens)
            .filter(|&(token, id)| match types[id as usize] {
                CONTROL => END_NAMES.contains(&token),
                // `</s>` is a tag of HTML in Gemma's vocabulary.
                USER_DEFINED => END_NAMES.contains(&token) && token != "</s>",
                _ => false,
            })
            .map(|(_, id)| id)
            .chain(eos)
            .chain(eot)
            .collect();
        // Some files call them ordinary; then a person could write them.
        for &end in &ends {
            types[end as usize] = CONTROL;
        }
        ends.sort_unstable();
        ends.dedup();

        let of_type = |wanted: &[i64]| {
            ids(&tokens)
                .filter(|&(token, id)| !token.is_empty() && wanted.contains(&types[id as usize]))
                .collect::<Vec<_>>()
        };
        let special = of_type(&[CONTROL, USER_DEFINED, UNKNOWN]);
        let swallowing: BTreeSet<u32> = special
            .iter()
            .filter(|(token, _)| swallows && !["<unk>", "<s>", "<|endoftext|>"].contains(token))
            .map(|&(_, id)| id)
            .collect();
        let special = Special::new(&special, swallowing);
        let controls = Special::new(&of_type(&[CONTROL, UNKNOWN]), BTreeSet::new());
        let text_of =
            |id: Option<u32>| id.map_or_else(String::new, |id| tokens[id as usize].clone());
        let (bos_text, eos_text) = (text_of(bos), text_of(eos));

        let spelled = match model.as_str() {
            "gpt2" => spell_bytes(&tokens, &types),
            "llama" => spell_pieces(&tokens, &types),
            _ => return Err(Error::Tokenizer { found: model }),
        };
        let kind = if model == "gpt2" {
            let split = Split::named(&pre).ok_or_else(|| Error::Tokenizer {
                found: format!("gpt2 with {pre}"),
            })?;
            byte_pairs(
                &spelled,
                &types,
                header.take_strings("tokenizer.ggml.merges")?,
                &tokens,
                split,
                whole_words,
            )?
        } else {
            let scores = header.take_floats("tokenizer.ggml.scores")?;
            if scores.len() != tokens.len() {
                let what = format!(
                    "tokenizer.ggml.scores has {} entries for {} tokens",
                    scores.len(),
                    tokens.len()
                );
                return Err(Error::Corrupt { what });
            }
            scored(&spelled, &types, scores, add_space, unknown)
        };

        let mut bytes = Vec::new();
        let mut offsets = vec![0];
        for (spelled, kind) in spelled.iter().zip(&types) {
            // Control tokens are no text.
            if *kind != CONTROL {
                bytes.extend_from_slice(spelled);
            }
            offsets.push(bytes.len());
        }
        Ok(Self {
            bytes,
            offsets,
            kind,
            special,
            controls,
            ends,
            bos,
            bos_text,
            eos_text,
            add_bos,
        })
    }

    /// Number of tokens.
    pub fn vocabulary(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Token ids of `text`; control tokens written out in it are taken as such, but for those that
    /// reach over one of the `breaks` (ascending offsets, bytes). No BOS is added if the text begins
    /// with it, or the file does not ask for one.
    pub fn encode(&self, text: &str, breaks: &[usize]) -> Vec<u32> {
        let mut ids = Vec::new();
        // SentencePiece puts a space before the text, and again after each special token.
        let mut fresh = true;
        for fragment in self.special.partition(text, breaks) {
            fresh = match fragment {
                Fragment::Text(range) => {
                    self.encode_plain(&text[range], fresh, &mut ids);
                    false
                }
                Fragment::Token(id) => {
                    ids.push(id);
                    true
                }
            };
        }
        match self.bos {
            Some(bos) if self.add_bos && ids.first() != Some(&bos) => ids.insert(0, bos),
            _ => {}
        }
        ids
    }

    /// Breaks for [`Self::encode`], so that no control token is read out of `text`.
    pub fn control_breaks(&self, text: &str) -> Vec<usize> {
        self.controls.inside(text)
    }

    /// Whether a control token could reach into `text` from before it.
    pub fn control_may_begin_before(&self, text: &str) -> bool {
        self.controls.may_begin_before(text)
    }

    /// Whether a control token could reach out of `text` behind it.
    pub fn control_may_end_after(&self, text: &str) -> bool {
        self.controls.may_end_after(text)
    }

    /// The bytes that a token stands for; none for control tokens. They need not be whole UTF-8.
    pub fn bytes(&self, id: u32) -> &[u8] {
        let id = id as usize;
        match (self.offsets.get(id), self.offsets.get(id + 1)) {
            (Some(&start), Some(&end)) => &self.bytes[start..end],
            _ => &[],
        }
    }

    /// Whether the token ends an answer.
    pub fn is_end(&self, id: u32) -> bool {
        self.ends.contains(&id)
    }

    /// How the chat template writes the beginning of a text, if the vocabulary has one.
    pub fn bos_text(&self) -> &str {
        &self.bos_text
    }

    /// How the chat template writes the end of a text, if the vocabulary has one.
    pub fn eos_text(&self) -> &str {
        &self.eos_text
    }

    fn encode_plain(&self, text: &str, fresh: bool, ids: &mut Vec<u32>) {
        match &self.kind {
            Kind::BytePairs {
                split,
                whole,
                bytes,
                merges,
            } => {
                for word in split.words(text) {
                    let same = whole.binary_search_by_key(&word.as_bytes(), |&id| self.bytes(id));
                    if let Ok(at) = same {
                        ids.push(whole[at]);
                        continue;
                    }
                    let parts = word
                        .bytes()
                        .enumerate()
                        .map(|(at, byte)| (at, bytes[usize::from(byte)]));
                    let merged = merge::merge(word.len(), parts, |left, right| {
                        let &(rank, id) = merges.get(&(left.id?, right.id?))?;
                        Some((rank, id))
                    });
                    // A byte that the vocabulary does not have is dropped, as llama.cpp does.
                    ids.extend(merged.iter().filter_map(|part| part.id));
                }
            }
            Kind::Scored {
                add_space,
                ids: known,
                scores,
                bytes,
                unknown,
            } => {
                let prefix = if *add_space && fresh { " " } else { "" };
                // A `▁` that somebody wrote is a space too.
                let text = format!("{prefix}{text}").replace('▁', " ");
                let parts = text.char_indices().map(|(at, character)| {
                    let piece = &text.as_bytes()[at..at + character.len_utf8()];
                    (at, known.get(piece).copied())
                });
                let merged = merge::merge(text.len(), parts, |left, right| {
                    let id = *known.get(&text.as_bytes()[left.start..right.end])?;
                    // Higher scores first: turn the order of floats into an order of integers.
                    Some((descending(scores[id as usize]), id))
                });
                for part in merged {
                    match part.id {
                        Some(id) => ids.push(id),
                        None => ids.extend(
                            text.as_bytes()[part.start..part.end]
                                .iter()
                                .filter_map(|&byte| bytes[usize::from(byte)].or(*unknown)),
                        ),
                    }
                }
            }
        }
    }
}

/// Tokens with their ids.
fn ids(tokens: &[String]) -> impl Iterator<Item = (&str, u32)> {
    // A header of under 256 MiB has fewer than 2^32 tokens.
    tokens
        .iter()
        .zip(0u32..)
        .map(|(token, id)| (token.as_str(), id))
}

/// A key that sorts floats from high to low.
fn descending(score: f32) -> u32 {
    let bits = score.to_bits();
    if bits >> 31 == 0 {
        !(bits | 1 << 31)
    } else {
        bits
    }
}

/// GPT-2's characters back to the bytes that they stand for; special tokens are spelled as they are.
fn spell_bytes(tokens: &[String], types: &[i64]) -> Vec<Vec<u8>> {
    let mut byte_of = HashMap::new();
    let mut others = 256u32;
    for byte in 0..=255u8 {
        // Printable Latin-1 stands for itself, the other bytes for 256, 257, …
        let itself = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
        let character = if itself { u32::from(byte) } else { others };
        others += u32::from(!itself);
        byte_of.insert(char::from_u32(character), byte);
    }
    let spell = |(token, kind): (&String, &i64)| {
        let mut bytes = Vec::with_capacity(token.len());
        for character in token.chars() {
            match byte_of.get(&Some(character)) {
                Some(&byte) if !matches!(*kind, CONTROL | USER_DEFINED) => bytes.push(byte),
                _ => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        bytes
    };
    tokens.iter().zip(types).map(spell).collect()
}

/// SentencePiece's `▁` back to spaces and `<0x0A>` to bytes.
fn spell_pieces(tokens: &[String], types: &[i64]) -> Vec<Vec<u8>> {
    let spell = |(token, kind): (&String, &i64)| {
        let byte = token
            .strip_prefix("<0x")
            .and_then(|rest| u8::from_str_radix(rest.strip_suffix('>')?, 16).ok());
        match byte {
            Some(byte) if *kind == BYTE => vec![byte],
            _ if *kind == USER_DEFINED => token.clone().into_bytes(),
            _ => token.replace('▁', " ").into_bytes(),
        }
    };
    tokens.iter().zip(types).map(spell).collect()
}

fn byte_pairs(
    spelled: &[Vec<u8>],
    types: &[i64],
    merges: Vec<String>,
    tokens: &[String],
    split: Split,
    whole_words: bool,
) -> Result<Kind, Error> {
    let ordinary = |id: u32| !matches!(types[id as usize], CONTROL | USER_DEFINED | UNKNOWN);
    let known: HashMap<&str, u32> = ids(tokens).filter(|&(_, id)| ordinary(id)).collect();
    let mut bytes = vec![None; 256];
    for (spelled, id) in spelled.iter().zip(0u32..) {
        if let &[byte] = spelled.as_slice()
            && ordinary(id)
        {
            bytes[usize::from(byte)] = Some(id);
        }
    }
    let mut pairs = HashMap::with_capacity(merges.len());
    for (merge, rank) in merges.iter().zip(0u32..) {
        let (left, right) = merge.split_once(' ').ok_or_else(|| Error::Corrupt {
            what: format!("entry {rank} of tokenizer.ggml.merges is no pair"),
        })?;
        let merged = [left, right].concat();
        // A merge into or from something that is no token never leads to one.
        if let (Some(&left), Some(&right), Some(&merged)) = (
            known.get(left),
            known.get(right),
            known.get(merged.as_str()),
        ) {
            pairs.entry((left, right)).or_insert((rank, merged));
        }
    }
    let mut whole: Vec<u32> = if whole_words {
        (0..)
            .take(tokens.len())
            .filter(|&id| ordinary(id))
            .collect()
    } else {
        Vec::new()
    };
    whole.sort_by_key(|&id| &spelled[id as usize]);
    Ok(Kind::BytePairs {
        split,
        whole,
        bytes,
        merges: pairs,
    })
}

fn scored(
    spelled: &[Vec<u8>],
    types: &[i64],
    scores: Vec<f32>,
    add_space: bool,
    unknown: Option<u32>,
) -> Kind {
    let mut known = HashMap::new();
    let mut bytes = vec![None; 256];
    for ((spelled, kind), id) in spelled.iter().zip(types).zip(0u32..) {
        match (*kind, spelled.as_slice()) {
            (BYTE, &[byte]) => bytes[usize::from(byte)] = Some(id),
            (CONTROL | USER_DEFINED | UNKNOWN | BYTE, _) => {}
            // Of two tokens of one text the last, as in llama.cpp.
            _ => {
                known.insert(spelled.clone(), id);
            }
        }
    }
    Kind::Scored {
        add_space,
        ids: known,
        scores,
        bytes,
        unknown,
    }
}

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::byte_level;
