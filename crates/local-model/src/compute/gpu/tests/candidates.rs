//! Sampling's part on the device.

use super::*;

#[test]
fn candidates_are_those_of_the_whole_row() {
    let Some(gpu) = gpu() else { return };
    let random = &mut Random::fresh();
    for length in [1, 5, 64, 1000, 1025, 49_152, 70_001] {
        let mut logits: Vec<f32> = floats(random, length).iter().map(|x| 8.0 * x).collect();
        // Ties, also for the first place.
        for _ in 0..20 {
            let at = |random: &mut Random| {
                (0..3).fold(0, |at, _| 256 * at + usize::from(random.byte())) % length
            };
            let (from, to) = (at(random), at(random));
            logits[to] = logits[from].max(logits.iter().copied().fold(0.0, f32::max) - 1.0);
        }
        let on_device = tensor(&gpu, &logits, length);
        for count in [1, 2, 40, 64] {
            let expected = Candidates::of(&logits, count);
            let before = gpu.dispatches();
            let found = pollster::block_on(gpu.candidates(&on_device, count)).unwrap();
            assert_eq!(gpu.dispatches() - before, 2);
            assert_eq!(found.top, expected.top, "{count} of {length}");
            assert!(
                (found.log_sum - expected.log_sum).abs() <= 1e-5 * expected.log_sum.abs().max(1.0),
                "{count} of {length}: {} {}",
                found.log_sum,
                expected.log_sum
            );
        }
    }
}

#[test]
fn more_candidates_than_the_device_finds_are_read() {
    let Some(gpu) = gpu() else { return };
    let logits = floats(&mut Random::fresh(), 200);
    let on_device = tensor(&gpu, &logits, 200);
    for count in [65, 200, 1000] {
        assert_eq!(
            pollster::block_on(gpu.candidates(&on_device, count)).unwrap(),
            Candidates::of(&logits, count)
        );
    }
}
