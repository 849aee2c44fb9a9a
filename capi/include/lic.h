// lic.h: decodes .lic pictures. C99, C++.
//
// The library copies the file it is given, and what it hands out stays valid until lic_free. No call crashes on account of a file within the
// limit of lic_set_limit; without one, a file may ask for more memory than there is, which is LIC_STATUS_MEMORY where the system says so,
// and the end of the process where it has promised too much. Functions that give a lic_status return LIC_STATUS_OK or say what is wrong;
// lic_error_message has the details. NULL is an error, or gives 0, never a crash. Different threads may use different images, or one, as
// long as none of them calls lic_set_limit or lic_free on it meanwhile.
//
//     lic_image *image;
//     if (lic_open(data, len, &image) != LIC_STATUS_OK) { fputs(lic_error_message(), stderr); return 1; }
//     uint64_t limit = 1 << 30, stride = (uint64_t)lic_width(image) * 4, size = stride * lic_height(image);
//     lic_set_limit(image, limit);
//     uint8_t *pixels = size <= limit ? malloc((size_t)size) : NULL;
//     lic_status status = pixels != NULL ? lic_decode_rgba8(image, pixels, stride, size) : LIC_STATUS_MEMORY;
//     lic_free(image);
//
// Licence: MIT or Apache-2.0.

#ifndef LIC_H
#define LIC_H

/* Generated with cbindgen:0.29.4 */

#include <stddef.h>
#include <stdint.h>

// How a call ended. Later versions may have more values.
typedef enum {
    // It did what it should.
    LIC_STATUS_OK = 0,
    // An argument is wrong: a pointer is NULL, the stride is shorter than a row, the buffer smaller than the picture.
    LIC_STATUS_ARGUMENT = 1,
    // The data are not a .lic file.
    LIC_STATUS_NOT_LIC = 2,
    // The file is truncated or damaged.
    LIC_STATUS_DAMAGED = 3,
    // The file needs a later version of this library.
    LIC_STATUS_UNSUPPORTED = 4,
    // The file was made with other weights than those in this library.
    LIC_STATUS_MODEL = 5,
    // Decoding would take more memory than lic_set_limit allows.
    LIC_STATUS_LIMIT = 6,
    // There is not enough memory.
    LIC_STATUS_MEMORY = 7,
    // Something is wrong in this library or in the machine.
    LIC_STATUS_INTERNAL = 8,
} lic_status;

// An opened file.
typedef struct lic_image lic_image;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The library's version as text, for example "0.1.0". Never NULL, never freed.
const char *lic_version(void);

// What went wrong in the last call on this thread that failed, as UTF-8; empty if none has. Never NULL. The text is valid until the next call
// on this thread that fails.
const char *lic_error_message(void);

// Opens a whole .lic file in memory: copies it, and checks everything but the coded samples, without decoding. The data may be freed
// afterwards. `*out` is the image, for lic_free, or NULL if the call fails.
//
// # Safety
// `data` must point to `len` bytes, or be NULL; `out` to a place for a pointer, or be NULL.
lic_status lic_open(const uint8_t *data,
                    size_t len,
                    lic_image **out);

// Frees an image, and with it all that lic_icc, lic_exif and lic_xmp have given of it. NULL is nothing to do.
//
// # Safety
// `image` must come from lic_open and not have been freed, or be NULL; no other thread may be using it.
void lic_free(lic_image *image);

// Width in pixels, 1 to 65535, before any turn that lic_orientation asks for; 0 for NULL.
//
// # Safety
// `image` must come from lic_open and not have been freed, or be NULL. This is so for every function below.
uint32_t lic_width(const lic_image *image);

// Height in pixels, 1 to 65535; 0 for NULL.
//
// # Safety
// As for lic_width.
uint32_t lic_height(const lic_image *image);

// What the file has: 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha; 0 for NULL.
//
// # Safety
// As for lic_width.
uint32_t lic_channels(const lic_image *image);

// Bits per sample in the file: 8, 10, 12 or 16; 0 for NULL.
//
// # Safety
// As for lic_width.
uint32_t lic_bits(const lic_image *image);

// How to turn the decoded picture for display, 1 to 8 with the meaning EXIF gives to them, 1 for not at all; 0 for NULL. The tag inside of
// lic_exif does not count.
//
// # Safety
// As for lic_width.
uint32_t lic_orientation(const lic_image *image);

// Colour primaries and transfer characteristics as code points of ITU-T H.273; both are 2 (unspecified) if the file has none. Where a reader
// knows them they go before the ICC profile; a file with neither is sRGB.
//
// # Safety
// As for lic_width; `primaries` and `transfer` must each point to a place for a byte, or be NULL.
lic_status lic_cicp(const lic_image *image,
                    uint8_t *primaries,
                    uint8_t *transfer);

// The ICC profile: `*data` and `*len` are the bytes, valid until lic_free, or NULL and 0 if the file has none (and if the call fails).
//
// # Safety
// As for lic_width; `data` and `len` must point to places for their values, or be NULL.
lic_status lic_icc(const lic_image *image,
                   const uint8_t **data,
                   size_t *len);

// EXIF, meant to be a TIFF structure that starts with its byte order mark, which is not checked: it may be shorter than that; otherwise as lic_icc.
//
// # Safety
// As for lic_icc.
lic_status lic_exif(const lic_image *image, const uint8_t **data, size_t *len);

// The XMP packet, without a NUL at its end; meant to be UTF-8, which is not checked; otherwise as lic_icc.
//
// # Safety
// As for lic_icc.
lic_status lic_xmp(const lic_image *image, const uint8_t **data, size_t *len);

// How many bytes of memory decoding this image may take: the file, its metadata, the picture's samples, and the work on them, but neither the
// networks (loaded once for the process) nor the caller's buffer, whose size the caller compares with a limit itself. Without it there is no
// limit. Small files can hold large pictures: whoever decodes what strangers send sets a limit, or looks at width and height.
//
// # Safety
// As for lic_width; no other thread may be using the image.
lic_status lic_set_limit(lic_image *image,
                         uint64_t bytes);

// Decodes to rows of red, green, blue, one byte each. Grey is repeated, more than 8 bits are rounded; alpha is left out, colours under
// transparent pixels are what the file says. Row y starts at `buffer + y * stride`; `stride` and `buffer_len` count bytes. The last row needs
// no gap behind it. Bytes between rows are left as they are; if the call fails, all are.
//
// # Safety
// As for lic_width; `buffer` must point to `buffer_len` bytes that nobody else uses during the call, or be NULL.
lic_status lic_decode_rgb8(const lic_image *image,
                           uint8_t *buffer,
                           size_t stride,
                           size_t buffer_len);

// Decodes to rows of red, green, blue, alpha, one byte each. Alpha is straight (colours are not multiplied by it), and 255 if the file has none.
// Otherwise as lic_decode_rgb8.
//
// # Safety
// As for lic_decode_rgb8.
lic_status lic_decode_rgba8(const lic_image *image,
                            uint8_t *buffer,
                            size_t stride,
                            size_t buffer_len);

// Decodes to rows of red, green, blue, alpha, 16 bits each in the machine's byte order. Less than 16 bits are stretched to 0..65535. Otherwise
// as lic_decode_rgba8; `stride` and `buffer_len` count bytes here too.
//
// # Safety
// As for lic_decode_rgb8.
lic_status lic_decode_rgba16(const lic_image *image,
                             uint16_t *buffer,
                             size_t stride,
                             size_t buffer_len);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* LIC_H */
