/* cloudsim.c: the simulator's program: arguments, signals, and the pieces put together. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/instant.h"
#include "tests/sim/fault.h"
#include "tests/sim/pool.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_http.h"
#include "tests/sim/world.h"
#include "tests/sim/world_quota.h"

#define PATH_SIZE        4300
#define ROUND_MS         100 /* real time between two rounds of housekeeping */
#define CHECKPOINT_EVERY 50  /* rounds */
#define FAULTS_MAX       32
#define ENV_WAIT_MS      10000
#define ENV_POLL_MS      100

static const char usage[] =
    "usage: cloudsim --listen 127.0.0.1:PORT --state DIR [--time-scale X] [--seed N]\n"
    "                [--world empty|seeded] [--start INSTANT] [--fault FAULT]...\n"
    "                [--quota REGION:CODE=VALUE]...\n"
    "                [--run-commands]         SSM runs commands, on this machine, as you\n"
    "       cloudsim env --state DIR          print shell lines for a client\n"
    "       cloudsim fault --state DIR FAULT  arm a fault in the running server\n"
    "       cloudsim clean --state DIR        remove what a killed server left behind\n"
    "FAULT is NAME[:Action][@N][xC], or a sentence: at 3rd CopySnapshot: WORDS;\n"
    "from 1st call for 10 minutes: WORDS 90 % of calls; @FILE reads a script.\n";

static void print_usage(void)
{
    (void)fputs(usage, stderr);
    for (int i = 0; i < FAULT_COUNT; i++) {
        (void)fprintf(stderr, "  %-18s%s\n", fault_name((enum fault_effect)i),
                      fault_words((enum fault_effect)i));
    }
}

struct arguments {
    const char *listen;
    const char *state_dir;
    double time_scale;
    uint64_t seed;
    bool seeded;
    int64_t start_ms; /* of a new world; 0: the present */
    const char *faults[FAULTS_MAX];
    size_t fault_count;
    const char *quotas[FAULTS_MAX];
    size_t quota_count;
    uint16_t port;
    bool runs_commands;
};

/* Everything that runs, in the order of its making. */
struct server {
    struct arguments arguments;
    char dir[PATH_SIZE];
    struct sim_clock *clock;
    struct world *world;
    struct clock real;
    struct sim_door door;
    char commands[PATH_SIZE + 16];
    struct sim_http *http;
};

static int fail(const struct error *err)
{
    (void)fprintf(stderr, "cloudsim: %s\n", err->message);
    return 1;
}

static bool parse_number(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number > 0 && *number <= 1e6;
}

static bool parse_listen(struct arguments *arguments, const char *text)
{
    static const char loopback[] = "127.0.0.1:";
    char *end;
    if (strncmp(text, loopback, strlen(loopback)) != 0)
        return false;
    const char *digits = text + strlen(loopback);
    unsigned long port = strtoul(digits, &end, 10);
    arguments->listen = text;
    arguments->port = (uint16_t)port;
    return end != digits && *end == '\0' && port <= 65535;
}

static bool parse_seed(struct arguments *arguments, const char *text)
{
    char *end;
    arguments->seed = strtoull(text, &end, 10);
    return end != text && *end == '\0';
}

static bool parse_world(struct arguments *arguments, const char *text)
{
    arguments->seeded = strcmp(text, "seeded") == 0;
    return arguments->seeded || strcmp(text, "empty") == 0;
}

static bool take_fault(struct arguments *arguments, const char *spec)
{
    if (arguments->fault_count == FAULTS_MAX)
        return false;
    arguments->faults[arguments->fault_count++] = spec;
    return true;
}

static bool take_quota(struct arguments *arguments, const char *words)
{
    if (arguments->quota_count == FAULTS_MAX)
        return false;
    arguments->quotas[arguments->quota_count++] = words;
    return true;
}

