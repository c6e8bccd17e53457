/* sim_http.h: the HTTP server of cloudsim, on libmicrohttpd, loopback only.
 *
 * One internal thread takes one request at a time; persistent connections. It knows nothing of AWS:
 * every complete request goes to one callback. */
#ifndef TESTS_SIM_SIM_HTTP_H
#define TESTS_SIM_SIM_HTTP_H

#include <stdint.h>

#include "model/error.h"
#include "tests/sim/sim_request.h"

/* Answers one request. `reply` comes zeroed but for the body's maximum. */
typedef void sim_http_answer(void *self, const struct sim_request *request,
                             struct sim_reply *reply);

struct sim_http; /* a running server */

/* Listens on 127.0.0.1 (port 0: any free one) and calls answer(self, ...) on its own thread.
 * Errors: ERR_SYSTEM if the port cannot be had; ERR_NO_MEMORY. */
MUST_CHECK enum error_code sim_http_open(uint16_t port, sim_http_answer *answer, void *self,
                                         struct sim_http **http, struct error *err);

/* The port it listens on. */
uint16_t sim_http_port(const struct sim_http *http);

/* Ends open connections, stops the thread and frees the server. Accepts NULL. */
void sim_http_close(struct sim_http *http);

#endif
