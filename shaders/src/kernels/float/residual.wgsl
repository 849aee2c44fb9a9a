// Output: added to what is there.

@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn store(row: u32, o: u32, values: vec4<f32>) {
    for (var j = 0u; j < min(4u, params.outputs - o); j++) {
        output[row * params.outputs + o + j] += values[j];
    }
}
