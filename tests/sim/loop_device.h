/* loop_device.h: file ranges as block devices of this machine.
 *
 * Knows nothing of volumes. Devices are named by their number N of /dev/loopN. */
#ifndef TESTS_SIM_LOOP_DEVICE_H
#define TESTS_SIM_LOOP_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/error.h"

struct loop_range {
    const char *path; /* absolute, without symbolic links */
    int64_t offset_bytes;
    int64_t size_bytes; /* 0: to the end of the file */
};

/* Makes a device for the range. With autoclear it goes away at the last close; then the result of
 * *held_fd must be kept open until somebody else uses the device. held_fd NULL: no autoclear.
 * Errors: ERR_SYSTEM. */
MUST_CHECK enum error_code loop_attach(const struct loop_range *range, int *number, int *held_fd,
                                       struct error *err);

/* The number of a device that already shows this range, or -1. */
int loop_find(const struct loop_range *range);

/* Detaches the device, or marks it to go at its last close. Harmless if it is gone. */
void loop_detach(int number);

/* True while the device is mounted or held exclusively. */
bool loop_is_busy(int number);

/* Detaches every device whose file lies under the directory. */
void loop_detach_under(const char *directory);

#endif