static bool take_option(struct arguments *arguments, int option, const char *value)
{
    switch (option) {
    case 'l':
        return parse_listen(arguments, value);
    case 's':
        arguments->state_dir = value;
        return true;
    case 't':
        return parse_number(value, &arguments->time_scale);
    case 'n':
        return parse_seed(arguments, value);
    case 'w':
        return parse_world(arguments, value);
    case 'a':
        return instant_parse(value, &arguments->start_ms, NULL) == ERR_NONE;
    case 'f':
        return take_fault(arguments, value);
    case 'q':
        return take_quota(arguments, value);
    case 'c':
        arguments->runs_commands = true;
        return true;
    default:
        return false;
    }
}

static bool parse_arguments(int argc, char **argv, struct arguments *arguments)
{
    static const struct option options[] = {
        {"listen", required_argument, NULL, 'l'},     {"state", required_argument, NULL, 's'},
        {"time-scale", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 'n'},
        {"world", required_argument, NULL, 'w'},      {"start", required_argument, NULL, 'a'},
        {"fault", required_argument, NULL, 'f'},      {"quota", required_argument, NULL, 'q'},
        {"run-commands", no_argument, NULL, 'c'},     {NULL, 0, NULL, 0},
    };
    int option;
    *arguments = (struct arguments){.time_scale = 1, .seed = 1};
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!take_option(arguments, option, optarg))
            return false;
    }
    return arguments->state_dir != NULL;
}

static int64_t real_now_ms(void *self)
{
    struct timespec now;
    (void)self;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * MS_PER_SECOND + now.tv_nsec / 1000000;
}

static int64_t simulated_now_ms(void *clock)
{
    return sim_clock_now_ms(clock);
}

static enum error_code write_text(const struct server *server, const char *name, const char *text,
                                  struct error *err)
{
    char path[PATH_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/%s", server->dir, name);
    (void)unlink(path);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return error_set(err, ERR_SYSTEM, "cannot write '%s': %s", path, strerrordesc_np(errno));
    ssize_t written = write(file, text, strlen(text));
    (void)close(file);
    if (written != (ssize_t)strlen(text))
        return error_set(err, ERR_SYSTEM, "cannot write '%s'", path);
    return ERR_NONE;
}

/* The client's environment is kept as a file, so that `cloudsim env` needs no running server. */
static enum error_code write_env(struct server *server, struct error *err)
{
    struct world_names names;
    char text[3 * PATH_SIZE];
    char web_token[SIM_WEB_TOKEN_SIZE];
    world_names(server->world, &names);
    world_web_token(server->world, web_token);
    (void)snprintf(text, sizeof(text),
                   "export AWS_ENDPOINT_URL=http://127.0.0.1:%u\n"
                   "export AWS_ACCESS_KEY_ID=%s\n"
                   "export AWS_SECRET_ACCESS_KEY='%s'\n"
                   "export AWS_REGION=us-east-1\n"
                   "export AWS_DEFAULT_REGION=us-east-1\n"
                   "export CLOUDSIM_B_KEY=%s\n"
                   "export CLOUDSIM_B_SECRET='%s'\n"
                   "export CLOUDSIM_ROLE_B=%s\n"
                   "export CLOUDSIM_WEB_ROLE=%s\n"
                   "export CLOUDSIM_WEB_TOKEN=%s\n"
                   "export CLOUDSIM_ROLE_B_EXTERNAL=%s\n"
                   "export CLOUDSIM_EXTERNAL_ID=%s\n"
                   "export CLOUDSIM_INSTANCE=%s\n"
                   "export CLOUDSIM_TARGET_INSTANCE=%s\n"
                   "export CLOUDSIM_B_INSTANCE=%s\n"
                   "export CLOUDSIM_B_TARGET_INSTANCE=%s\n"
                   "export CLOUDSIM_VOLUME='%s'\n"
                   "export EBSHIFT_DEVICE_DIR='%s/by-id'\n"
                   "export EBSHIFT_CLOCK='%s/clock.sock'\n",
                   sim_http_port(server->http), names.key_a->access_key, names.key_a->secret,
                   names.key_b->access_key, names.key_b->secret, names.role_b, world_web_role,
                   web_token, names.role_b_external, names.external_id, names.instance,
                   names.target_instance, names.instance_b, names.target_instance_b, names.volumes,
                   server->dir, server->dir);
    return write_text(server, "env", text, err);
}

/* Time goes on where a stored world stopped; a new one begins where asked, or in the present. */
static enum error_code start_clock(struct server *server, struct error *err)
{
    int64_t start_ms =
        server->arguments.start_ms > 0 ? server->arguments.start_ms : real_now_ms(NULL);
    enum error_code code = world_stored_now_ms(server->arguments.state_dir, &start_ms, err);
    if (code != ERR_NONE && code != ERR_NOT_FOUND)
        return code;
    return sim_clock_new(&server->clock, start_ms, server->arguments.time_scale, err);
}

/* A fault, or a script of them in a file. */
static enum error_code arm_or_read(struct world *world, const char *text, struct error *err)
{
    char script[16384];
    if (text[0] != '@')
        return world_arm_fault(world, text, err);
    FILE *file = fopen(text + 1, "re");
    if (file == NULL)
        return error_set(err, ERR_SYSTEM, "cannot read '%s'", text + 1);
    script[fread(script, 1, sizeof(script) - 1, file)] = '\0';
    (void)fclose(file);
    return world_arm_fault(world, script, err);
}

static enum error_code start_world(struct server *server, struct error *err)
{
    const struct arguments *arguments = &server->arguments;
    struct world_options options = {
        .state_dir = arguments->state_dir,
        .seed = arguments->seed,
        .seeded = arguments->seeded,
        .time = {simulated_now_ms, server->clock},
    };
    TRY(world_open(&server->world, &options, err));
    for (size_t i = 0; i < arguments->fault_count; i++)
        TRY(arm_or_read(server->world, arguments->faults[i], err));
    for (size_t i = 0; i < arguments->quota_count; i++)
        TRY(world_quota_arm(server->world, arguments->quotas[i], err));
    return ERR_NONE;
}

/* A restart listens where it listened before, unless a port was asked for. */
static uint16_t remembered_port(const struct server *server)
{
    char path[PATH_SIZE + 32];
    char line[128];
    unsigned long port = 0;
    (void)snprintf(path, sizeof(path), "%s/env", server->dir);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(line, sizeof(line), file) != NULL && strrchr(line, ':') != NULL)
        port = strtoul(strrchr(line, ':') + 1, NULL, 10);
    (void)fclose(file);
    return port > 65535 ? 0 : (uint16_t)port;
}

