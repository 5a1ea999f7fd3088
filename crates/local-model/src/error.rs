//! What can go wrong between a file and its tokens.

use crate::source::SourceError;

/// Why a model did not load or a generation stopped.
///
/// Messages name the thing, the place and the way out. They never hold text of a prompt.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes could not be read.
    #[error("reading the model file: {0}")]
    Source(#[from] SourceError),

    /// The file does not begin with the four bytes `GGUF`.
    #[error("not a GGUF file: it begins with {found:02x?}; choose a file that ends in .gguf")]
    NotGguf {
        /// The first four bytes.
        found: [u8; 4],
    },

    /// A GGUF version that this reader does not know.
    #[error("GGUF version {found} is not supported; supported: 2, 3")]
    Version {
        /// The version in the file.
        found: u32,
    },

    /// The file ends before something that its header promises.
    #[error(
        "the model file is truncated: {what} ends at byte {needed}, the file has {length}; download it again"
    )]
    Truncated {
        /// What did not fit.
        what: String,
        /// Where it would end, bytes from the start.
        needed: u64,
        /// Length of the file, bytes.
        length: u64,
    },

    /// A field holds what no good file holds.
    #[error("the model file is damaged: {what}; download it again")]
    Corrupt {
        /// The field, and what is wrong with it.
        what: String,
    },

    /// A metadata key that the model needs is not there or has another type.
    #[error("the model file has no usable metadata {key} ({expected})")]
    MissingMetadata {
        /// Key, e.g. `llama.block_count`.
        key: String,
        /// The type that was expected.
        expected: &'static str,
    },

    /// A tensor that the architecture needs is not there.
    #[error(
        "the model file has no tensor {name}; it may be one part of a split model, which is not supported"
    )]
    MissingTensor {
        /// The tensor's name, e.g. `blk.3.ffn_up.weight`.
        name: String,
    },

    /// A tensor has other dimensions than the metadata says.
    #[error("tensor {name}: shape {found:?}, but the metadata asks for {expected:?}")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// Dimensions in the file, the contiguous one first.
        found: Vec<u64>,
        /// Dimensions that follow from the metadata.
        expected: Vec<u64>,
    },

    /// A tensor type that has no kernel.
    #[error(
        "tensor {name}: type {found} is not supported; supported: F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K"
    )]
    TensorType {
        /// The tensor's name.
        name: String,
        /// Name of the type, e.g. `IQ2_XS`.
        found: String,
    },

    /// Another architecture than the ones that are written here.
    #[error("architecture {found} is not supported; supported: llama, qwen2, qwen3, gemma3, phi3")]
    Architecture {
        /// `general.architecture` of the file.
        found: String,
    },

    /// Another tokenizer than the ones that are written here.
    #[error(
        "tokenizer {found} is not supported; supported: gpt2 (pre-tokenizers default, gpt-2, smollm, llama-bpe, qwen2, dbrx), llama"
    )]
    Tokenizer {
        /// `tokenizer.ggml.model` and `tokenizer.ggml.pre`.
        found: String,
    },

    /// A feature of the file that would change the answers and is not written here.
    #[error("{what} is not supported")]
    Unsupported {
        /// The feature, and where the file asks for it.
        what: String,
    },

    /// The file has no chat template, or the template failed.
    #[error("chat template: {reason}")]
    ChatTemplate {
        /// What the template said; never the messages.
        reason: String,
    },

    /// The chat template has no place for tools.
    #[error("the model's chat template knows no tools; choose a model that was trained on them")]
    NoTools,

    /// A token id beyond the vocabulary.
    #[error("token id {id} is beyond the vocabulary of {vocabulary}")]
    TokenId {
        /// The id.
        id: u32,
        /// Number of tokens.
        vocabulary: usize,
    },

    /// There is nothing to continue.
    #[error("the prompt is empty; give at least one token")]
    EmptyPrompt,

    /// The sampling parameters make no distribution.
    #[error("sampling: {what}")]
    Sampling {
        /// The parameter and its range.
        what: String,
    },

    /// The schema, the regular expression or the tools cannot be kept to.
    #[error("constrained output: {what}")]
    Constraint {
        /// What is not supported or does not fit.
        what: String,
    },

    /// The device gave scores that are no numbers.
    #[error(
        "the model's scores are not finite: damaged weights, or a fault of the device; try the CPU backend"
    )]
    NotFinite,

    /// The prompt leaves no room for an answer.
    #[error(
        "the prompt has {prompt} tokens, the model's context {context}; shorten the conversation"
    )]
    ContextOverflow {
        /// Tokens of the prompt.
        prompt: usize,
        /// Tokens that fit.
        context: usize,
    },

    /// No usable WebGPU adapter.
    #[error("no usable WebGPU adapter: {reason}; use the CPU backend")]
    NoAdapter {
        /// What was asked for and what came back.
        reason: String,
    },

    /// The device's limits are too small for a tensor.
    #[error(
        "{what}: needs {needed} bytes, the device allows {limit}; use the CPU backend or a smaller model"
    )]
    DeviceLimit {
        /// The tensor or buffer.
        what: String,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that the device allows.
        limit: u64,
    },

    /// The process has no more memory; in a page that is the browser's limit for it.
    #[error(
        "{what}: no memory for {needed} bytes; close what else runs, or take a smaller model or a shorter context"
    )]
    Memory {
        /// The tensor or buffer.
        what: String,
        /// Bytes that it takes.
        needed: u64,
    },

    /// A self-test found that the device, or the file, is not to be relied on.
    #[error(
        "the self-test computed something wrong: {what}; use the CPU backend, or another model file"
    )]
    WrongResult {
        /// What, and by how much.
        what: String,
    },

    /// The GPU stopped answering.
    #[error("the GPU device was lost: {reason}; load the model again")]
    DeviceLost {
        /// What the device said.
        reason: String,
    },
}
