#include "core/host/words.h"

#include <stdbool.h>
#include <string.h>

static const char plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/:,+@-";
static const char digits[] = "0123456789ABCDEF";

void words_add(struct strbuf *line, const char *word)
{
    if (line->length > 0)
        strbuf_puts(line, " ");
    if (word[0] == '\0')
        strbuf_puts(line, "%");
    for (const char *at = word; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        const char coded[] = {'%', digits[byte >> 4], digits[byte & 15]};
        if (strchr(plain, *at) != NULL) {
            strbuf_add(line, at, 1);
        } else {
            strbuf_add(line, coded, sizeof(coded));
        }
    }
}

static int value_of(char digit)
{
    const char *at = digit == '\0' ? NULL : strchr(digits, digit);
    return at == NULL ? -1 : (int)(at - digits);
}

/* Decodes a word onto itself: it never grows. */
static bool decode(char *word)
{
    char *to = word;
    if (strcmp(word, "%") == 0)
        *word = '\0';
    for (const char *from = word; *from != '\0'; from++) {
        if (*from != '%') {
            *to++ = *from;
            continue;
        }
        int high = value_of(from[1]);
        int low = high < 0 ? -1 : value_of(from[2]);
        if (low < 0 || high * 16 + low == 0)
            return false;
        *to++ = (char)(high * 16 + low);
        from += 2;
    }
    *to = '\0';
    return true;
}

enum error_code words_split(char *line, const char *words[WORDS_MAX], size_t *count,
                            struct error *err)
{
    size_t found = 0;
    char *rest = line;
    while (rest != NULL) {
        char *word = rest;
        rest = strchr(rest, ' ');
        if (rest != NULL)
            *rest++ = '\0';
        if (found == WORDS_MAX || word[0] == '\0' || !decode(word))
            return error_set(err, ERR_PROTOCOL, "cannot read word %zu of a line", found + 1);
        words[found++] = word;
    }
    *count = found;
    return ERR_NONE;
}
