/* digest.h: SHA-256, its keyed form and their texts; the only file that knows OpenSSL. */
#ifndef CORE_AWS_DIGEST_H
#define CORE_AWS_DIGEST_H

#include <stddef.h>

#include "model/error.h"

#define DIGEST_BYTES       32
#define DIGEST_HEX_SIZE    65 /* 64 digits and the NUL */
#define DIGEST_BASE64_SIZE 45 /* 44 characters and the NUL */

/* Hashes `size` bytes. Errors: ERR_SYSTEM if the crypto library refuses. */
MUST_CHECK enum error_code digest_sha256(const void *data, size_t size,
                                         unsigned char digest[DIGEST_BYTES], struct error *err);

/* HMAC-SHA256 of a text. digest must not overlap key. Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code digest_hmac(const void *key, size_t key_bytes, const char *text,
                                       unsigned char digest[DIGEST_BYTES], struct error *err);

/* Writes a digest in lower-case hex. */
void digest_hex(const unsigned char digest[DIGEST_BYTES], char hex[DIGEST_HEX_SIZE]);

/* Writes a digest in base64, as EBS direct's checksum headers hold it. */
void digest_base64(const unsigned char digest[DIGEST_BYTES], char text[DIGEST_BASE64_SIZE]);

#endif