static enum error_code start_http(struct server *server, struct error *err)
{
    uint16_t port = server->arguments.port;
    server->real = (struct clock){.now_ms = real_now_ms};
    server->door = (struct sim_door){.world = server->world, .real = &server->real};
    if (server->arguments.runs_commands) {
        (void)snprintf(server->commands, sizeof(server->commands), "%s/commands", server->dir);
        if (mkdir(server->commands, 0700) != 0 && errno != EEXIST)
            return error_set(err, ERR_SYSTEM, "cannot create '%s'", server->commands);
        server->door.command_dir = server->commands;
    }
    if (port == 0 && remembered_port(server) != 0 &&
        sim_http_open(remembered_port(server), sim_door_answer, &server->door, &server->http,
                      err) == ERR_NONE)
        return ERR_NONE;
    return sim_http_open(port, sim_door_answer, &server->door, &server->http, err);
}

static enum error_code start(struct server *server, struct error *err)
{
    char text[PATH_SIZE + 32];
    if (mkdir(server->arguments.state_dir, 0700) != 0 && errno != EEXIST) {
        return error_set(err, ERR_SYSTEM, "cannot create '%s': %s", server->arguments.state_dir,
                         strerrordesc_np(errno));
    }
    if (realpath(server->arguments.state_dir, server->dir) == NULL)
        return error_set(err, ERR_SYSTEM, "cannot find '%s'", server->arguments.state_dir);
    TRY(start_clock(server, err));
    TRY(start_world(server, err));
    TRY(start_http(server, err));
    (void)snprintf(text, sizeof(text), "%s/clock.sock", server->dir);
    TRY(sim_clock_serve(server->clock, text, err));
    TRY(write_env(server, err));
    (void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    return write_text(server, "cloudsim.pid", text, err);
}

static void stop(struct server *server)
{
    char path[PATH_SIZE + 32];
    sim_http_close(server->http);
    world_close(server->world);
    sim_clock_free(server->clock);
    (void)snprintf(path, sizeof(path), "%s/cloudsim.pid", server->dir);
    (void)unlink(path);
}

/* Until a signal asks to stop. */
static void keep_house(struct server *server, const sigset_t *stop_signals)
{
    struct timespec round = {.tv_nsec = ROUND_MS * 1000000L};
    for (int count = 1; sigtimedwait(stop_signals, NULL, &round) < 0; count++) {
        world_lock(server->world);
        world_advance(server->world);
        if (count % CHECKPOINT_EVERY == 0)
            world_checkpoint(server->world);
        world_unlock(server->world);
    }
}

static int serve(const struct arguments *arguments)
{
    struct server server = {.arguments = *arguments};
    struct error err;
    sigset_t stop_signals;
    (void)sigemptyset(&stop_signals);
    (void)sigaddset(&stop_signals, SIGTERM);
    (void)sigaddset(&stop_signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop_signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);

    int status = 0;
    if (start(&server, &err) != ERR_NONE) {
        status = fail(&err);
    } else {
        (void)printf("cloudsim: listening on http://127.0.0.1:%u\n", sim_http_port(server.http));
        (void)fflush(stdout);
        keep_house(&server, &stop_signals);
    }
    stop(&server);
    return status;
}

/* Whoever starts a server in the background asks at once for its environment, and a seeded world
 * takes its time: waits for the first line. NULL after ENV_WAIT_MS. */
static FILE *open_env(const char *path, char *line, int size)
{
    const struct timespec pause = {.tv_nsec = ENV_POLL_MS * 1000000L};
    for (int waited_ms = 0; waited_ms < ENV_WAIT_MS; waited_ms += ENV_POLL_MS) {
        FILE *file = fopen(path, "re");
        if (file != NULL && fgets(line, size, file) != NULL)
            return file;
        if (file != NULL)
            (void)fclose(file);
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return NULL;
}

static int print_env(const struct arguments *arguments)
{
    char path[PATH_SIZE];
    char line[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/env", arguments->state_dir);
    FILE *file = open_env(path, line, sizeof(line));
    if (file == NULL) {
        (void)fprintf(stderr, "cloudsim: no server has run on '%s'\n", arguments->state_dir);
        return 1;
    }
    do {
        (void)fputs(line, stdout);
    } while (fgets(line, sizeof(line), file) != NULL);
    (void)fclose(file);
    return 0;
}

/* Handed over as a file that the server takes at its next request or round. */
static int arm_fault(const struct arguments *arguments, const char *spec)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/faults", arguments->state_dir);
    FILE *file = spec == NULL ? NULL : fopen(path, "ae");
    if (file == NULL) {
        (void)fprintf(stderr, "cloudsim: cannot arm a fault in '%s'\n", arguments->state_dir);
        return 1;
    }
    (void)fprintf(file, "%s\n", spec);
    return fclose(file) == 0 ? 0 : 1;
}

static int clean(const struct arguments *arguments)
{
    struct error err;
    return pool_clean(arguments->state_dir, &err) == ERR_NONE ? 0 : fail(&err);
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    const char *verb = argc > 1 && argv[1][0] != '-' ? argv[1] : "serve";
    bool good = parse_arguments(argc, argv, &arguments);
    if (good && strcmp(verb, "env") == 0)
        return print_env(&arguments);
    if (good && strcmp(verb, "clean") == 0)
        return clean(&arguments);
    if (good && strcmp(verb, "fault") == 0 && optind + 1 < argc)
        return arm_fault(&arguments, argv[argc - 1]);
    if (good && strcmp(verb, "serve") == 0 && arguments.listen != NULL)
        return serve(&arguments);
    print_usage();
    return 2;
}
