//! Numbers from bytes.

use super::weights_error;
use crate::WeightsError;

/// Takes bytes apart from their front.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], WeightsError> {
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(weights_error("length"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WeightsError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(weights_error("length"))?;
        self.0 = rest;
        Ok(*taken)
    }

    /// A finite number.
    pub(super) fn number(&mut self) -> Result<f32, WeightsError> {
        let number = f32::from_le_bytes(self.array()?);
        if number.is_finite() {
            Ok(number)
        } else {
            Err(weights_error("number"))
        }
    }

    pub(super) fn numbers<const N: usize>(&mut self) -> Result<[f32; N], WeightsError> {
        let mut numbers = [0.0; N];
        for number in &mut numbers {
            *number = self.number()?;
        }
        Ok(numbers)
    }
}
