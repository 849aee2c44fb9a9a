//! Tiles of 32 x 32 results for AMX, of pairs of bf16 numbers: four registers of 16 x 16 sums, and two of each factor.
//!
//! Differs from [`super::wide`] in that the processor multiplies whole registers: 16 rows of 16 pairs by 16 pairs of 16 columns in 16 cycles, sixteen times what one
//! `vdpbf16ps` a cycle does (Intel 64 and IA-32 Architectures Optimization Reference Manual, chapter 20). Whatever has fewer rows, columns or steps than a
//! register, or a left factor whose steps do not follow each other, is left to AVX-512. Rust's names for these instructions are not stable yet, so they stand here as assembly.

use std::arch::asm;
use std::sync::OnceLock;

use super::tiles::{Tile, Tiles};
use super::{DEPTH, PANEL, Pair, wide};

/// Rows that a register holds.
const HALF: usize = 16;

/// Tiles of pairs, for AMX and AVX-512 BF16.
pub(super) const PAIRS: Tiles<Pair> =
    Tiles { rows: 2 * HALF, columns: PANEL, compute, around: Some([configure, release]) };

/// Whether processor and system have AMX for bf16. Asks the system for it, once and for the whole process, whose signal stacks must from then on have room for
/// 8 kB of registers more; a process that has set up smaller ones is refused, and goes on without.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| has_instructions() && is_permitted())
}

/// Intel 64 and IA-32 Architectures Software Developer's Manual, CPUID, leaf 7: EDX tells of AMX-BF16 in bit 22, of AMX-TILE in bit 24.
fn has_instructions() -> bool {
    const BITS: u32 = 1 << 22 | 1 << 24;
    use std::arch::x86_64::{__cpuid, __cpuid_count};
    __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & BITS == BITS
}

/// Linux gives the registers to processes that ask for them (the kernel's `xstate.rst`). Systems that do not know the question answer no.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: takes two numbers and touches no memory of this process.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// What the registers are: palette 1, eight of 16 rows of 64 bytes (the manual's "Tile Configuration").
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static ALL_WHOLE: Configuration = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut register = 0;
    while register < 8 {
        (row_bytes[register], rows[register]) = (64, HALF as u8);
        register += 1;
    }
    Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes, rows }
};

/// # Safety
/// [`available`].
unsafe fn configure() {
    // SAFETY: reads 64 bytes that are there.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const ALL_WHOLE, options(nostack, readonly, preserves_flags)) };
}

/// Gives the registers back, so that the system need not save them.
///
/// # Safety
/// [`available`].
unsafe fn release() {
    // SAFETY: touches nothing else.
    unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
}

/// # Safety
/// [`available`], after [`configure`], and AVX-512 BF16; as [`Tiles::compute`].
unsafe fn compute(tile: &Tile<Pair>, rows: usize) {
    let fits = rows >= HALF && tile.columns >= PANEL && tile.a_step == 1;
    let whole = if fits { tile.steps / DEPTH } else { 0 };
    // SAFETY: the caller's; what is left begins inside of the tile.
    unsafe {
        if whole > 0 {
            sums(tile, rows, whole);
        }
        let done = whole * DEPTH;
        if done == tile.steps && done > 0 {
            return;
        }
        for first in (0..rows).step_by(wide::PAIRS.rows) {
            let rest = Tile {
                c: tile.c.add(first * tile.stride),
                a: tile.a.wrapping_add(first * tile.a_row + done * tile.a_step),
                b: tile.b.wrapping_add(done * tile.b_row),
                steps: tile.steps - done,
                there: tile.there || done > 0,
                ..*tile
            };
            (wide::PAIRS.compute)(&rest, (rows - first).min(wide::PAIRS.rows));
        }
    }
}

/// The sums of 16 to 32 rows over the first `16 * depth` steps. Where there are fewer than 32, the first and the last 16 have some in common, which are computed twice.
///
/// # Safety
/// As [`compute`]; the steps of the left factor's rows follow each other.
unsafe fn sums(t: &Tile<Pair>, rows: usize, depth: usize) {
    // SAFETY: the tile's rows, columns and steps are inside all arrays. Sums stay in registers from one block to the next: the compiler uses none of these itself.
    unsafe {
        let c_row = 4 * t.stride;
        let (top, bottom) = (t.c, t.c.add((rows - HALF) * t.stride));
        if t.there || !t.bias.is_null() {
            // A bias is a row that all rows begin with.
            let (top, bottom, row) =
                if t.there { (top.cast_const(), bottom.cast_const(), c_row) } else { (t.bias, t.bias, 0) };
            asm!(
                "tileloadd tmm0, [{top} + {row}]",
                "tileloadd tmm1, [{top} + {row} + 64]",
                "tileloadd tmm2, [{bottom} + {row}]",
                "tileloadd tmm3, [{bottom} + {row} + 64]",
                top = in(reg) top, bottom = in(reg) bottom, row = in(reg) row,
                options(nostack, readonly, preserves_flags)
            );
        } else {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nomem, nostack, preserves_flags)
            );
        }
        asm!(
            "2:",
            "tileloadd tmm4, [{upper} + {a_row}]",
            "tileloadd tmm6, [{b} + {b_row}]",
            "tileloadd tmm7, [{b} + {b_row} + 64]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{lower} + {a_row}]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {upper}, 64",
            "add {lower}, 64",
            "add {b}, {b_next}",
            "dec {depth}",
            "jnz 2b",
            upper = inout(reg) t.a => _,
            lower = inout(reg) t.a.add((rows - HALF) * t.a_row) => _,
            a_row = in(reg) 4 * t.a_row,
            b = inout(reg) t.b => _,
            b_row = in(reg) 4 * t.b_row,
            b_next = in(reg) 4 * DEPTH * t.b_row,
            depth = inout(reg) depth => _,
            options(nostack, readonly)
        );
        asm!(
            "tilestored [{top} + {row}], tmm0",
            "tilestored [{top} + {row} + 64], tmm1",
            "tilestored [{bottom} + {row}], tmm2",
            "tilestored [{bottom} + {row} + 64], tmm3",
            top = in(reg) top, bottom = in(reg) bottom, row = in(reg) c_row,
            options(nostack, preserves_flags)
        );
    }
}
