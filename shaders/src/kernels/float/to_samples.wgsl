// Output: 8-bit samples, four in a word; -0.5 is 0, 0.5 is 255. The outputs are a multiple of four.

@group(0) @binding(3) var<storage, read_write> output: array<u32>;

fn store(row: u32, o: u32, values: vec4<f32>) {
    output[(row * params.outputs + o) / 4u] = pack4x8unorm(values + 0.5);
}
