/* survey_here.h: survey.h of this machine. */
#ifndef CORE_HOST_SURVEY_HERE_H
#define CORE_HOST_SURVEY_HERE_H

#include "core/host/survey.h"

/* Both borrowed. */
struct survey_here {
    const char *own_path;          /* of ebshift, never on a frozen filesystem; NULL: none */
    const char *scratch_directory; /* where a scratch filesystem may be made */
};

/* The interface; borrows it. */
struct survey survey_here(struct survey_here *here);

#endif
