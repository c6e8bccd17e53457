/* fuzz_ec2_xml.c: any bytes as an answer of EC2: parsed or refused, never more. */
#include <stddef.h>
#include <stdint.h>

#include "core/aws/cloudwatch.h"
#include "core/aws/ec2_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP_XML struct xml xml = {0};
    CLEANUP_CLOUD_SNAPSHOTS struct cloud_snapshots snapshots = {0};
    CLEANUP_CLOUD_VOLUMES struct cloud_volumes volumes = {0};
    CLEANUP_CLOUD_METRIC struct cloud_metric metric = {0};
    struct cloud_instance instance = {0};
    struct error err = {0};
    if (xml_parse(&xml, (const char *)data, size, &err) != ERR_NONE)
        return 0;
    /* Whether each of them accepts the document does not matter here. */
    int set = xml_first(&xml, 0);
    (void)!ec2_parse_snapshots(&xml, set, &snapshots, &err);
    (void)!ec2_parse_volumes(&xml, set, &volumes, &err);
    (void)!ec2_parse_instance(&xml, 0, &instance, &err);
    (void)!cloudwatch_parse(&xml, &metric, &err);
    return 0;
}
