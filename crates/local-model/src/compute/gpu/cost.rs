//! What one small operation costs: the measure that a port of Burn to a page lives or dies by.

use burn::tensor::Tensor;

use super::Gpu;
use crate::{Error, compute::Compute};

/// Time for a chain of dependent additions, in the unit of the clock that was given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DispatchCost {
    /// Operations in the chain.
    pub operations: u32,
    /// Until all were issued: the CPU's part.
    pub issue: f64,
    /// Until the result could be read: the CPU's part and the device's.
    pub total: f64,
}

/// Floats of each operand.
const LENGTH: usize = 576;

/// Times `operations` dependent additions of 576 values, by `clock`.
///
/// A tenth as many run first, so that no kernel is compiled while the clock runs.
///
/// # Errors
/// [`Error::NoAdapter`], [`Error::DeviceLost`]; the latter also when the sum is wrong.
pub async fn dispatch_cost(
    operations: u32,
    clock: &dyn Fn() -> f64,
) -> Result<DispatchCost, Error> {
    let gpu = Gpu::open().await?;
    let [zeros, ones] = [0.0, 1.0].map(|value| gpu.keep_floats(vec![value; LENGTH], [1, LENGTH]));
    let chain = |length: u32| (0..length).fold(zeros.clone(), |x, _| gpu.add(&x, &ones));
    let finish = async |x: Tensor<2>, expected: u32| {
        let values = gpu.read(&x).await?;
        match values.iter().find(|value| **value != expected as f32) {
            Some(value) => Err(Error::DeviceLost {
                reason: format!("{expected} additions of one gave {value}"),
            }),
            None => Ok(()),
        }
    };

    let warm = operations.div_ceil(10);
    finish(chain(warm), warm).await?;

    let begin = clock();
    let x = chain(operations);
    let issued = clock();
    finish(x, operations).await?;
    let end = clock();
    Ok(DispatchCost {
        operations,
        issue: issued - begin,
        total: end - begin,
    })
}
