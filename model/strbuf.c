#include "model/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void strbuf_done(struct strbuf *buf)
{
    free(buf->text);
    *buf = (struct strbuf){.max_bytes = buf->max_bytes};
}

void strbuf_clear(struct strbuf *buf)
{
    buf->length = 0;
    buf->first_fail = ERR_NONE;
    if (buf->text != NULL)
        buf->text[0] = '\0';
}

static bool grow_to(struct strbuf *buf, size_t length)
{
    if (buf->first_fail != ERR_NONE)
        return false;
    if (length > buf->max_bytes) {
        buf->first_fail = ERR_INVALID;
        return false;
    }
    if (length < buf->room)
        return true;
    size_t room = buf->room < 64 ? 64 : buf->room;
    while (room <= length)
        room *= 2;
    char *text = realloc(buf->text, room);
    if (text == NULL) {
        buf->first_fail = ERR_NO_MEMORY;
        return false;
    }
    buf->text = text;
    buf->room = room;
    return true;
}

void strbuf_reserve(struct strbuf *buf, size_t bytes)
{
    if (grow_to(buf, bytes))
        buf->text[buf->length] = '\0';
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
    if (!grow_to(buf, buf->length + length))
        return;
    if (length > 0)
        memcpy(buf->text + buf->length, bytes, length);
    buf->length += length;
    buf->text[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
    strbuf_add(buf, text, strlen(text));
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !grow_to(buf, buf->length + (size_t)length))
        return;
    va_start(arguments, format);
    (void)vsnprintf(buf->text + buf->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buf->length += (size_t)length;
}

const char *strbuf_text(const struct strbuf *buf)
{
    return buf->text == NULL ? "" : buf->text;
}

enum error_code strbuf_check(const struct strbuf *buf, struct error *err)
{
    if (buf->first_fail == ERR_NO_MEMORY)
        return error_set(err, ERR_NO_MEMORY, "cannot hold a text of %zu bytes", buf->length);
    if (buf->first_fail != ERR_NONE)
        return error_set(err, ERR_INVALID, "text is longer than %zu bytes", buf->max_bytes);
    return ERR_NONE;
}
