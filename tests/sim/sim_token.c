#include "tests/sim/sim_token.h"

#include <stddef.h>
#include <string.h>

#include "tests/sim/sim_digest.h"

/* The bytes of a token before base64. The text ends the bytes and carries no NUL. */
struct token_bytes {
    uint64_t check;
    uint64_t nonce;
    int64_t expires_ms;
    char text[SIM_TOKEN_TEXT_SIZE];
};

#define HEAD_BYTES offsetof(struct token_bytes, text)

_Static_assert(sizeof(struct token_bytes) == HEAD_BYTES + SIM_TOKEN_TEXT_SIZE, "no padding");
_Static_assert((sizeof(struct token_bytes) + 2) / 3 * 4 + 1 <= SIM_TOKEN_SIZE, "base64 fits");

/* FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ byte[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t check_of(const struct token_bytes *bytes, const char *subject)
{
    uint64_t hash = mix(UINT64_C(0xcbf29ce484222325), subject, strlen(subject));
    hash = mix(hash, &bytes->nonce, HEAD_BYTES - offsetof(struct token_bytes, nonce));
    return mix(hash, bytes->text, strlen(bytes->text));
}

void sim_token_make(const char *subject, const char *text, int64_t expires_ms, uint64_t nonce,
                    char token[SIM_TOKEN_SIZE])
{
    struct token_bytes bytes;
    size_t length = strnlen(text, sizeof(bytes.text) - 1);
    bytes.nonce = nonce;
    bytes.expires_ms = expires_ms;
    memcpy(bytes.text, text, length);
    bytes.text[length] = '\0';
    bytes.check = check_of(&bytes, subject);
    sim_base64(&bytes, HEAD_BYTES + length, token);
}

bool sim_token_read(const char *subject, const char *token, int64_t now_ms,
                    char text[SIM_TOKEN_TEXT_SIZE])
{
    unsigned char raw[SIM_TOKEN_SIZE] = {0};
    struct token_bytes bytes;
    size_t length = strlen(token);

    /* Decoding gives three bytes per four digits; padding becomes zeros, which end the text. */
    if (length < HEAD_BYTES * 4 / 3 || length >= SIM_TOKEN_SIZE ||
        sim_base64_read(token, length, raw) < HEAD_BYTES)
        return false;
    memcpy(&bytes, raw, sizeof(bytes));
    bytes.text[SIM_TOKEN_TEXT_SIZE - 1] = '\0';
    if (check_of(&bytes, subject) != bytes.check || bytes.expires_ms < now_ms)
        return false;
    memcpy(text, bytes.text, SIM_TOKEN_TEXT_SIZE);
    return true;
}
