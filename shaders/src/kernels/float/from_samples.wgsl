// Input: 8-bit samples, four in a word; a sample s stands for s / 255 - 0.5.

@group(0) @binding(4) var<storage, read> first: array<u32>;

fn input_at(row: u32, k: u32) -> f32 {
    let index = row * params.inputs + k;
    return unpack4x8unorm(first[index / 4u])[index % 4u] - 0.5;
}
