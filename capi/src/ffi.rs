//! The functions that C sees. All unsafe code of the crate is here: pointers become references and slices, and the safe modules do the rest.
//!
//! Their documentation is that of `lic.h`. Every body runs behind the barrier of `status`: no panic reaches the caller.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::{ptr, slice};

use lic_codec::format::SectionKind;

use crate::image::LicImage;
use crate::pixels::{Layout, Pixel};
use crate::status::{Failure, LicStatus, guarded, guarded_or, message};

/// What H.273 calls a code point that says nothing.
const UNSPECIFIED: u8 = 2;

/// The library's version as text, for example "0.1.0". Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn lic_version() -> *const c_char {
    const VERSION: Result<&CStr, std::ffi::FromBytesWithNulError> =
        CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes());
    VERSION.unwrap_or(c"").as_ptr()
}

/// What went wrong in the last call on this thread that failed, as UTF-8; empty if none has. Never NULL. The text is valid until the next call
/// on this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn lic_error_message() -> *const c_char {
    guarded_or(c"".as_ptr(), || Some(message()))
}

/// Opens a whole .lic file in memory: copies it, and checks everything but the coded samples, without decoding. The data may be freed
/// afterwards. `*out` is the image, for lic_free, or NULL if the call fails.
///
/// # Safety
/// `data` must point to `len` bytes, or be NULL; `out` to a place for a pointer, or be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_open(data: *const u8, len: usize, out: *mut *mut LicImage) -> LicStatus {
    guarded(|| {
        // SAFETY: what the caller has promised.
        unsafe { put(out, "out", ptr::null_mut()) }?;
        if data.is_null() || isize::try_from(len).is_err() {
            return Err(Failure::argument("data is NULL, or longer than memory"));
        }
        // SAFETY: not NULL, at most isize::MAX bytes, and the caller has promised that they are there. The slice ends with this call.
        let file = unsafe { slice::from_raw_parts(data, len) };
        let image = Box::into_raw(Box::new(LicImage::open(file)?));
        // SAFETY: what the caller has promised.
        unsafe { put(out, "out", image) }
    })
}

/// Frees an image, and with it all that lic_icc, lic_exif and lic_xmp have given of it. NULL is nothing to do.
///
/// # Safety
/// `image` must come from lic_open and not have been freed, or be NULL; no other thread may be using it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_free(image: *mut LicImage) {
    guarded_or((), || {
        if !image.is_null() {
            // SAFETY: not NULL, so lic_open has made it with `Box::into_raw`, and the caller has promised that it was not freed.
            drop(unsafe { Box::from_raw(image) });
        }
        Some(())
    });
}

/// Width in pixels, 1 to 65535, before any turn that lic_orientation asks for; 0 for NULL.
///
/// # Safety
/// `image` must come from lic_open and not have been freed, or be NULL. This is so for every function below.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_width(image: *const LicImage) -> u32 {
    // SAFETY: what the caller has promised.
    guarded_or(0, || Some(unsafe { image.as_ref() }?.header.width.into()))
}

/// Height in pixels, 1 to 65535; 0 for NULL.
///
/// # Safety
/// As for lic_width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_height(image: *const LicImage) -> u32 {
    // SAFETY: what the caller has promised.
    guarded_or(0, || Some(unsafe { image.as_ref() }?.header.height.into()))
}

/// What the file has: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; 0 for NULL.
///
/// # Safety
/// As for lic_width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_channels(image: *const LicImage) -> u32 {
    // SAFETY: what the caller has promised.
    guarded_or(0, || Some(unsafe { image.as_ref() }?.channels()))
}

/// Bits per sample in the file: 8, 10, 12 or 16; 0 for NULL.
///
/// # Safety
/// As for lic_width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_bits(image: *const LicImage) -> u32 {
    // SAFETY: what the caller has promised.
    guarded_or(0, || Some(unsafe { image.as_ref() }?.header.depth.bits()))
}

/// How to turn the decoded picture for display, 1 to 8 with the meaning EXIF gives to them, 1 for not at all; 0 for NULL. The tag inside of
/// lic_exif does not count.
///
/// # Safety
/// As for lic_width.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_orientation(image: *const LicImage) -> u32 {
    // SAFETY: what the caller has promised.
    guarded_or(0, || Some(unsafe { image.as_ref() }?.orientation.into()))
}

/// Colour primaries and transfer characteristics as code points of ITU-T H.273; both are 2 (unspecified) if the file has none. Where a reader
/// knows them they go before the ICC profile; a file with neither is sRGB.
///
/// # Safety
/// As for lic_width; `primaries` and `transfer` must each point to a place for a byte, or be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_cicp(image: *const LicImage, primaries: *mut u8, transfer: *mut u8) -> LicStatus {
    guarded(|| {
        // SAFETY: what the caller has promised.
        unsafe {
            put(primaries, "primaries", UNSPECIFIED).and(put(transfer, "transfer", UNSPECIFIED))?;
            let Some(cicp) = opened(image)?.cicp else { return Ok(()) };
            put(primaries, "primaries", cicp.primaries).and(put(transfer, "transfer", cicp.transfer))
        }
    })
}

/// The ICC profile: `*data` and `*len` are the bytes, valid until lic_free, or NULL and 0 if the file has none (and if the call fails).
///
/// # Safety
/// As for lic_width; `data` and `len` must point to places for their values, or be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_icc(image: *const LicImage, data: *mut *const u8, len: *mut usize) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { give(image, data, len, SectionKind::Icc) })
}

