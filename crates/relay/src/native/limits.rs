//! How much one address may ask. Kept in memory alone, never logged, and forgotten as soon as it decides nothing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::HashMapStateStore,
};

/// How many addresses are told apart at a time, in some 5 MB. Above it all count as one, until idle ones are forgotten.
const MOST: usize = 65_536;
/// How often idle ones are forgotten.
const FORGET: Duration = Duration::from_secs(60);
/// When to ask again if too much is on its way, seconds.
const BUSY_S: u32 = 2;

type Rate<C> =
    RateLimiter<IpAddr, HashMapStateStore<IpAddr>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// The limits of all addresses.
pub(super) struct Limits<C: Clock = DefaultClock> {
    clock: C,
    rate: Option<Rate<C>>,
    at_once: Option<NonZeroU32>,
    open: Arc<Open>,
}

/// How many requests of each address are on their way; none of those that have none.
type Open = Mutex<HashMap<IpAddr, u32>>;

/// One of an address's requests at once, until it is dropped.
#[derive(Debug)]
pub(super) struct Share(Option<(Arc<Open>, IpAddr)>);

impl Limits {
    pub(super) fn new(per_minute: Option<NonZeroU32>, at_once: Option<NonZeroU32>) -> Self {
        Self::by(DefaultClock::default(), per_minute, at_once)
    }
}

impl<C: Clock + Clone> Limits<C> {
    fn by(clock: C, per_minute: Option<NonZeroU32>, at_once: Option<NonZeroU32>) -> Self {
        let rate = per_minute.map(|most| {
            let quota = Quota::per_minute(most);
            RateLimiter::new(quota, HashMapStateStore::default(), clock.clone())
        });
        Self {
            clock,
            rate,
            at_once,
            open: Arc::default(),
        }
    }

    /// One more request of this address.
    ///
    /// # Errors
    /// In how many seconds to ask again.
    pub(super) fn take(&self, address: IpAddr) -> Result<Share, u32> {
        let share = self.one_of_those_at_once(address)?;
        let Some(rate) = &self.rate else {
            return Ok(share);
        };
        let full = rate.len() >= MOST;
        let key = if full {
            Ipv6Addr::UNSPECIFIED.into()
        } else {
            address
        };
        match rate.check_key(&key) {
            Ok(()) => Ok(share),
            Err(until) => {
                let wait = until.wait_time_from(self.clock.now());
                Err(wait.as_secs() as u32 + 1) // a minute at most
            }
        }
    }

    fn one_of_those_at_once(&self, address: IpAddr) -> Result<Share, u32> {
        let Some(most) = self.at_once else {
            return Ok(Share(None));
        };
        // As many as there are answers at once at most.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(address).or_default();
        if *count >= most.get() {
            return Err(BUSY_S);
        }
        *count += 1;
        Ok(Share(Some((self.open.clone(), address))))
    }

    /// Forgets the addresses that could ask at once whatever they may.
    fn forget(&self) {
        if let Some(rate) = &self.rate {
            rate.retain_recent();
            rate.shrink_to_fit();
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.shrink_to_fit();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some((open, address)) = self.0.take() else {
            return;
        };
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                open.remove(&address);
            }
        }
    }
}

/// Forgets what is idle every minute, for as long as the limits are there.
pub(super) async fn forget_idle(limits: Weak<Limits>) {
    loop {
        tokio::time::sleep(FORGET).await;
        let Some(limits) = limits.upgrade() else {
            return;
        };
        limits.forget();
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn limits(per_minute: u32, at_once: u32) -> (Limits<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let limits = Limits::by(
            clock.clone(),
            NonZeroU32::new(per_minute),
            NonZeroU32::new(at_once),
        );
        (limits, clock)
    }

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(n.into())
    }

    #[test]
    fn an_address_has_so_many_a_minute_and_another_has_its_own() {
        let (limits, clock) = limits(6, 0);
        let take = |n| limits.take(address(n)).map(|_| ());
        for _ in 0..6 {
            assert_eq!(take(1), Ok(()));
        }
        assert_eq!([take(1), take(2)], [Err(11), Ok(())]);
        clock.advance(Duration::from_secs(9));
        assert_eq!(take(1), Err(2));
        clock.advance(Duration::from_secs(1));
        assert_eq!([take(1), take(1)], [Ok(()), Err(11)]);
    }

    #[test]
    fn an_address_has_so_many_at_once() {
        let (limits, _) = limits(0, 2);
        let first = limits.take(address(1)).unwrap();
        let _second = limits.take(address(1)).unwrap();
        assert_eq!(limits.take(address(1)).map(|_| ()), Err(2));
        let _other = limits.take(address(2)).unwrap();
        drop(first);
        assert!(limits.take(address(1)).is_ok());
    }

    #[test]
    fn what_is_refused_for_its_rate_is_not_on_its_way() {
        let (limits, _) = limits(1, 1);
        assert!(limits.take(address(1)).is_ok());
        assert!(limits.take(address(1)).is_err());
        assert!(limits.open.lock().unwrap().is_empty());
    }

    #[test]
    fn addresses_are_forgotten_when_they_are_idle() {
        let (limits, clock) = limits(60, 2);
        let kept = || limits.rate.as_ref().unwrap().len();
        for n in 0..100 {
            assert!(limits.take(address(n)).is_ok());
        }
        assert_eq!((kept(), limits.open.lock().unwrap().len()), (100, 0));
        clock.advance(Duration::from_secs(61));
        limits.forget();
        assert_eq!(kept(), 0);
    }

    #[test]
    fn so_many_addresses_are_told_apart_and_no_more() {
        let (limits, _) = limits(2, 0);
        for n in 0..2 * MOST as u32 {
            let _ = limits.take(address(n));
        }
        assert_eq!(limits.rate.as_ref().unwrap().len(), MOST + 1);
    }
}
