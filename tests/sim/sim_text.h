/* sim_text.h: percent encoding, as URLs and forms use it.
 *
 * Byte-level only; what the texts mean is the callers' business. */
#ifndef TESTS_SIM_SIM_TEXT_H
#define TESTS_SIM_SIM_TEXT_H

#include <stddef.h>

#include "model/strbuf.h"

/* How '+' reads: in a form body it is a space, in a URL it is itself. */
enum sim_text_plus { SIM_TEXT_URL, SIM_TEXT_FORM };

/* Decodes percent signs into a new string, or NULL if malformed, if it holds a NUL byte, or if
 * memory is short. Owns: the caller frees it. */
char *sim_text_decode(const char *text, size_t length, enum sim_text_plus plus);

/* Appends with everything but A-Z a-z 0-9 - . _ ~ percent-encoded, upper-case hex. */
void sim_text_encode(struct strbuf *out, const char *text, size_t length);

#endif
