//! What an answer takes from the device. Each signal has one threshold to begin at and another one to end at
//! (hysteresis), so that a value at the edge does not change the decision from one question to the next.

use query::{DeviceSignals, Pressure, Strain};

/// A battery is low below the first charge, and no longer from the second one on.
const BATTERY: Band = Band {
    begins: 0.20,
    ends: 0.25,
};
/// Servers are far away above the first round trip, in ms, and no longer below the second one.
const ROUND_TRIP: Band = Band {
    begins: 800.0,
    ends: 500.0,
};
/// The local model has slowed down below the first share of its own usual speed, and no longer above the second one.
const SPEED: Band = Band {
    begins: 0.6,
    ends: 0.8,
};

/// Two thresholds of one signal.
struct Band {
    begins: f32,
    ends: f32,
}

impl Band {
    /// For what begins below a threshold; what is unknown ends.
    fn below(&self, was: bool, value: Option<f32>) -> bool {
        value.is_some_and(|value| value < if was { self.ends } else { self.begins })
    }

    /// For what begins above a threshold; what is unknown ends.
    fn above(&self, was: bool, value: Option<f32>) -> bool {
        value.is_some_and(|value| value > if was { self.ends } else { self.begins })
    }
}

/// What follows from new signals, after what followed from the last ones. `speed`: of the local model, as a share of
/// what is usual on this device.
pub(crate) fn next(was: Strain, signals: &DeviceSignals, speed: Option<f32>) -> Strain {
    let charging = signals.charging == Some(true);
    let at_least = |begins, ends, was| {
        let least = if was { ends } else { begins };
        signals.pressure.is_some_and(|pressure| pressure >= least)
    };
    Strain {
        battery_low: !charging && BATTERY.below(was.battery_low, signals.battery),
        hot: at_least(Pressure::Serious, Pressure::Fair, was.hot),
        too_hot: at_least(Pressure::Critical, Pressure::Serious, was.too_hot),
        slowed: SPEED.below(was.slowed, speed),
        data_saver: signals.data_saver == Some(true),
        far: ROUND_TRIP.above(was.far, signals.round_trip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each of `signals` leads to, one after the other.
    fn after<T>(signals: impl IntoIterator<Item = DeviceSignals>, told: fn(Strain) -> T) -> Vec<T> {
        let mut strain = Strain::default();
        let mut tell = |signals| {
            strain = next(strain, &signals, None);
            told(strain)
        };
        signals.into_iter().map(&mut tell).collect()
    }

    #[test]
    fn a_battery_is_low_until_it_has_some_more_or_is_charged() {
        let signals = [0.21, 0.19, 0.21, 0.24, 0.25, 0.21].map(|battery| DeviceSignals {
            battery: Some(battery),
            charging: Some(false),
            ..DeviceSignals::default()
        });
        assert_eq!(
            after(signals, |strain| strain.battery_low),
            [false, true, true, true, false, false]
        );
        let charging = DeviceSignals {
            battery: Some(0.05),
            charging: Some(true),
            ..DeviceSignals::default()
        };
        assert_eq!(after([charging], |strain| strain.battery_low), [false]);
    }

    #[test]
    fn a_device_is_hot_until_it_has_cooled_down() {
        use Pressure::{Critical, Fair, Nominal, Serious};
        let signals =
            [Fair, Serious, Fair, Critical, Serious, Fair, Nominal, Fair].map(|pressure| {
                DeviceSignals {
                    pressure: Some(pressure),
                    ..DeviceSignals::default()
                }
            });
        assert_eq!(
            after(signals, |strain| (strain.hot, strain.too_hot)),
            [
                (false, false),
                (true, false),
                (true, false),
                (true, true),
                (true, true),
                (true, false),
                (false, false),
                (false, false),
            ]
        );
    }

    #[test]
    fn servers_are_far_until_they_are_clearly_nearer() {
        let signals = [790.0, 810.0, 600.0, 490.0, 600.0].map(|round_trip| DeviceSignals {
            round_trip: Some(round_trip),
            ..DeviceSignals::default()
        });
        assert_eq!(
            after(signals, |strain| strain.far),
            [false, true, true, false, false]
        );
    }

    #[test]
    fn a_model_has_slowed_down_until_it_is_clearly_faster() {
        let mut strain = Strain::default();
        let slowed = [0.65, 0.55, 0.75, 0.85, 0.65].map(|speed| {
            strain = next(strain, &DeviceSignals::default(), Some(speed));
            strain.slowed
        });
        assert_eq!(slowed, [false, true, true, false, false]);
    }

    #[test]
    fn what_is_unknown_changes_nothing() {
        let all = Strain {
            battery_low: true,
            hot: true,
            too_hot: true,
            slowed: true,
            data_saver: true,
            far: true,
        };
        for was in [Strain::default(), all] {
            assert_eq!(
                next(was, &DeviceSignals::default(), None),
                Strain::default()
            );
        }
    }
}
