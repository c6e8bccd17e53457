/* scripted_server.h: a loopback HTTP server in a child process that answers requests from a script.
 *
 * Shows on demand what a simulator does not: lost answers, dead kept connections, silence. Counts
 * the requests it has read. */
#ifndef TESTS_CORE_AWS_SCRIPTED_SERVER_H
#define TESTS_CORE_AWS_SCRIPTED_SERVER_H

#include <sys/types.h>

#define NO_ANSWER 1 /* read the request, then close */
#define SILENCE   2 /* read the request, say nothing */
#define HALF      3 /* promise twice the body, send it, then close */
#define DRIP      4 /* send the head, then a byte of the body each 20 ms without an end */
#define RESET     5 /* read the request, send the head, reset the connection */
#define BARE      6 /* send head and body as they are, then close */
#define MAX_STEPS 6
#define OK200     "HTTP/1.1 200 OK\r\n"

/* One answer, in the order of requests over all connections. Requests beyond the script get 599. */
struct step {
    const char *head; /* status line and headers without Content-Length */
    const char *body;
    int how; /* 0 or one of the above; the first two need no head */
};

struct server {
    pid_t pid;
    int report;
    char url[64];
};

/* Starts a server for a script of MAX_STEPS steps, which it copies. Ends the program on failure. */
struct server server_start(const struct step *steps);

/* Ends the server and returns how many requests it has read. */
int server_stop(const struct server *server);

#endif
