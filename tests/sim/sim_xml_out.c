#include "tests/sim/sim_xml_out.h"

#include <inttypes.h>

#include "model/instant.h"

void sim_xml_open(struct strbuf *out, const char *name)
{
    strbuf_printf(out, "<%s>", name);
}

void sim_xml_close(struct strbuf *out, const char *name)
{
    strbuf_printf(out, "</%s>", name);
}

static void add_escaped(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '&') {
            strbuf_puts(out, "&amp;");
        } else if (*text == '<') {
            strbuf_puts(out, "&lt;");
        } else if (*text == '>') {
            strbuf_puts(out, "&gt;");
        } else if (*text == '"') {
            strbuf_puts(out, "&quot;");
        } else {
            strbuf_add(out, text, 1);
        }
    }
}

void sim_xml_text(struct strbuf *out, const char *name, const char *text)
{
    if (*text == '\0') {
        strbuf_printf(out, "<%s/>", name);
        return;
    }
    sim_xml_open(out, name);
    add_escaped(out, text);
    sim_xml_close(out, name);
}

void sim_xml_text_if(struct strbuf *out, const char *name, const char *text)
{
    if (*text != '\0')
        sim_xml_text(out, name, text);
}

void sim_xml_int(struct strbuf *out, const char *name, int64_t value)
{
    strbuf_printf(out, "<%s>%" PRId64 "</%s>", name, value, name);
}

void sim_xml_bool(struct strbuf *out, const char *name, bool value)
{
    sim_xml_text(out, name, value ? "true" : "false");
}

void sim_xml_time(struct strbuf *out, const char *name, int64_t instant_ms)
{
    struct civil at = instant_to_civil(instant_ms);
    strbuf_printf(out, "<%s>%04d-%02d-%02dT%02d:%02d:%02d.%03dZ</%s>", name, at.year, at.month,
                  at.day, at.hour, at.minute, at.second, (int)(instant_ms % MS_PER_SECOND), name);
}
