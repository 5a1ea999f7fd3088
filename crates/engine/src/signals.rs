//! What the device says of itself.

use query::DeviceSignals;

/// What the device says of itself.
pub trait Signals {
    /// Whether it has a network.
    fn online(&self) -> bool;

    /// Battery, pressure and the like; unknown unless a device says so.
    fn device(&self) -> DeviceSignals {
        DeviceSignals::default()
    }
}

/// Signals that do not change.
#[derive(Clone, Copy, Debug)]
pub struct FixedSignals {
    /// Whether it has a network.
    pub online: bool,
}

impl Signals for FixedSignals {
    fn online(&self) -> bool {
        self.online
    }
}
