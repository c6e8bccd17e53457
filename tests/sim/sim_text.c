#include "tests/sim/sim_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The decoded byte of "%XX" at text, or -1. A NUL byte is refused: it would cut the string. */
static int escaped_byte(const char *text, size_t left)
{
    if (left < 3 || hex_digit(text[1]) < 0 || hex_digit(text[2]) < 0)
        return -1;
    int byte = hex_digit(text[1]) * 16 + hex_digit(text[2]);
    return byte == 0 ? -1 : byte;
}

char *sim_text_decode(const char *text, size_t length, enum sim_text_plus plus)
{
    char *plain = malloc(length + 1);
    size_t used = 0;
    if (plain == NULL)
        return NULL;
    for (size_t i = 0; i < length; i++) {
        int byte = (unsigned char)text[i];
        if (text[i] == '%') {
            byte = escaped_byte(text + i, length - i);
            i += 2;
        } else if (text[i] == '+' && plus == SIM_TEXT_FORM) {
            byte = ' ';
        }
        if (byte < 0) {
            free(plain);
            return NULL;
        }
        plain[used++] = (char)byte;
    }
    plain[used] = '\0';
    return plain;
}

void sim_text_encode(struct strbuf *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 128 && (isalnum(c) || strchr("-._~", c) != NULL)) {
            strbuf_add(out, &text[i], 1);
        } else {
            strbuf_printf(out, "%%%02X", c);
        }
    }
}
