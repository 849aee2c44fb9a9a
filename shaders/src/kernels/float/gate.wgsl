// Output: a * sigmoid(b) of every pair (a, b) of neighbouring values, half as many channels.

@group(0) @binding(3) var<storage, read_write> output: array<f32>;

fn gated(value: f32, gate: f32) -> f32 {
    // exp() of more may overflow, which WGSL leaves undefined.
    return value / (1.0 + exp(min(-gate, 80.0)));
}

fn store(row: u32, o: u32, values: vec4<f32>) {
    let slot = (row * params.outputs + o) / 2u;
    output[slot] = gated(values.x, values.y);
    if o + 2u < params.outputs {
        output[slot + 1u] = gated(values.z, values.w);
    }
}
