//! The weights that the command was built with.

use router::Weights;

/// What the router learned.
pub(crate) const ROUTER: &[u8] = include_bytes!("../../router/weights/router.bin");

/// What the router learned.
pub(crate) fn router() -> Weights {
    #[expect(clippy::expect_used, reason = "a test reads the same bytes")]
    Weights::from_bytes(ROUTER).expect("the weights that ship are whole")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_weights_that_ship_are_whole() {
        super::router();
    }
}
