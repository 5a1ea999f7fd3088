//! Threads that share the work of one operation: they part, and all wait for the last.
//!
//! The same pool natively, where its threads are the system's, and in a page, where they are workers
//! over one shared memory. A library for both would be rayon with `wasm-bindgen-rayon`; but there a
//! worker that traps leaves everyone who waits for it waiting, and this needs no queues of jobs: a
//! token is some two hundred operations of one kind, parts that are known beforehand, a few
//! microseconds apart.
//!
//! Parts are claimed one by one from a counter, so a thread that the system has taken off its core, or
//! that has not begun yet, delays nobody but for the part that it holds.

use std::{
    any::Any,
    cell::UnsafeCell,
    hint::spin_loop,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// How often a thread looks for work, or for the end of it, before it sleeps: some 50 µs, longer than
/// what lies between two products of a token. A page has no instruction to pause, so it looks sooner
/// again.
const LOOKS: usize = if cfg!(target_family = "wasm") {
    30_000
} else {
    1_000
};

/// Threads for the operations of a model on the CPU.
///
/// One thread computes through it at a time; whoever comes while it is in use, from another thread or
/// from a part, computes alone. Dropping it ends its threads.
pub struct Pool {
    round: Arc<Round>,
    /// With the one that asks.
    threads: AtomicUsize,
    #[cfg(not(target_family = "wasm"))]
    workers: Vec<std::thread::JoinHandle<()>>,
}

impl Default for Pool {
    /// Nobody but the thread that asks.
    fn default() -> Self {
        Self {
            round: Arc::default(),
            threads: AtomicUsize::new(1),
            #[cfg(not(target_family = "wasm"))]
            workers: Vec::new(),
        }
    }
}

impl Pool {
    /// Starts `threads - 1` threads beside the one that will ask.
    ///
    /// # Errors
    /// When the system gives no more threads; those that began are ended.
    #[cfg(not(target_family = "wasm"))]
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let mut pool = Self::default();
        for number in 1..threads {
            let round = pool.round.clone();
            let named = std::thread::Builder::new().name(format!("compute {number}"));
            pool.workers.push(named.spawn(move || round.serve())?);
        }
        pool.set_threads(threads);
        Ok(pool)
    }

    /// Threads that compute, the one that asks among them.
    pub fn threads(&self) -> usize {
        self.threads.load(Ordering::Relaxed)
    }

    /// Says how many threads compute, the one that asks among them: for whoever brings threads of their
    /// own, which [`Self::serve`].
    pub fn set_threads(&self, threads: usize) {
        self.threads.store(threads.max(1), Ordering::Relaxed);
    }

    /// Computes parts until the pool is dropped.
    pub fn serve(&self) {
        self.round.serve();
    }

    /// Says that a thread which served has trapped, perhaps in a part: whoever waits for it, or asks from
    /// now on, panics. Natively a thread that breaks takes the process with it.
    #[cfg(target_family = "wasm")]
    pub fn thread_broke(&self) {
        self.round.thread_broke();
    }

    /// Calls `part` with each of `0..parts` once, on any thread, and returns when all have returned.
    ///
    /// # Panics
    /// If a part does, once all have ended; and in a page if a thread has trapped.
    pub(super) fn run(&self, parts: usize, part: &(dyn Fn(usize) + Sync)) {
        let round = &*self.round;
        if parts < 2 || self.threads() < 2 || round.is_taken.swap(true, Ordering::Acquire) {
            (0..parts).for_each(part);
            return;
        }
        let panicked = round.run(parts, part);
        round.is_taken.store(false, Ordering::Release);
        if let Some(payload) = panicked {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.round.is_over.store(true, Ordering::SeqCst);
        drop(self.round.lock());
        self.round.work_came.notify_all();
        #[cfg(not(target_family = "wasm"))]
        for worker in self.workers.drain(..) {
            // Parts do not unwind out of `serve`, so there is no panic to learn of.
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("threads", &self.threads())
            .finish_non_exhaustive()
    }
}

/// What a round's parts are.
#[derive(Clone, Copy)]
struct Job {
    part: *const (dyn Fn(usize) + Sync),
    parts: usize,
}

/// What the threads share. A round begins when `left` becomes more than 0 and ends when `done` is the
/// number of its parts.
#[derive(Default)]
struct Round {
    /// Somebody runs a round.
    is_taken: AtomicBool,
    /// Written between rounds, when nobody can claim a part, and read only with a claim.
    job: UnsafeCell<Option<Job>>,
    /// Parts that nobody has claimed.
    left: AtomicUsize,
    /// Parts that have returned, or unwound.
    done: AtomicUsize,
    /// What the first part that panicked said.
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
    /// A thread is gone in the middle of its work.
    is_broken: AtomicBool,
    /// Nobody will ask again.
    is_over: AtomicBool,
    /// Threads that sleep until there is work.
    asleep: AtomicUsize,
    /// Whether the one that asked sleeps until all is done.
    is_awaited: AtomicBool,
    /// Held only for going to sleep and for waking: that nobody wakes those who are about to sleep.
    sleep: Mutex<()>,
    work_came: Condvar,
    done_changed: Condvar,
}

// SAFETY: all but `job` may be shared. `job` is written by the thread that holds `is_taken` while `left`
// is 0; others read it only after they have lowered `left`, which the writer raised after writing
// (release, acquire), and before they raise `done`, for whose last increment the writer waits. What it
// points to may be called from any thread (`Sync`), and outlives the round, as `run` waits.
unsafe impl Sync for Round {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Round {}

impl Round {
    /// Runs a round, as the thread that holds `is_taken`; what a part panicked with, if one did.
    fn run(&self, parts: usize, part: &(dyn Fn(usize) + Sync)) -> Option<Box<dyn Any + Send>> {
        self.panic_if_broken();
        // SAFETY: only the lifetime is forgotten. Nobody calls it but with a claim on a part of this round,
        // and this function returns after all parts have ended.
        let part = unsafe {
            std::mem::transmute::<&(dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(part)
        };
        // SAFETY: `left` is 0, so nobody reads it; see `Sync` above.
        unsafe { *self.job.get() = Some(Job { part, parts }) };
        self.done.store(0, Ordering::Relaxed);
        self.left.store(parts, Ordering::SeqCst);
        // A thread counts itself asleep before it looks at `left` for the last time.
        if self.asleep.load(Ordering::SeqCst) > 0 {
            drop(self.lock());
            self.work_came.notify_all();
        }
        self.compute_what_is_left();
        self.wait_for(parts);
        self.panicked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn wait_for(&self, parts: usize) {
        let is_done = || self.done.load(Ordering::SeqCst) == parts;
        for _ in 0..LOOKS {
            if is_done() {
                return;
            }
            spin_loop();
        }
        let mut guard = self.lock();
        self.is_awaited.store(true, Ordering::SeqCst);
        while !is_done() {
            self.panic_if_broken();
            guard = self
                .done_changed
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.is_awaited.store(false, Ordering::SeqCst);
    }

    /// Only a page's threads break, and there a panic ends the module: nothing that other parts still read
    /// is freed.
    fn panic_if_broken(&self) {
        if self.is_broken.load(Ordering::SeqCst) {
            panic!("a thread of the pool has trapped; what it was computing is lost");
        }
    }

    #[cfg(any(target_family = "wasm", test))]
    fn thread_broke(&self) {
        self.is_broken.store(true, Ordering::SeqCst);
        drop(self.lock());
        self.done_changed.notify_all();
    }

    /// A thread's life.
    fn serve(&self) {
        while !self.is_over.load(Ordering::SeqCst) {
            self.compute_what_is_left();
            if !self.look_for_work() {
                self.sleep_until_work();
            }
        }
    }

    fn look_for_work(&self) -> bool {
        for _ in 0..LOOKS {
            if self.left.load(Ordering::Relaxed) > 0 {
                return true;
            }
            spin_loop();
        }
        false
    }

    fn sleep_until_work(&self) {
        let mut guard = self.lock();
        self.asleep.fetch_add(1, Ordering::SeqCst);
        while self.left.load(Ordering::SeqCst) == 0 && !self.is_over.load(Ordering::SeqCst) {
            guard = self
                .work_came
                .wait(guard)
                .unwrap_or_else(PoisonError::into_inner);
        }
        self.asleep.fetch_sub(1, Ordering::SeqCst);
    }

    fn compute_what_is_left(&self) {
        while let Some((part, number)) = self.claim() {
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| part(number))) {
                self.panicked
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert(payload);
            }
            // From here on the round may be over. The one that waits says so before it looks at `done` for
            // the last time.
            self.done.fetch_add(1, Ordering::SeqCst);
            if self.is_awaited.load(Ordering::SeqCst) {
                drop(self.lock());
                self.done_changed.notify_all();
            }
        }
    }

    /// A part that nobody else gets, the first ones first.
    fn claim(&self) -> Option<(&(dyn Fn(usize) + Sync), usize)> {
        let mut left = self.left.load(Ordering::Relaxed);
        while left > 0 {
            match self.left.compare_exchange_weak(
                left,
                left - 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    // SAFETY: this claim keeps the round from ending; see `Sync` above.
                    let job = unsafe { *self.job.get() }?;
                    // SAFETY: what is called lives until the round ends, which it does not before this part.
                    return Some((unsafe { &*job.part }, job.parts - left));
                }
                Err(now) => left = now,
            }
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.sleep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        panic::{AssertUnwindSafe, catch_unwind},
        sync::{
            Barrier, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        thread::{self, ThreadId},
    };

    use super::Pool;

    fn counts(parts: usize) -> Vec<AtomicUsize> {
        (0..parts).map(|_| AtomicUsize::new(0)).collect()
    }

    #[test]
    fn every_part_runs_exactly_once_in_every_round() {
        for threads in [1, 2, 3, 8] {
            let pool = Pool::start(threads).unwrap();
            assert_eq!(pool.threads(), threads);
            for round in 0..500 {
                let ran = counts(round % 37);
                pool.run(ran.len(), &|part| {
                    ran[part].fetch_add(1, Ordering::Relaxed);
                });
                assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
            }
        }
    }

    /// All parts are needed at once for any of them to end.
    #[test]
    fn parts_run_side_by_side_also_after_a_sleep() {
        let pool = Pool::start(4).unwrap();
        for _ in 0..3 {
            let together = Barrier::new(4);
            let seen = Mutex::new(HashSet::<ThreadId>::new());
            pool.run(4, &|_| {
                together.wait();
                seen.lock().unwrap().insert(thread::current().id());
            });
            let seen = seen.into_inner().unwrap();
            assert!(seen.contains(&thread::current().id()));
            assert_eq!(seen.len(), 4);
            // Until all threads sleep.
            while pool.round.asleep.load(Ordering::SeqCst) < 3 {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn what_parts_wrote_is_there_after_the_round() {
        let pool = Pool::start(3).unwrap();
        let mut sums = vec![0u64; 64];
        for round in 0..500u64 {
            let cells: Vec<Mutex<&mut u64>> = sums.iter_mut().map(Mutex::new).collect();
            pool.run(cells.len(), &|part| {
                **cells[part].lock().unwrap() += round * part as u64;
            });
        }
        let expected = (0..64).map(|part| part * (0..500).sum::<u64>());
        assert_eq!(sums, expected.collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_comes_out_when_all_parts_have_ended() {
        for threads in [1, 3] {
            let pool = Pool::start(threads).unwrap();
            for bad in [0, 5, 11] {
                let ran = AtomicUsize::new(0);
                let run = || {
                    pool.run(12, &|part| {
                        ran.fetch_add(1, Ordering::Relaxed);
                        assert_ne!(part, bad, "part {part}");
                    });
                };
                let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
                assert!(
                    payload
                        .downcast_ref::<String>()
                        .unwrap()
                        .contains(&format!("part {bad}"))
                );
                if threads > 1 {
                    assert_eq!(ran.load(Ordering::Relaxed), 12);
                }
            }
            // It serves on.
            let ran = counts(40);
            pool.run(40, &|part| {
                ran[part].fetch_add(1, Ordering::Relaxed);
            });
            assert!(ran.iter().all(|ran| ran.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn who_comes_while_it_is_in_use_computes_alone() {
        let pool = Pool::start(2).unwrap();
        let ran = AtomicUsize::new(0);
        pool.run(6, &|_| {
            let here = thread::current().id();
            pool.run(5, &|_| {
                assert_eq!(thread::current().id(), here);
                ran.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(ran.into_inner(), 30);
    }

    #[test]
    fn threads_that_come_late_or_never_delay_nobody() {
        let pool = Pool::default();
        pool.set_threads(3);
        let here = thread::current().id();
        pool.run(7, &|_| assert_eq!(thread::current().id(), here));
        let both = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| pool.round.serve());
            pool.run(2, &|_| {
                both.wait();
            });
            pool.round.is_over.store(true, Ordering::SeqCst);
            drop(pool.round.lock());
            pool.round.work_came.notify_all();
        });
    }

    #[test]
    fn a_thread_that_trapped_leaves_nobody_waiting() {
        let pool = Pool::default();
        pool.set_threads(2);
        let claimed = Barrier::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                while pool.round.left.load(Ordering::SeqCst) == 0 {
                    thread::yield_now();
                }
                assert!(pool.round.claim().is_some());
                claimed.wait();
                pool.round.thread_broke();
            });
            let run = || {
                pool.run(2, &|_| {
                    claimed.wait();
                });
            };
            let payload = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
            let said = payload.downcast_ref::<&str>().unwrap();
            assert!(said.contains("has trapped"), "{said}");
        });
    }
}
