#include "tests/sim/sim_digest.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

void sim_digest(const void *bytes, size_t length, unsigned char digest[SIM_DIGEST_BYTES])
{
    unsigned char result[EVP_MAX_MD_SIZE] = {0};
    EVP_Digest(bytes, length, result, NULL, EVP_sha256(), NULL);
    memcpy(digest, result, SIM_DIGEST_BYTES);
}

void sim_digest_hex(const void *bytes, size_t length, char hex[SIM_HEX_SIZE])
{
    unsigned char digest[SIM_DIGEST_BYTES];
    sim_digest(bytes, length, digest);
    sim_hex(digest, sizeof(digest), hex);
}

void sim_hmac(const void *key, size_t key_length, const char *text,
              unsigned char mac[SIM_DIGEST_BYTES])
{
    unsigned char result[EVP_MAX_MD_SIZE] = {0};
    unsigned length = 0;
    HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)text, strlen(text), result,
         &length);
    memcpy(mac, result, SIM_DIGEST_BYTES);
}

void sim_hex(const unsigned char *bytes, size_t length, char *hex)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        *hex++ = digits[bytes[i] >> 4];
        *hex++ = digits[bytes[i] & 15];
    }
    *hex = '\0';
}

void sim_base64(const void *bytes, size_t length, char *text)
{
    EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
}

size_t sim_base64_read(const char *text, size_t length, unsigned char *bytes)
{
    int count = EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)length);
    return count < 0 ? 0 : (size_t)count;
}

bool sim_same_text(const char *left, const char *right)
{
    size_t length = strlen(left);
    return length == strlen(right) && CRYPTO_memcmp(left, right, length) == 0;
}
