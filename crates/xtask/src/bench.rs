//! `cargo xtask bench`.
/// What.
#[derive(clap::Subcommand)]
pub enum What {
    /// engine
    Engine,
}
/// Later.
pub fn bench(_what: What) -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
