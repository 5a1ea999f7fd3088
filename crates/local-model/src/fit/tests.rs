use proptest::prelude::*;

use super::*;
use crate::testing;

const MB: u64 = 1_000_000;

/// SmolLM2-135M in Q4_1.
const SMOLLM2: Needs = Needs {
    weights: 96_602_112,
    largest_matrix: 30_081_024,
    layers: 30,
    kv_width: 192,
    context: 8192,
};
const FILE: File = File {
    bytes: 98_362_432,
    stored: 0,
    context: None,
};
const LAPTOP: Device = Device {
    memory: 4 << 30,
    storage: Some(10_000 * MB),
    file_in_memory: false,
    gpu: None,
    relaxed_simd: true,
    threads: 1,
};
const GPU: GpuLimits = GpuLimits {
    binding: 128 << 20,
    buffer: 256 << 20,
};

fn small(memory: u64) -> Device {
    Device { memory, ..LAPTOP }
}

#[test]
fn the_whole_context_where_there_is_memory() {
    let plan = plan(&FILE, Some(&SMOLLM2), &LAPTOP).unwrap();
    let path = Path::Cpu {
        relaxed_simd: true,
        threads: 1,
    };
    assert_eq!((plan.path, plan.context), (path, 8192));
    // 8192 tokens, 30 layers, 192 values of a key and 192 of a value, 4 bytes each.
    assert_eq!(plan.memory.cache, 8192 * 30 * 384 * 4);
    assert_eq!(plan.memory.weights, 100_466_196);
}

#[test]
fn a_shorter_context_where_there_is_less() {
    // Weights and the rest take 168 MB; 256 tokens take 11.8 MB.
    for (memory, context) in [(200, 512), (204, 768), (300, 2816), (600, 8192)] {
        let plan = plan(&FILE, Some(&SMOLLM2), &small(memory * MB)).unwrap();
        assert_eq!(plan.context, context, "{memory} MB");
    }
}

#[test]
fn a_publisher_may_promise_less() {
    let file = File {
        context: Some(2048),
        ..FILE
    };
    assert_eq!(plan(&file, Some(&SMOLLM2), &LAPTOP).unwrap().context, 2048);
}

#[test]
fn refusals_say_what_is_missing() {
    let text = |file: &File, needs, device: &Device| {
        let refusals = plan(file, needs, device).unwrap_err();
        refusals
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    };
    assert_eq!(
        text(&FILE, Some(&SMOLLM2), &small(150 * MB)),
        "it needs 192 MB of memory (weights 101 MB, cache of 512 tokens 24 MB, the rest 68 MB) and may take 150 MB"
    );
    let full = Device {
        storage: Some(10 * MB),
        ..LAPTOP
    };
    assert_eq!(
        text(&FILE, None, &full),
        "it needs 99 MB more of storage and there is room for 10 MB; free some space"
    );
    let huge = File {
        bytes: 9_000 * MB,
        ..FILE
    };
    let device = Device {
        memory: 64 << 30,
        ..LAPTOP
    };
    assert!(
        text(&huge, None, &device).starts_with("it needs 9,428 MB of memory (weights 9,360 MB,"),
        "wasm32 addresses 4 GiB, however much memory there is"
    );
}

#[test]
fn what_is_stored_needs_no_room() {
    let device = Device {
        storage: Some(10 * MB),
        ..LAPTOP
    };
    let file = File {
        stored: 90 * MB,
        ..FILE
    };
    assert!(plan(&file, Some(&SMOLLM2), &device).is_ok());
    let no_storage = Device {
        storage: Some(0),
        file_in_memory: true,
        ..LAPTOP
    };
    let plan = plan(&FILE, Some(&SMOLLM2), &no_storage).unwrap();
    assert_eq!(plan.memory.working, WORKING_MEMORY + FILE.bytes);
}

#[test]
fn a_matrix_that_the_gpu_cannot_bind_goes_to_the_cpu() {
    let with_gpu = Device {
        gpu: Some(GPU),
        ..LAPTOP
    };
    let on_gpu = plan(&FILE, Some(&SMOLLM2), &with_gpu).unwrap();
    assert_eq!((on_gpu.path, on_gpu.not_on_gpu), (Path::WebGpu, None));
    let needs = Needs {
        largest_matrix: 215 * MB,
        ..SMOLLM2
    };
    let on_cpu = plan(&FILE, Some(&needs), &with_gpu).unwrap();
    assert!(matches!(on_cpu.path, Path::Cpu { .. }));
    assert_eq!(
        on_cpu.not_on_gpu.unwrap().to_string(),
        "its largest matrix has 224 MB and the GPU binds 135 MB at once"
    );
}

