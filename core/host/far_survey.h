/* far_survey.h: survey.h of another machine, whose ebshift-hold is asked over the same wire as for a
 * freeze. */
#ifndef CORE_HOST_FAR_SURVEY_H
#define CORE_HOST_FAR_SURVEY_H

#include "core/host/far.h"
#include "core/host/survey.h"

/* The interface; borrows it. */
struct survey far_survey(struct far *far);

#endif
