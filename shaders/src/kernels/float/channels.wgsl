// Input: all channels of a position; the first of them from the second buffer where that replaces them.

@group(0) @binding(4) var<storage, read> first: array<f32>;
@group(0) @binding(5) var<storage, read> second: array<f32>;

fn input_at(row: u32, k: u32) -> f32 {
    if k < params.replaced {
        return second[row * params.replaced + k];
    }
    return first[row * params.stride + k];
}
