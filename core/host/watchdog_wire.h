/* watchdog_wire.h: the words between ebshift and its watchdog process.
 *
 * A SOCK_SEQPACKET pair; each message is one struct below. Known to watchdog.c (the parent's side)
 * and watchdog_main.c (the process). The watchdog's descriptors: 3 is its end of the pair, 4 and up
 * are the root directories of the mounts, in the order they are frozen. */
#ifndef CORE_HOST_WATCHDOG_WIRE_H
#define CORE_HOST_WATCHDOG_WIRE_H

#include <stdint.h>

enum { WATCHDOG_SOCKET_FD = 3, WATCHDOG_FIRST_MOUNT_FD = 4, WATCHDOG_MOUNTS_MAX = 16 };

enum watchdog_word {
    /* to the parent */
    WATCHDOG_READY = 'r', /* armed: memory locked, signals ignored */
    WATCHDOG_CLEAN = 'c', /* answer to WATCHDOG_DISARM: nothing was thawed by the watchdog */
    WATCHDOG_FIRED = 'f', /* the same, but the limit had passed and the watchdog thawed */
    /* from the parent */
    WATCHDOG_FREEZING =
        'F', /* mount `index` is about to be frozen; the first one starts the limit */
    WATCHDOG_NOT_OURS = 'N', /* freezing mount `index` failed: never thaw it */
    WATCHDOG_DISARM = 'D',   /* everything is thawed: answer and exit */
};

struct watchdog_message {
    uint8_t word;
    uint8_t index;
};

#endif