#[test]
fn needs_come_from_the_header_alone() {
    let (bytes, _) = testing::file().bytes();
    let needs = pollster::block_on(Needs::read(bytes.as_slice())).unwrap();
    assert_eq!(
        (needs.layers, needs.kv_width, needs.context),
        (2, 32, testing::CONTEXT)
    );
    // gate and up are bound as one: 2 times 96 rows of two blocks of 20 bytes, less than the embedding's.
    assert_eq!(needs.largest_matrix, 260 * 2 * 34);

    /// A file of which only the header is there.
    struct HeaderOnly(Vec<u8>, u64);
    impl Source for HeaderOnly {
        fn len(&self) -> u64 {
            self.1
        }
        async fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), crate::SourceError> {
            // Zeros stand for what has not come.
            for (index, byte) in buffer.iter_mut().enumerate() {
                *byte = self.0.get(offset as usize + index).copied().unwrap_or(0);
            }
            Ok(())
        }
    }
    let header = bytes.len() - needs.weights as usize;
    let without_weights = HeaderOnly(bytes[..header].to_vec(), bytes.len() as u64);
    assert_eq!(
        pollster::block_on(Needs::read(without_weights)).unwrap(),
        needs
    );
}

prop_compose! {
    fn any_needs()(
        weights in 1u64..1 << 34,
        share in 1u64..20,
        layers in 1usize..100,
        kv_width in 1usize..10_000,
        context in 1usize..200_000,
    ) -> Needs {
        Needs { weights, largest_matrix: weights / share, layers, kv_width, context }
    }
}

prop_compose! {
    fn any_device()(
        memory in 0u64..1 << 35,
        storage in proptest::option::of(0u64..1 << 35),
        file_in_memory: bool,
        gpu in proptest::option::of((1u64 << 20..1 << 33, 1u64 << 20..1 << 33)),
        relaxed_simd: bool,
        threads in 1usize..16,
    ) -> Device {
        let gpu = gpu.map(|(binding, buffer)| GpuLimits { binding, buffer });
        Device { memory, storage, file_in_memory, gpu, relaxed_simd, threads }
    }
}

prop_compose! {
    fn any_file()(
        bytes in 1u64..1 << 34,
        share in 0u64..=100,
        context in proptest::option::of(1usize..200_000),
    ) -> File {
        File { bytes, stored: bytes / 100 * share, context }
    }
}

proptest! {
    #[test]
    fn a_plan_keeps_every_limit(file in any_file(), needs in any_needs(), device in any_device()) {
        match plan(&file, Some(&needs), &device) {
            Ok(plan) => {
                prop_assert!(plan.memory.total() <= device.memory);
                prop_assert!(plan.context <= needs.context);
                prop_assert!(plan.context <= file.context.unwrap_or(usize::MAX));
                let longest = needs.context.min(file.context.unwrap_or(usize::MAX));
                prop_assert!(plan.context >= LEAST_CONTEXT.min(longest));
                if plan.path == Path::WebGpu {
                    let gpu = device.gpu.unwrap();
                    prop_assert!(needs.largest_matrix <= gpu.binding.min(gpu.buffer));
                } else {
                    prop_assert!(plan.memory.total() <= ADDRESS_SPACE);
                    prop_assert_eq!(plan.not_on_gpu.is_some(), device.gpu.is_some());
                }
                if !device.file_in_memory && let Some(room) = device.storage {
                    prop_assert!(file.bytes - file.stored <= room);
                }
            }
            Err(refusals) => {
                prop_assert!(!refusals.is_empty());
                for refusal in refusals {
                    let (needed, available) = match refusal {
                        Refusal::Memory { needed, available, .. } => (needed.total(), available),
                        Refusal::Storage { needed, available }
                        | Refusal::Binding { needed, available } => (needed, available),
                    };
                    prop_assert!(needed > available, "{refusal}");
                }
            }
        }
    }

    #[test]
    fn more_of_anything_never_takes_something_away(
        file in any_file(), needs in any_needs(), device in any_device(), more in 0u64..1 << 33,
    ) {
        let before = plan(&file, Some(&needs), &Device { gpu: None, ..device });
        let richer = Device {
            gpu: None,
            memory: device.memory + more,
            storage: device.storage.map(|storage| storage + more),
            ..device
        };
        let after = plan(&file, Some(&needs), &richer);
        if let Ok(before) = before {
            prop_assert!(after.unwrap().context >= before.context);
        }
    }

    #[test]
    fn a_refusal_by_length_alone_stands_when_the_header_is_known(
        file in any_file(), needs in any_needs(), device in any_device(),
    ) {
        // A header's weights are what is left of the file.
        let needs = Needs { weights: file.bytes, ..needs };
        if plan(&file, None, &device).is_err() {
            prop_assert!(plan(&file, Some(&needs), &device).is_err());
        }
    }
}
