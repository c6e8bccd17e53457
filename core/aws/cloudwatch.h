/* cloudwatch.h: a volume's metrics over time (GetMetricData, in the Query protocol). */
#ifndef CORE_AWS_CLOUDWATCH_H
#define CORE_AWS_CLOUDWATCH_H

#include "core/aws/client.h"
#include "core/cloud.h"
#include "model/error.h"

/* Reads the sums of one metric, ascending by time; periods without data are absent. *metric must be
 * empty. Errors: those of core/cloud.h. */
MUST_CHECK enum error_code cloudwatch_get_metric(struct client *client,
                                                 const struct cloud_metric_request *request,
                                                 struct cloud_metric *metric, struct error *err);

/* Appends the points of one parsed answer to *metric. Errors: ERR_PROTOCOL, ERR_NO_MEMORY. */
struct xml;
MUST_CHECK enum error_code cloudwatch_parse(const struct xml *xml, struct cloud_metric *metric,
                                            struct error *err);

#endif
