// Linear layer at every position, over the channels of one or two buffers. Joined with arithmetic.wgsl and matmul.wgsl.

@group(0) @binding(3) var<storage, read_write> output: array<i32>;
@group(0) @binding(4) var<storage, read> first: array<i32>;
@group(0) @binding(5) var<storage, read> second: array<i32>;

fn row_count(z: u32) -> u32 {
    return params.positions;
}

fn weight_row(z: u32) -> u32 {
    return 0u;
}

fn input_at(z: u32, row: u32, k: u32) -> i32 {
    if k < params.first_count {
        return first[row * params.first_stride + k];
    }
    return second[row * params.second_stride + params.second_start + k - params.first_count];
}

fn store(z: u32, row: u32, o: u32, value: i32) {
    let slot = row * params.outputs + o;
    switch params.epilogue {
        case 1u: {
            output[slot] = clamp(value, 0, ACTIVATION_MAX);
        }
        case 2u: {
            output[slot] = clamp_activation(output[slot] + value);
        }
        default: {
            output[slot] = clamp_activation(value);
        }
    }
}
