//! What a handle takes, gives back, and may take while it decodes. A program of its own with a single test, because the counting allocator counts
//! every thread.
#![allow(unsafe_code, reason = "called as C calls")]

mod support;

use std::ptr;

use lic_capi::{LicStatus, lic_decode_rgba8, lic_free, lic_open, lic_set_limit};
use lic_codec::format::{BitDepth, LicFile};
use lic_codec::{Colour, Picture, Samples};
use peak_alloc::PeakAlloc;
use support::encoded;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const SIDE: usize = 1024;

/// Opens, decodes and frees a file; the status of the first call that failed.
fn used(file: &[u8], limit: u64, buffer: &mut [u8]) -> LicStatus {
    let mut image = ptr::null_mut();
    // SAFETY: the bytes, the place and the buffer are there; a failed call gives NULL, which may be freed.
    unsafe {
        let mut status = lic_open(file.as_ptr(), file.len(), &mut image);
        if status == LicStatus::Ok {
            assert_eq!(lic_set_limit(image, limit), LicStatus::Ok);
            status = lic_decode_rgba8(image, buffer.as_mut_ptr(), 4 * SIDE, buffer.len());
        }
        lic_free(image);
        status
    }
}

#[test]
fn decoding_keeps_to_the_limit_and_freeing_gives_all_memory_back() {
    let deep = Samples::Deep(BitDepth::Sixteen, (0..SIDE * SIDE * 3).map(|i| (i / 64) as u16).collect());
    let mut picture = Picture::new(SIDE as u32, SIDE as u32, Colour::Rgb, deep).unwrap();
    picture.metadata.icc = Some(vec![7; 500_000]);
    let file = encoded(&picture);
    drop(picture);
    let needed = file.len() as u64 + LicFile::open(&file).unwrap().decoding_memory();
    let mut buffer = vec![0; 4 * SIDE * SIDE];
    let mut damaged = file.clone();
    *damaged.last_mut().unwrap() ^= 1;

    // The networks, the threads and what they keep.
    assert_eq!(used(&file, needed, &mut buffer), LicStatus::Ok);
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    assert_eq!(used(&file, needed, &mut buffer), LicStatus::Ok);
    let taken = (MEMORY.peak_usage() - before) as u64;
    assert!(taken <= needed, "{taken} bytes were taken, the limit was {needed}");
    assert!(taken > 6 * (SIDE * SIDE) as u64, "{taken} bytes cannot hold the samples");

    for _ in 0..5 {
        assert_eq!(used(&file, needed, &mut buffer), LicStatus::Ok);
        assert_eq!(used(&file, needed - 1, &mut buffer), LicStatus::Limit);
        assert_eq!(used(&damaged, needed, &mut buffer), LicStatus::Damaged);
        assert_eq!(used(&file[..file.len() - 1], needed, &mut buffer), LicStatus::Damaged);
    }
    let kept = MEMORY.current_usage().saturating_sub(before);
    assert!(kept < 100_000, "{kept} bytes were not given back");
}
