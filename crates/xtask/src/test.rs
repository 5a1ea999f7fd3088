//! Later.
pub fn test() -> anyhow::Result<()> {
    anyhow::bail!("not yet")
}
