/* credential_document.h: the JSON in which programs, containers and instances hand out keys.
 *
 * They differ in one name: a program says "SessionToken", the two services say "Token". */
#ifndef CORE_AWS_CREDENTIAL_DOCUMENT_H
#define CORE_AWS_CREDENTIAL_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/aws/credentials.h"
#include "model/error.h"

/* What a kind of document must look like. */
struct credential_document {
    const char *text; /* borrowed */
    size_t length;
    const char *token_name;
    bool has_version; /* "Version" must be 1 */
    bool has_code;    /* "Code" must be "Success" where it is given */
};

/* Reads the keys; without "Expiration" they never end.
 * Errors: ERR_PROTOCOL if it is no such document, never with a word of it; ERR_ACCESS if it says
 * that there are no keys. */
MUST_CHECK enum error_code credential_document_read(const struct credential_document *document,
                                                    struct credentials *keys, struct error *err);

#endif
