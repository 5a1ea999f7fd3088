//! An operation's output split into parts for the threads of a pool. Each value is computed by one thread
//! and in the same way, whichever that is, so any number of threads gives the same bits.

use std::{marker::PhantomData, ops::Range};

use super::pool::Pool;

/// Multiply-adds, or operations that take as long, for which another thread is worth asking: some 5 µs.
/// To part and to wait takes one or two.
const LEAST: usize = 1 << 16;

/// Parts for each thread, so that one which is slower, or begins later, gets fewer.
const PARTS: usize = 8;

impl Pool {
    /// Splits `0..items` into runs of whole `step`s, but for the last one, and calls `work` with each.
    /// `cost` is that of all.
    fn split(&self, items: usize, step: usize, cost: usize, work: &(dyn Fn(Range<usize>) + Sync)) {
        let steps = items.div_ceil(step);
        let parts = (cost / LEAST).min(self.threads() * PARTS).min(steps).max(1);
        self.run(parts, &|part| {
            let border = |part: usize| (steps * part / parts * step).min(items);
            work(border(part)..border(part + 1));
        });
    }

    /// Splits `values` into runs of whole `step`s and calls `work` with the place where each begins, in
    /// steps, and the run.
    pub(super) fn split_values<T: Send>(
        &self,
        values: &mut [T],
        step: usize,
        cost: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let whole = Whole::new(values);
        self.split(whole.length, step, cost, &|run| {
            // SAFETY: `run` lies within the values, and `split` gives each place to one part.
            let values =
                unsafe { std::slice::from_raw_parts_mut(whole.first().add(run.start), run.len()) };
            work(run.start / step, values);
        });
    }

    /// Splits `columns` of `values`, `[tokens, width]`, into runs of whole `step`s, but for the last one,
    /// and calls `work` with each.
    pub(super) fn split_columns(
        &self,
        values: &mut [f32],
        width: usize,
        columns: Range<usize>,
        step: usize,
        cost: usize,
        work: impl Fn(Columns<'_>) + Sync,
    ) {
        assert!(columns.end <= width, "{columns:?} of {width} columns");
        let whole = Whole::new(values);
        self.split(columns.len(), step, cost, &|run| {
            work(Columns {
                first: whole.first().wrapping_add(columns.start),
                tokens: whole.length / width,
                width,
                run,
                values: PhantomData,
            });
        });
    }
}

/// A slice that several threads write, each its own places.
struct Whole<'a, T> {
    first: *mut T,
    length: usize,
    values: PhantomData<&'a mut [T]>,
}

impl<'a, T> Whole<'a, T> {
    fn new(values: &'a mut [T]) -> Self {
        Self {
            first: values.as_mut_ptr(),
            length: values.len(),
            values: PhantomData,
        }
    }

    fn first(&self) -> *mut T {
        self.first
    }
}

// SAFETY: it only tells where the slice is; who writes there proves that nobody else does.
unsafe impl<T: Send> Sync for Whole<'_, T> {}

/// Some neighbouring columns of f32 `[tokens, width]`, which nobody else reads or writes meanwhile.
/// Columns are counted from the first one that was split.
pub(super) struct Columns<'a> {
    /// Column 0 of the first token.
    first: *mut f32,
    tokens: usize,
    width: usize,
    run: Range<usize>,
    values: PhantomData<&'a mut [f32]>,
}

impl Columns<'_> {
    /// Which columns.
    pub fn run(&self) -> Range<usize> {
        self.run.clone()
    }

    /// Tokens that there are.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// A token's columns, from `first` to the last of the run.
    #[inline(always)]
    pub fn of(&mut self, token: usize, first: usize) -> &mut [f32] {
        let Range { start, end } = self.run;
        assert!(token < self.tokens && start <= first && first <= end);
        // SAFETY: the token is one of those that there are, and the columns, counted from `first`, lie below the
        // width: within the slice. No other part has these columns, and nobody else this one.
        unsafe {
            let first_place = self.first.add(token * self.width + first);
            std::slice::from_raw_parts_mut(first_place, end - first)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAST, Pool};

    #[test]
    fn each_value_belongs_to_one_part() {
        for threads in [1, 2, 3] {
            let pool = Pool::start(threads).unwrap();
            for (length, step) in [(1, 1), (7, 8), (64, 8), (90, 9), (1000, 8)] {
                for cost in [0, 5 * LEAST, 1000 * LEAST] {
                    let mut values = vec![0; length];
                    pool.split_values(&mut values, step, cost, |first, run| {
                        for (at, value) in run.iter_mut().enumerate() {
                            *value += first * step + at + 1;
                        }
                    });
                    assert_eq!(values, (1..=length).collect::<Vec<_>>());
                }
            }
        }
    }

    #[test]
    fn each_column_belongs_to_one_part() {
        let pool = Pool::start(3).unwrap();
        for (tokens, width, columns) in [(1, 5, 0..5), (4, 70, 3..64), (3, 33, 33..33)] {
            let mut values = vec![0.0; tokens * width];
            let offset = columns.start;
            pool.split_columns(
                &mut values,
                width,
                columns.clone(),
                8,
                9 * LEAST,
                |mut part| {
                    assert_eq!((part.run().start % 8, part.tokens()), (0, tokens));
                    for column in part.run() {
                        for token in 0..tokens {
                            part.of(token, column)[0] = (token * width + column + offset) as f32;
                        }
                    }
                },
            );
            for (at, value) in values.into_iter().enumerate() {
                let expected = if columns.contains(&(at % width)) {
                    at as f32
                } else {
                    0.0
                };
                assert_eq!(value, expected);
            }
        }
    }
}
