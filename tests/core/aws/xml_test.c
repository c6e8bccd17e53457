#include "core/aws/xml.h"

#include <string.h>

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

static void parse(struct xml *xml, const char *text)
{
    struct error err = {0};
    cr_assert_eq(xml_parse(xml, text, strlen(text), &err), ERR_NONE, "%s", err.message);
}

Test(xml, reads_by_local_name)
{
    CLEANUP_XML struct xml xml = {0};
    parse(&xml,
          "<?xml version=\"1.0\"?><e:R xmlns:e=\"urn:x\"><!-- no --><e:id a=\"1\">v&lt;1</e:id>"
          "<set><item><k>a</k></item> <item><k><![CDATA[b & c]]></k></item></set><none/></e:R>");
    cr_expect_str_eq(xml_name(&xml, 0), "R");
    cr_expect_str_eq(xml_text(&xml, 0, "id"), "v<1");
    cr_expect_str_eq(xml_text(&xml, 0, "none"), "");
    cr_expect_str_eq(xml_text(&xml, 0, "absent"), "");
    int item = xml_first(&xml, xml_child(&xml, 0, "set"));
    cr_expect_str_eq(xml_text(&xml, item, "k"), "a");
    item = xml_next(&xml, item);
    cr_expect_str_eq(xml_text(&xml, item, "k"), "b & c");
    cr_expect_eq(xml_next(&xml, item), XML_NONE);
    cr_expect_eq(xml_child(&xml, XML_NONE, "k"), XML_NONE);
}

Test(xml, keeps_text_of_its_own_element)
{
    CLEANUP_XML struct xml xml = {0};
    parse(&xml, "<r>before<a>x</a>after<b></b></r>");
    cr_expect_str_eq(xml_text(&xml, 0, "a"), "x");
    cr_expect_str_eq(xml_text(&xml, 0, "b"), "");
}

Test(xml, typed_getters)
{
    CLEANUP_XML struct xml xml = {0};
    struct error err = {0};
    int64_t value = 0;
    char text[4];
    parse(&xml,
          "<r><n>214748364800</n><bad>12x</bad><huge>99999999999999999999</huge><yes>true</yes>"
          "<t>2026-08-07T10:41:12.345Z</t><notime>soon</notime><word>four</word></r>");

    cr_expect_eq(xml_int64(&xml, 0, "n", -1, &value, &err), ERR_NONE);
    cr_expect_eq(value, INT64_C(214748364800));
    cr_expect_eq(xml_int64(&xml, 0, "absent", -1, &value, &err), ERR_NONE);
    cr_expect_eq(value, -1);
    cr_expect_eq(xml_int64(&xml, 0, "bad", 0, &value, &err), ERR_PROTOCOL);
    cr_expect_eq(xml_int64(&xml, 0, "huge", 0, &value, &err), ERR_PROTOCOL);
    cr_expect_eq(xml_instant(&xml, 0, "t", &value, &err), ERR_NONE);
    cr_expect_eq(value, INT64_C(1786099272345));
    cr_expect_eq(xml_instant(&xml, 0, "notime", &value, &err), ERR_PROTOCOL);
    cr_expect(xml_bool(&xml, 0, "yes"));
    cr_expect_not(xml_bool(&xml, 0, "n"));
    cr_expect_eq(xml_copy(&xml, 0, "word", text, sizeof(text), &err), ERR_PROTOCOL);
}

struct bad_case {
    char why[32];
    char text[128];
};

ParameterizedTestParameters(xml, refuses)
{
    static struct bad_case cases[] = {
        {"nothing", ""},
        {"text only", "hello"},
        {"not closed", "<a><b></b>"},
        {"crossed", "<a><b></a></b>"},
        {"two roots", "<a/><b/>"},
        {"entity", "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>"},
        {"empty document type", "<!DOCTYPE a><a/>"},
        {"external entity", "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"},
        {"undeclared entity", "<a>&x;</a>"},
        {"HTML", "<html><body><p>502</body></html>"},
    };
    return cr_make_param_array(struct bad_case, cases, sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct bad_case *c, xml, refuses)
{
    CLEANUP_XML struct xml xml = {0};
    struct error err = {0};
    cr_assert_eq(xml_parse(&xml, c->text, strlen(c->text), &err), ERR_PROTOCOL, "%s", c->why);
}

Test(xml, refuses_deep_nesting)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 4096};
    CLEANUP_XML struct xml xml = {0};
    struct error err = {0};
    for (int i = 0; i < 33; i++)
        strbuf_puts(&text, "<a>");
    for (int i = 0; i < 33; i++)
        strbuf_puts(&text, "</a>");
    cr_expect_eq(xml_parse(&xml, text.text, text.length, &err), ERR_PROTOCOL);
}
