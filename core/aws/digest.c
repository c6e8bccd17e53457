#include "core/aws/digest.h"

#include <string.h>

/* OpenSSL has a type of the name of one of our error codes. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

enum error_code digest_sha256(const void *data, size_t size, unsigned char digest[DIGEST_BYTES],
                              struct error *err)
{
    if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1)
        return error_set(err, ERR_SYSTEM, "cannot compute a SHA-256");
    return ERR_NONE;
}

enum error_code digest_hmac(const void *key, size_t key_bytes, const char *text,
                            unsigned char digest[DIGEST_BYTES], struct error *err)
{
    size_t size = 0;
    const unsigned char *done =
        EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_bytes, (const unsigned char *)text,
                  strlen(text), digest, DIGEST_BYTES, &size);
    if (done == NULL || size != DIGEST_BYTES)
        return error_set(err, ERR_SYSTEM, "cannot compute an HMAC-SHA256");
    return ERR_NONE;
}

void digest_hex(const unsigned char digest[DIGEST_BYTES], char hex[DIGEST_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        hex[2 * i] = digits[digest[i] >> 4];
        hex[2 * i + 1] = digits[digest[i] & 15];
    }
    hex[DIGEST_HEX_SIZE - 1] = '\0';
}

void digest_base64(const unsigned char digest[DIGEST_BYTES], char text[DIGEST_BASE64_SIZE])
{
    (void)EVP_EncodeBlock((unsigned char *)text, digest, DIGEST_BYTES);
}
