//! GGUF file to weights to tokens to text, on the CPU and, through Burn, on WebGPU.
//!
//! ```no_run
//! # async fn answer() -> Result<(), local_model::Error> {
//! use local_model::{Backend, FileSource, Message, Model, Sampling, Step};
//!
//! let file = FileSource::open("model.gguf")?;
//! let mut model = Model::load(file, Backend::Cpu, |progress| eprintln!("{progress:?}")).await?;
//! let prompt = model.encode_chat(&[Message { role: "user", content: "What is the capital of France?" }])?;
//! let mut generation = model.start(prompt, Sampling::default())?;
//! loop {
//!     match generation.step().await? {
//!         Step::Prefill { .. } => {}
//!         Step::Token { text, .. } => print!("{text}"),
//!         Step::Done { .. } => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Read in this order: `model.rs` (a file becomes a model), `generate.rs` (a prompt becomes an
//! answer), `transformer.rs` (the forward pass), `compute/` (its operations on each device).

mod architecture;
mod chat;
mod compute;
mod constrain;
mod conversations;
mod error;
pub mod fit;
mod footprint;
mod generate;
mod gguf;
mod model;
mod pace;
mod prompt;
mod request;
mod sample;
mod score;
mod self_test;
mod source;
#[cfg(test)]
mod testing;
mod tokenizer;
mod tool_calls;
mod transformer;

pub use chat::Message;
pub use compute::cpu::Pool;
#[cfg(feature = "wgpu")]
pub use compute::gpu::{DispatchCost, dispatch_cost};
pub use constrain::{Constraint, Function};
pub use error::Error;
pub use footprint::{Footprint, TensorSum};
pub use generate::{Finish, Generation, Step};
pub use model::{Backend, LoadProgress, Model, ModelInfo};
pub use pace::{NoPause, Pace, Pause};
pub use sample::Sampling;
#[cfg(not(target_family = "wasm"))]
pub use source::FileSource;
pub use source::{Source, SourceError};
pub use tool_calls::{AnswerPart, ToolCalls};
