#include "core/aws/ec2_query.h"

#include <string.h>

#include <criterion/criterion.h>

#include "core/aws/cloudwatch.h"

static void expect_form(struct form *form, const char *want)
{
    struct error err = {0};
    cr_assert_eq(form_check(form, &err), ERR_NONE);
    cr_expect_str_eq(strbuf_text(&form->text), want);
}

Test(form, lists_and_filters)
{
    CLEANUP_FORM struct form form;
    form_init(&form, ENDPOINT_EC2, "DescribeSnapshots");
    form_add_item(&form, "Owner", 1, "self");
    form_add_filter(&form, "volume-id", "vol-0aaa");
    form_add_tag_filter(&form, "op id", "a*b?\\c");
    form_add_tag_filter(&form, "run", NULL);
    form_add_int(&form, "MaxResults", 1000);
    form_add_given(&form, "NextToken", "");
    form_add_given(&form, "NextToken", NULL);
    expect_form(&form, "Action=DescribeSnapshots&Version=2016-11-15&Owner.1=self"
                       "&Filter.1.Name=volume-id&Filter.1.Value.1=vol-0aaa"
                       "&Filter.2.Name=tag%3Aop%20id&Filter.2.Value.1=a%5C%2Ab%5C%3F%5C%5Cc"
                       "&Filter.3.Name=tag-key&Filter.3.Value.1=run&MaxResults=1000");
}

Test(form, tags_at_creation)
{
    CLEANUP_FORM struct form form;
    CLEANUP_CLOUD_TAGS struct cloud_tags tags = {0};
    struct error err = {0};
    form_init(&form, ENDPOINT_STS, "X");
    form_add_tag_specification(&form, "snapshot", &tags);
    form_add_tag_specification(&form, "snapshot", NULL);
    cr_assert_eq(cloud_tags_set(&tags, "op-id", "run-42", &err), ERR_NONE);
    cr_assert_eq(cloud_tags_set(&tags, "k", "", &err), ERR_NONE);
    form_add_tag_specification(&form, "snapshot", &tags);
    form_add_tags(&form, &tags);
    expect_form(&form, "Action=X&Version=2011-06-15&TagSpecification.1.ResourceType=snapshot"
                       "&TagSpecification.1.Tag.1.Key=op-id&TagSpecification.1.Tag.1.Value=run-42"
                       "&TagSpecification.1.Tag.2.Key=k&TagSpecification.1.Tag.2.Value="
                       "&Tag.1.Key=op-id&Tag.1.Value=run-42&Tag.2.Key=k&Tag.2.Value=");
}

static enum error_code parse_metric(const char *results, struct cloud_metric *metric)
{
    CLEANUP_STRBUF struct strbuf text = {.max_bytes = 4096};
    CLEANUP_XML struct xml xml = {0};
    struct error err = {0};
    strbuf_printf(
        &text,
        "<GetMetricDataResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"
        "<GetMetricDataResult><MetricDataResults>%s</MetricDataResults><Messages/>"
        "</GetMetricDataResult></GetMetricDataResponse>",
        results);
    cr_assert_eq(xml_parse(&xml, text.text, text.length, &err), ERR_NONE);
    return cloudwatch_parse(&xml, metric, &err);
}

Test(cloudwatch, values_in_e_notation)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    cr_assert_eq(parse_metric("<member><Id>m</Id><Timestamps><member>2026-08-07T10:00:00Z</member>"
                              "<member>2026-08-07T10:01:00Z</member></Timestamps><Values><member>"
                              "1.2582912E8</member><member>0</member></Values><StatusCode>Complete"
                              "</StatusCode></member>",
                              &metric),
                 ERR_NONE);
    cr_assert_eq(metric.count, 2);
    cr_expect_eq(metric.points[0].start_ms, INT64_C(1786096800000));
    cr_expect_float_eq(metric.points[0].sum, 125829120.0, 1e-3);
    cr_expect_eq(metric.points[1].start_ms, INT64_C(1786096860000));
}

Test(cloudwatch, empty_and_bad)
{
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    cr_expect_eq(parse_metric("<member><Timestamps/><Values/></member>", &metric), ERR_NONE);
    cr_expect_eq(parse_metric("", &metric), ERR_NONE);
    cr_expect_eq(metric.count, 0);
    cr_expect_eq(parse_metric("<member><StatusCode>Forbidden</StatusCode></member>", &metric),
                 ERR_ACCESS);
    cr_expect_eq(parse_metric("<member><StatusCode>InternalError</StatusCode></member>", &metric),
                 ERR_TRANSIENT);
    cr_expect_eq(parse_metric("<member><Timestamps><member>2026-08-07T10:00:00Z</member>"
                              "</Timestamps><Values/></member>",
                              &metric),
                 ERR_PROTOCOL);
    cr_expect_eq(parse_metric("<member><Timestamps><member>2026-08-07T10:00:00Z</member>"
                              "</Timestamps><Values><member>lots</member></Values></member>",
                              &metric),
                 ERR_PROTOCOL);
}
