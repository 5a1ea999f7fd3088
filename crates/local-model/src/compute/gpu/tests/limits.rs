//! Limits of the device, and what is counted.

use super::*;

#[test]
fn a_tensor_beyond_the_devices_limit_is_refused_by_name() {
    let Some(gpu) = gpu() else { return };
    let limit = gpu.adapter.largest_binding;
    let error = gpu
        .adapter
        .check("tensor token_embd.weight", limit + 1)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("token_embd.weight") && error.contains(&limit.to_string()),
        "{error}"
    );
    gpu.adapter
        .check("tensor token_embd.weight", limit)
        .unwrap();

    let mut cache = gpu.cache(CacheShape {
        context: usize::MAX,
        kv_heads: 64,
        head_dim: 128,
    });
    let positions = limit as usize / (64 * 128 * 4) + 1;
    assert!(matches!(
        gpu.reserve(&mut cache, positions),
        Err(Error::DeviceLimit { .. })
    ));
    // A refusal leaves the cache as it was.
    gpu.reserve(&mut cache, 1).unwrap();
}

#[test]
fn rows_that_are_no_fours_are_refused_by_name() {
    let Some(gpu) = gpu() else { return };
    let part = Part {
        name: "blk.0.ffn_up.weight",
        kind: TensorType::F32,
        rows: 2,
        bytes: vec![0; 2 * 6 * 4],
    };
    let error = pollster::block_on(gpu.matrix(vec![part], 6)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tensor blk.0.ffn_up.weight: 6 columns on WebGPU (a multiple of 4) is not supported"
    );
}

#[test]
fn a_launch_is_counted_once() {
    let Some(gpu) = gpu() else { return };
    let x = tensor(&gpu, &[1.0, 2.0, 3.0, 4.0], 2);
    let before = gpu.dispatches();
    let sum = gpu.add(&x, &x);
    let _ = gpu.last_row(&sum);
    assert_eq!(gpu.dispatches() - before, 2);
}

#[test]
fn dependent_additions_are_all_done() {
    if gpu().is_none() {
        return;
    }
    let begin = std::time::Instant::now();
    let cost = pollster::block_on(dispatch_cost(300, &|| begin.elapsed().as_secs_f64())).unwrap();
    println!(
        "{} µs to issue, {} µs with the device",
        cost.issue / 300.0 * 1e6,
        cost.total / 300.0 * 1e6
    );
    assert!(cost.issue > 0.0 && cost.total >= cost.issue);
}
