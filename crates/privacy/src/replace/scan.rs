//! Reads what a text starts with, while more of the text may come.

/// What a text starts with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start<T> {
    Certain(T),
    /// One of this length in bytes; which one is not certain.
    Uncertain(usize),
    /// All of it may be the first part of one.
    Partial,
    Other,
}

/// Why nothing was read.
pub(super) enum Stop {
    Partial,
    Other,
}

impl<T> From<Result<Start<T>, Stop>> for Start<T> {
    fn from(read: Result<Self, Stop>) -> Self {
        read.unwrap_or_else(|stop| match stop {
            Stop::Partial => Self::Partial,
            Stop::Other => Self::Other,
        })
    }
}

/// A place in a text.
#[derive(Clone, Copy)]
pub(super) struct Scan<'t> {
    pub(super) text: &'t str,
    /// In bytes.
    pub(super) at: usize,
    /// Nothing comes after the text.
    pub(super) ends: bool,
}

impl Scan<'_> {
    /// The next character; NUL after the end of the text.
    pub(super) fn peek(&self) -> Result<char, Stop> {
        self.ahead(0)
    }

    /// The one after that.
    pub(super) fn second(&self) -> Result<char, Stop> {
        self.ahead(1)
    }

    fn ahead(&self, count: usize) -> Result<char, Stop> {
        match self.text[self.at..].chars().nth(count) {
            Some(c) => Ok(c),
            None if self.ends => Ok('\0'),
            None => Err(Stop::Partial),
        }
    }
}
