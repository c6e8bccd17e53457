/* sim_token.h: opaque tokens of the wire (pages, block tokens) that check themselves.
 *
 * A token carries a short text, holds for one subject until an instant, and differs each time it is
 * made. Its check value guards against mistakes, not against forgers: a listing needs twenty
 * thousand of them quickly, and nothing here is secret. Tokens outlive a restart. */
#ifndef TESTS_SIM_SIM_TOKEN_H
#define TESTS_SIM_SIM_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_TOKEN_TEXT_SIZE 96  /* the carried text with its NUL */
#define SIM_TOKEN_SIZE      164 /* base64 of everything, with its NUL */

/* Writes a token for `subject` that carries `text` until expires_ms (simulated). `nonce` makes two
 * tokens for the same differ. */
void sim_token_make(const char *subject, const char *text, int64_t expires_ms, uint64_t nonce,
                    char token[SIM_TOKEN_SIZE]);

/* Reads a token back; false if it was not made for `subject`, is damaged or expired. */
bool sim_token_read(const char *subject, const char *token, int64_t now_ms,
                    char text[SIM_TOKEN_TEXT_SIZE]);

#endif
