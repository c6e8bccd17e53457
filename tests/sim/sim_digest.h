/* sim_digest.h: SHA-256, HMAC and base64: the only part of the simulator that knows OpenSSL.
 *
 * Includes nothing of ours: OpenSSL's ERR_STATE and the one of model/error.h cannot meet. */
#ifndef TESTS_SIM_SIM_DIGEST_H
#define TESTS_SIM_SIM_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define SIM_DIGEST_BYTES 32
#define SIM_HEX_SIZE     65 /* a digest as 64 hex digits and a NUL */

/* SHA-256 of some bytes. */
void sim_digest(const void *bytes, size_t length, unsigned char digest[SIM_DIGEST_BYTES]);

/* The same as lower-case hex. */
void sim_digest_hex(const void *bytes, size_t length, char hex[SIM_HEX_SIZE]);

/* HMAC-SHA-256 of a text; `mac` may be the key itself. */
void sim_hmac(const void *key, size_t key_length, const char *text,
              unsigned char mac[SIM_DIGEST_BYTES]);

/* Writes 2 * length lower-case hex digits and a NUL. */
void sim_hex(const unsigned char *bytes, size_t length, char *hex);

/* Writes base64 with padding and a NUL: 4 * ((length + 2) / 3) + 1 bytes. */
void sim_base64(const void *bytes, size_t length, char *text);

/* Reads base64 into `bytes`, which has room for 3 bytes per 4 digits; padding gives zero bytes.
 * Returns how many bytes were written, 0 if the text is malformed. */
size_t sim_base64_read(const char *text, size_t length, unsigned char *bytes);

/* Compares two texts in a time that does not depend on where they differ. */
bool sim_same_text(const char *left, const char *right);

#endif
