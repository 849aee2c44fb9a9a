/*
 * ppm.c: turns a .lic file into PPM (P6), or into PAM (P7) if it has alpha. 8 bits per sample, as stored: not turned, colours not converted.
 *
 *     ppm photo.lic photo.ppm
 *
 * Exit code: 0 done, 1 reading or writing failed, 2 wrong arguments, 3 the file cannot be decoded.
 */
#include <lic.h>

#include <stdio.h>
#include <stdlib.h>

enum { DONE = 0, FILE_ERROR = 1, USAGE = 2, LIC_ERROR = 3 };

/* Bytes that a picture, and the work on it, may take: the file may be a stranger's. */
static const uint64_t LIMIT = (uint64_t)2 << 30;

/* The whole file, or NULL. */
static uint8_t *read_file(const char *path, size_t *len)
{
    uint8_t *data = NULL;
    size_t room = 0, got = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    do {
        if (got == room) {
            size_t more = room + (room < 65536 ? 65536 : room);
            uint8_t *larger = more > room ? realloc(data, more) : NULL;
            if (larger == NULL)
                goto failed;
            data = larger;
            room = more;
        }
        got += fread(data + got, 1, room - got, file);
        if (ferror(file))
            goto failed;
    } while (!feof(file));
    fclose(file);
    *len = got;
    return data;

failed:
    free(data);
    fclose(file);
    return NULL;
}

/* Writes `size` bytes of samples behind a PNM header; 0 if that fails. */
static int write_pnm(const char *path, const lic_image *image, int alpha, const uint8_t *pixels, size_t size)
{
    unsigned long width = lic_width(image), height = lic_height(image);
    FILE *file = fopen(path, "wb");
    int good;
    if (file == NULL)
        return 0;
    if (alpha)
        good = fprintf(file, "P7\nWIDTH %lu\nHEIGHT %lu\nDEPTH 4\nMAXVAL 255\nTUPLTYPE RGB_ALPHA\nENDHDR\n", width, height) > 0;
    else
        good = fprintf(file, "P6\n%lu %lu\n255\n", width, height) > 0;
    good = good && fwrite(pixels, 1, size, file) == size;
    good = fclose(file) == 0 && good;
    if (!good)
        remove(path);
    return good;
}

/* Decodes an image into new memory of `*size` bytes. */
static uint8_t *decode(lic_image *image, int alpha, size_t *size)
{
    size_t stride = (size_t)lic_width(image) * (alpha ? 4 : 3);
    uint64_t needed = (uint64_t)stride * lic_height(image);
    uint8_t *pixels = NULL;
    lic_status status = lic_set_limit(image, LIMIT);

    /* lic_set_limit does not count this buffer: bounded before memory is asked for. */
    if (status == LIC_STATUS_OK && needed > LIMIT) {
        fprintf(stderr, "the picture takes %.0f bytes, the limit is %.0f\n", (double)needed, (double)LIMIT);
        return NULL;
    }
    if (status == LIC_STATUS_OK) {
        *size = (size_t)needed;
        pixels = malloc(*size);
        if (pixels == NULL) {
            fputs("there is not enough memory\n", stderr);
            return NULL;
        }
        status = alpha ? lic_decode_rgba8(image, pixels, stride, *size) : lic_decode_rgb8(image, pixels, stride, *size);
    }
    if (status != LIC_STATUS_OK) {
        fprintf(stderr, "%s (code %d)\n", lic_error_message(), (int)status);
        free(pixels);
        return NULL;
    }
    return pixels;
}

int main(int argc, char **argv)
{
    size_t len = 0, size = 0;
    int alpha, code = DONE;
    uint8_t *data, *pixels;
    lic_image *image = NULL;
    lic_status status;

    if (argc != 3) {
        fprintf(stderr, "usage: ppm FILE.lic FILE.ppm (lic %s)\n", lic_version());
        return USAGE;
    }
    data = read_file(argv[1], &len);
    if (data == NULL) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return FILE_ERROR;
    }
    status = lic_open(data, len, &image);
    free(data);
    if (status != LIC_STATUS_OK) {
        fprintf(stderr, "%s: %s (code %d)\n", argv[1], lic_error_message(), (int)status);
        return LIC_ERROR;
    }
    alpha = lic_channels(image) == 2 || lic_channels(image) == 4;
    pixels = decode(image, alpha, &size);
    if (pixels == NULL) {
        code = LIC_ERROR;
    } else if (!write_pnm(argv[2], image, alpha, pixels, size)) {
        fprintf(stderr, "%s: cannot be written\n", argv[2]);
        code = FILE_ERROR;
    }
    free(pixels);
    lic_free(image);
    return code;
}
