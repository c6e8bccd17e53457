/* sim_xml_out.h: writes XML elements into a reply, without blanks between them.
 *
 * Only what the answers need: nested elements, escaped texts, numbers, times. */
#ifndef TESTS_SIM_SIM_XML_OUT_H
#define TESTS_SIM_SIM_XML_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/strbuf.h"

/* Opens and closes an element. */
void sim_xml_open(struct strbuf *out, const char *name);
void sim_xml_close(struct strbuf *out, const char *name);

/* <name>text</name> with the text escaped, or <name/> when it is empty. */
void sim_xml_text(struct strbuf *out, const char *name, const char *text);

/* The same, but nothing at all when the text is empty. */
void sim_xml_text_if(struct strbuf *out, const char *name, const char *text);

/* An integer element. */
void sim_xml_int(struct strbuf *out, const char *name, int64_t value);

/* true or false. */
void sim_xml_bool(struct strbuf *out, const char *name, bool value);

/* "2026-08-07T10:00:00.000Z": always with milliseconds, as EC2 sends them. */
void sim_xml_time(struct strbuf *out, const char *name, int64_t instant_ms);

#endif
