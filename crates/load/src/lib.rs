//! Load and faults for relay and gateway, as the programs that ship: `cargo xtask bench relay` runs it, and a test
//! runs a short version. Everything stays on loopback.
//!
//! ```text
//! page ── relay ── gateway ── upstream      Page, Programs, Upstream: who asks, what is measured, who answers
//!      └─ nginx ───────────── upstream      the same question in the clear
//! ```

pub mod canaries;
pub mod crowd;
pub mod ending;
pub mod faults;
pub mod figures;
pub mod latency;
pub mod page;
pub mod process;
pub mod script;
pub mod sealing;
pub mod soak;
pub mod stack;
pub mod upstream;
