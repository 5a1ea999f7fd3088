//! Files that are read anew while a server runs.

use std::time::Duration;

/// How often they are looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Calls `apply` with what `read` says whenever it is something else than `first` or the last time. When it fails, what
/// is there goes on: half a file is whole the next time. `name` is for the log.
pub(super) fn watch<T: PartialEq + Send + 'static>(
    name: &'static str,
    first: T,
    read: impl Fn() -> anyhow::Result<T> + Send + 'static,
    apply: impl Fn(&T) + Send + 'static,
) {
    let mut last = first;
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            match read() {
                Ok(read) if read == last => {}
                Ok(read) => {
                    apply(&read);
                    last = read;
                    tracing::warn!("{name} have changed");
                }
                Err(error) => tracing::error!("{name} cannot be read anew: {error:#}"),
            }
        }
    });
}