/// EXIF, meant to be a TIFF structure that starts with its byte order mark, which is not checked: it may be shorter than that; otherwise as lic_icc.
///
/// # Safety
/// As for lic_icc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_exif(image: *const LicImage, data: *mut *const u8, len: *mut usize) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { give(image, data, len, SectionKind::Exif) })
}

/// The XMP packet, without a NUL at its end; meant to be UTF-8, which is not checked; otherwise as lic_icc.
///
/// # Safety
/// As for lic_icc.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_xmp(image: *const LicImage, data: *mut *const u8, len: *mut usize) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { give(image, data, len, SectionKind::Xmp) })
}

/// How many bytes of memory decoding this image may take: the file, its metadata, the picture's samples, and the work on them, but neither the
/// networks (loaded once for the process) nor the caller's buffer, whose size the caller compares with a limit itself. Without it there is no
/// limit. Small files can hold large pictures: whoever decodes what strangers send sets a limit, or looks at width and height.
///
/// # Safety
/// As for lic_width; no other thread may be using the image.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_set_limit(image: *mut LicImage, bytes: u64) -> LicStatus {
    guarded(|| {
        // SAFETY: not NULL, so lic_open has made it, and the caller has promised that nobody else uses it.
        let image = unsafe { image.as_mut() }.ok_or_else(|| null("image"))?;
        image.limit = bytes;
        Ok(())
    })
}

/// Decodes to rows of red, green, blue, one byte each. Grey is repeated, more than 8 bits are rounded; alpha is left out, colours under
/// transparent pixels are what the file says. Row y starts at `buffer + y * stride`; `stride` and `buffer_len` count bytes. The last row needs
/// no gap behind it. Bytes between rows are left as they are; if the call fails, all are.
///
/// # Safety
/// As for lic_width; `buffer` must point to `buffer_len` bytes that nobody else uses during the call, or be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_decode_rgb8(
    image: *const LicImage,
    buffer: *mut u8,
    stride: usize,
    buffer_len: usize,
) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { decode(image, Pixel::Rgb8, buffer, stride, buffer_len) })
}

/// Decodes to rows of red, green, blue, alpha, one byte each. Alpha is straight (colours are not multiplied by it), and 255 if the file has none.
/// Otherwise as lic_decode_rgb8.
///
/// # Safety
/// As for lic_decode_rgb8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_decode_rgba8(
    image: *const LicImage,
    buffer: *mut u8,
    stride: usize,
    buffer_len: usize,
) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { decode(image, Pixel::Rgba8, buffer, stride, buffer_len) })
}

/// Decodes to rows of red, green, blue, alpha, 16 bits each in the machine's byte order. Less than 16 bits are stretched to 0..65535. Otherwise
/// as lic_decode_rgba8; `stride` and `buffer_len` count bytes here too.
///
/// # Safety
/// As for lic_decode_rgb8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lic_decode_rgba16(
    image: *const LicImage,
    buffer: *mut u16,
    stride: usize,
    buffer_len: usize,
) -> LicStatus {
    // SAFETY: what the caller has promised.
    guarded(|| unsafe { decode(image, Pixel::Rgba16, buffer.cast(), stride, buffer_len) })
}

fn null(what: &str) -> Failure {
    Failure::argument(format!("{what} is NULL"))
}

/// The image of a handle.
///
/// # Safety
/// `image` is NULL or an image that nobody changes for `'a`.
unsafe fn opened<'a>(image: *const LicImage) -> Result<&'a LicImage, Failure> {
    // SAFETY: as above.
    unsafe { image.as_ref() }.ok_or_else(|| null("image"))
}

/// Puts a result where the caller wants it.
///
/// # Safety
/// `to` is NULL or a place for a `T` that nobody else uses.
unsafe fn put<T>(to: *mut T, what: &str, value: T) -> Result<(), Failure> {
    if to.is_null() {
        return Err(null(what));
    }
    // SAFETY: not NULL, and as above.
    unsafe { to.write(value) };
    Ok(())
}

/// Hands out a section's bytes, which belong to an image.
///
/// # Safety
/// As for [`opened`] and [`put`].
unsafe fn give(
    image: *const LicImage,
    data: *mut *const u8,
    len: *mut usize,
    kind: SectionKind,
) -> Result<(), Failure> {
    // SAFETY: as above.
    unsafe {
        put(data, "data", ptr::null()).and(put(len, "len", 0))?;
        let Some(bytes) = opened(image)?.section(kind)? else { return Ok(()) };
        put(data, "data", bytes.as_ptr()).and(put(len, "len", bytes.len()))
    }
}

/// # Safety
/// As for [`opened`]; `buffer` is NULL, or `available` bytes there can be written, by nobody else.
unsafe fn decode(
    image: *const LicImage,
    pixel: Pixel,
    buffer: *mut u8,
    stride: usize,
    available: usize,
) -> Result<(), Failure> {
    // SAFETY: as above.
    let image = unsafe { opened(image) }?;
    if buffer.is_null() {
        return Err(null("buffer"));
    }
    let layout = Layout::new(image, pixel, stride, available)?;
    let picture = image.decode()?;
    // SAFETY: not NULL; `Layout::new` gives no more bytes than the caller says there are, and at most isize::MAX. They may hold nothing yet,
    // hence `MaybeUninit`, whose alignment is 1.
    let buffer = unsafe { slice::from_raw_parts_mut(buffer.cast::<MaybeUninit<u8>>(), layout.size) };
    layout.write(&picture, buffer);
    Ok(())
}
