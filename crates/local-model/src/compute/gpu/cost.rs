//! What one small operation costs: the measure that a port of Burn to a page lives or dies by.

use burn::tensor::Tensor;

use super::device::Adapter;
use crate::Error;

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

/// Times `operations` dependent `x + 1` of 576 values through Burn, by `clock`.
///
/// A tenth as many run first, so that no kernel is compiled while the clock runs.
///
/// # Errors
/// [`Error::NoAdapter`], [`Error::DeviceLost`]; the latter also when the sum is wrong.
pub async fn dispatch_cost(
    operations: u32,
    clock: &dyn Fn() -> f64,
) -> Result<DispatchCost, Error> {
    let device = &Adapter::open().await?.device;
    let chain = |length: u32| {
        let start = Tensor::<1>::zeros([576], device);
        (0..length).fold(start, |x, _| x + 1.0)
    };
    let finish = async |x: Tensor<1>, expected: u32| {
        let lost = |reason: String| Error::DeviceLost { reason };
        let data = x
            .into_data_async()
            .await
            .map_err(|error| lost(format!("{error:?}")))?;
        let values = data
            .try_into_vec::<f32>()
            .map_err(|error| lost(format!("{error:?}")))?;
        match values.iter().find(|value| **value != expected as f32) {
            Some(value) => Err(lost(format!("{expected} additions of one gave {value}"))),
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
