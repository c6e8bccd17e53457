/* Run Command of SSM: the commands really run, on this machine, for the instances of the world.
 *
 * One folder per command below the door's command folder: `script`, then `pid`, `rc`, `stdout`,
 * `stderr`; `cancelled` if that was asked, `timed-out` if it ran too long.
 * Nothing else is kept. An agent is slow: a command begins after a while, and can be asked for only
 * a moment after it was sent. Without a command folder no instance has an agent. */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "model/instant.h"
#include "tests/sim/sim_door.h"
#include "tests/sim/sim_json.h"

#define TARGET "AmazonSSM."

/* Real time, as the commands are real. Output is cut where the service cuts it. */
enum { HIDDEN_MS = 150, STDOUT_MAX = 24000, STDERR_MAX = 8000, PATH_SIZE = 512, ID_SIZE = 37 };
#define BEGINS_AFTER_S "0.3"

struct ssm_request {
    struct sim_call *call;
    struct json_object *root; /* owned */
};

static void request_done(struct ssm_request *request)
{
    (void)json_object_put(request->root);
}

static bool is_known(const char *const *known, const char *name)
{
    for (size_t i = 0; known[i] != NULL; i++) {
        if (strcmp(known[i], name) == 0)
            return true;
    }
    return false;
}

static bool check_members(struct sim_call *call, struct json_object *object,
                          const char *const *known)
{
    if (!json_object_is_type(object, json_type_object))
        return refuse(&call->refusal, "SerializationException", "Not a JSON object");
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        if (!is_known(known, name))
            return refuse(&call->refusal, "ValidationException", "Unknown parameter '%.80s'", name);
    }
    return true;
}

static bool read_request(struct sim_call *call, const char *const *known,
                         struct ssm_request *request)
{
    request->call = call;
    request->root = json_tokener_parse(call->request->body);
    return check_members(call, request->root, known) && sim_call_ready(call);
}

static const char *text_of(const struct ssm_request *request, const char *name)
{
    struct json_object *value = json_object_object_get(request->root, name);
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* The only item of an array of texts; NULL if it is not that. */
static const char *only_text(struct json_object *array)
{
    if (!json_object_is_type(array, json_type_array) || json_object_array_length(array) != 1)
        return NULL;
    struct json_object *item = json_object_array_get_idx(array, 0);
    return json_object_is_type(item, json_type_string) ? json_object_get_string(item) : NULL;
}

static bool has_agent(struct sim_call *call, const char *instance_id)
{
    size_t cursor = 0;
    const struct sim_instance *instance;
    while ((instance = world_next_instance(call->world, &call->caller, &cursor)) != NULL) {
        if (strcmp(instance->id, instance_id) == 0)
            return call->command_dir != NULL;
    }
    return false;
}

/* ---- SendCommand ---- */

/* The parameter executionTimeout, a list of one number written as text. */
static bool read_limit(struct sim_call *call, struct json_object *parameters, char limit[8])
{
    struct json_object *list = NULL;
    (void)snprintf(limit, 8, "3600");
    if (!json_object_object_get_ex(parameters, "executionTimeout", &list))
        return true;
    const char *text = only_text(list);
    if (text == NULL || text[0] < '1' || text[strspn(text, "0123456789")] != '\0' ||
        strtoll(text, NULL, 10) > 172800)
        return refuse(&call->refusal, "InvalidParameters", "executionTimeout is 1 to 172800");
    (void)snprintf(limit, 8, "%s", text);
    return true;
}

static bool check_document(struct ssm_request *request, const char **command, char limit[8])
{
    static const char *const known[] = {"commands", "workingDirectory", "executionTimeout", NULL};
    struct sim_call *call = request->call;
    struct json_object *parameters = json_object_object_get(request->root, "Parameters");
    struct json_object *timeout = json_object_object_get(request->root, "TimeoutSeconds");
    int64_t seconds = timeout == NULL ? 3600 : json_object_get_int64(timeout);
    if (strcmp(text_of(request, "DocumentName"), "AWS-RunShellScript") != 0)
        return refuse(&call->refusal, "InvalidDocument", "Document does not exist");
    if (seconds < 30 || seconds > 2592000 || strlen(text_of(request, "Comment")) > 100)
        return refuse(&call->refusal, "ValidationException", "1 validation error detected");
    if (parameters == NULL || !check_members(call, parameters, known))
        return refuse(&call->refusal, "InvalidParameters", "Parameters are not those of it");
    *command = only_text(json_object_object_get(parameters, "commands"));
    if (*command == NULL)
        return refuse(&call->refusal, "InvalidParameters", "'commands' must be a list of one here");
    return read_limit(call, parameters, limit);
}

static bool put_file(const char *dir, const char *name, const char *text)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    bool written = file != NULL && fputs(text, file) >= 0;
    return file != NULL && fclose(file) == 0 && written;
}

/* The shell puts the work into the background and ends at once, so that nobody has to wait for it.
 * The folder is an argument, not a part of the program. Who leads the session can be ended with all
 * that it began. */
static bool run_script(const char *dir, const char *limit_s)
{
    static char program[] =
        "cd \"$1\" && (sleep " BEGINS_AFTER_S "; date +%s%3N >began; code=143;"
        " if [ ! -e cancelled ]; then"
        "  setsid sh -c 'echo $$ >pid; exec timeout -k 2 \"$1\" sh ./script' run \"$2\""
        "   >stdout 2>stderr </dev/null; code=$?; fi;"
        " if [ $code -eq 124 ]; then : >timed-out; fi;"
        " echo $code >rc.new; date +%s%3N >ended; mv rc.new rc) >/dev/null 2>&1 </dev/null &";
    char shell[] = "/bin/sh";
    char option[] = "-c";
    char name[] = "agent";
    char folder[PATH_SIZE];
    char limit[8];
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *const argv[] = {shell, option, program, name, folder, limit, NULL};
    char *const envp[] = {path, NULL};
    pid_t pid;
    (void)snprintf(folder, sizeof(folder), "%s", dir);
    (void)snprintf(limit, sizeof(limit), "%s", limit_s);
    return posix_spawn(&pid, shell, NULL, NULL, argv, envp) == 0 && waitpid(pid, NULL, 0) == pid;
}

static bool send_command(struct sim_call *call)
{
    static const char *const known[] = {"InstanceIds",    "DocumentName", "Parameters",
                                        "TimeoutSeconds", "Comment",      NULL};
    CLEANUP(request_done) struct ssm_request request = {0};
    const char *command = NULL;
    char limit[8];
    char hex[33];
    char id[ID_SIZE];
    char dir[PATH_SIZE];
    if (!read_request(call, known, &request) || !check_document(&request, &command, limit))
        return false;
    const char *instance_id = only_text(json_object_object_get(request.root, "InstanceIds"));
    if (instance_id == NULL || !has_agent(call, instance_id)) {
        return refuse(&call->refusal, "InvalidInstanceId",
                      "Instances [[%.40s]] not in a valid state for account %s",
                      instance_id == NULL ? "" : instance_id, call->caller.account);
    }
    world_random_hex(call->world, hex, sizeof(hex));
    (void)snprintf(id, sizeof(id), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                   hex + 20);
    (void)snprintf(dir, sizeof(dir), "%s/%s", call->command_dir, id);
    if (mkdir(dir, 0700) != 0 || !put_file(dir, "script", command) ||
        !put_file(dir, "instance", instance_id) || !run_script(dir, limit))
        return refuse(&call->refusal, "InternalServerError", "cannot run it");
    struct json_object *root = json_object_new_object();
    struct json_object *answer = json_object_new_object();
    sim_json_add_text(answer, "CommandId", id);
    sim_json_add_text(answer, "DocumentName", "AWS-RunShellScript");
    sim_json_add_text(answer, "Comment", text_of(&request, "Comment"));
    sim_json_add_text(answer, "Status", "Pending");
    sim_json_add_text(answer, "StatusDetails", "Pending");
    (void)json_object_object_add(answer, "RequestedDateTime",
                                 json_object_new_double((double)call->real_ms / 1000));
    (void)json_object_object_add(
        answer, "InstanceIds",
        json_object_get(json_object_object_get(request.root, "InstanceIds")));
    (void)json_object_object_add(
        answer, "Parameters", json_object_get(json_object_object_get(request.root, "Parameters")));
    (void)json_object_object_add(answer, "TargetCount", json_object_new_int(1));
    (void)json_object_object_add(root, "Command", answer);
    sim_json_write(call, root);
    return true;
}

/* ---- GetCommandInvocation ---- */

/* The beginning of a file of a command, "" if there is none (yet). */
static void get_file(const char *dir, const char *name, char *text, size_t size)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *file = fopen(path, "re");
    text[0] = '\0';
    if (file == NULL)
        return;
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

static bool is_command_id(const char *id)
{
    return strlen(id) == ID_SIZE - 1 && id[strspn(id, "0123456789abcdef-")] == '\0';
}

/* What is hidden is as if it were not there: so is the service for a moment after each command. */
static bool find_command(struct ssm_request *request, char dir[PATH_SIZE])
{
    struct sim_call *call = request->call;
    const char *id = text_of(request, "CommandId");
    char instance_id[64] = "";
    struct stat made;
    if (!is_command_id(id))
        return refuse(&call->refusal, "InvalidCommandId", "The command id is malformed");
    (void)snprintf(dir, PATH_SIZE, "%s/%s", call->command_dir == NULL ? "" : call->command_dir, id);
    get_file(dir, "instance", instance_id, sizeof(instance_id));
    bool there = call->command_dir != NULL && stat(dir, &made) == 0 &&
                 strcmp(instance_id, text_of(request, "InstanceId")) == 0 &&
                 has_agent(call, instance_id);
    if (there) {
        char path[PATH_SIZE + 16];
        (void)snprintf(path, sizeof(path), "%s/instance", dir);
        (void)stat(path, &made);
        int64_t made_ms = (int64_t)made.st_mtim.tv_sec * 1000 + made.st_mtim.tv_nsec / 1000000;
        there = call->real_ms - made_ms >= HIDDEN_MS;
    }
    return there || refuse(&call->refusal, "InvocationDoesNotExist", "None");
}

static void add_instant(struct json_object *object, const char *name, const char *dir,
                        const char *file)
{
    char ms[32];
    char text[INSTANT_TEXT_SIZE];
    get_file(dir, file, ms, sizeof(ms));
    sim_json_add_text(object, name, ms[0] == '\0' ? "" : instant_text(strtoll(ms, NULL, 10), text));
}

static bool has_file(const char *dir, const char *name)
{
    char path[PATH_SIZE + 16];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return access(path, F_OK) == 0;
}

/* What became of a command that has ended, and in the other column the words of the details. */
static const char *end_of(const char *dir, int code, const char **details)
{
    const char *status = code == 0                    ? "Success"
                         : has_file(dir, "timed-out") ? "TimedOut"
                         : has_file(dir, "cancelled") ? "Cancelled"
                                                      : "Failed";
    *details = strcmp(status, "TimedOut") == 0 ? "ExecutionTimedOut" : status;
    return status;
}

static void add_state(struct json_object *root, const char *dir)
{
    char rc[16];
    int code = -1;
    get_file(dir, "rc", rc, sizeof(rc));
    const char *status = has_file(dir, "cancelled") ? "Cancelling"
                         : has_file(dir, "began")   ? "InProgress"
                                                    : "Pending";
    const char *details = status;
    if (rc[0] != '\0') {
        code = (int)strtol(rc, NULL, 10);
        status = end_of(dir, code, &details);
    }
    (void)json_object_object_add(root, "ResponseCode", json_object_new_int(code));
    sim_json_add_text(root, "Status", status);
    sim_json_add_text(root, "StatusDetails", details);
}

static bool get_command_invocation(struct sim_call *call)
{
    static const char *const known[] = {"CommandId", "InstanceId", "PluginName", NULL};
    CLEANUP(request_done) struct ssm_request request = {0};
    char dir[PATH_SIZE];
    char rc[16];
    char output[STDOUT_MAX + 1] = "";
    char told[STDERR_MAX + 1] = "";
    if (!read_request(call, known, &request) || !find_command(&request, dir))
        return false;
    struct json_object *root = json_object_new_object();
    sim_json_add_text(root, "CommandId", text_of(&request, "CommandId"));
    sim_json_add_text(root, "InstanceId", text_of(&request, "InstanceId"));
    sim_json_add_text(root, "Comment", "");
    sim_json_add_text(root, "DocumentName", "AWS-RunShellScript");
    sim_json_add_text(root, "PluginName", "aws:runShellScript");
    add_state(root, dir);
    add_instant(root, "ExecutionStartDateTime", dir, "began");
    add_instant(root, "ExecutionEndDateTime", dir, "ended");
    sim_json_add_text(root, "ExecutionElapsedTime", "");
    /* The agent sends it when the command has ended. */
    get_file(dir, "rc", rc, sizeof(rc));
    if (rc[0] != '\0') {
        get_file(dir, "stdout", output, sizeof(output));
        get_file(dir, "stderr", told, sizeof(told));
    }
    sim_json_add_text(root, "StandardOutputContent", output);
    sim_json_add_text(root, "StandardOutputUrl", "");
    sim_json_add_text(root, "StandardErrorContent", told);
    sim_json_add_text(root, "StandardErrorUrl", "");
    sim_json_write(call, root);
    return true;
}

/* ---- CancelCommand ---- */

/* One that has not begun never will; one that runs is ended with all that it began. */
static bool cancel_command(struct sim_call *call)
{
    static const char *const known[] = {"CommandId", "InstanceIds", NULL};
    CLEANUP(request_done) struct ssm_request request = {0};
    char dir[PATH_SIZE];
    char pid[16];
    if (!read_request(call, known, &request))
        return false;
    const char *id = text_of(&request, "CommandId");
    (void)snprintf(dir, sizeof(dir), "%s/%s", call->command_dir == NULL ? "" : call->command_dir,
                   id);
    if (!is_command_id(id) || call->command_dir == NULL || !has_file(dir, "script"))
        return refuse(&call->refusal, "InvalidCommandId", "There is no such command");
    if (!has_file(dir, "rc") && put_file(dir, "cancelled", "")) {
        get_file(dir, "pid", pid, sizeof(pid));
        pid_t leader = (pid_t)strtol(pid, NULL, 10);
        if (leader > 1)
            (void)kill(-leader, SIGTERM);
    }
    sim_json_write(call, json_object_new_object());
    return true;
}

/* ---- DescribeInstanceInformation ---- */

/* The values of the filter InstanceIds; NULL without one, and then all instances are meant. */
static bool read_filter(struct ssm_request *request, struct json_object **ids)
{
    static const char *const known[] = {"Key", "Values", NULL};
    struct json_object *list = json_object_object_get(request->root, "Filters");
    struct sim_call *call = request->call;
    *ids = NULL;
    for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
        struct json_object *filter = json_object_array_get_idx(list, i);
        if (!check_members(call, filter, known))
            return false;
        const char *key = json_object_get_string(json_object_object_get(filter, "Key"));
        if (key == NULL || strcmp(key, "InstanceIds") != 0)
            return refuse(&call->refusal, "InvalidInstanceInformationFilterValue",
                          "Only InstanceIds is known here");
        *ids = json_object_object_get(filter, "Values");
    }
    return true;
}

static bool is_asked_for(struct json_object *ids, const char *instance_id)
{
    if (ids == NULL)
        return true;
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        const char *id = json_object_get_string(json_object_array_get_idx(ids, i));
        if (id != NULL && strcmp(id, instance_id) == 0)
            return true;
    }
    return false;
}

static struct json_object *information_of(const struct sim_call *call, const char *instance_id)
{
    struct json_object *item = json_object_new_object();
    sim_json_add_text(item, "InstanceId", instance_id);
    sim_json_add_text(item, "PingStatus", "Online");
    (void)json_object_object_add(item, "LastPingDateTime",
                                 json_object_new_double((double)call->real_ms / 1000));
    sim_json_add_text(item, "AgentVersion", "3.2.582.0");
    (void)json_object_object_add(item, "IsLatestVersion", json_object_new_boolean(1));
    sim_json_add_text(item, "PlatformType", "Linux");
    sim_json_add_text(item, "PlatformName", "Debian GNU/Linux");
    sim_json_add_text(item, "PlatformVersion", "12");
    sim_json_add_text(item, "ResourceType", "EC2Instance");
    return item;
}

/* An instance whose agent never came is not in it. */
static bool describe_instance_information(struct sim_call *call)
{
    static const char *const known[] = {"Filters", "MaxResults", NULL};
    CLEANUP(request_done) struct ssm_request request = {0};
    struct json_object *ids = NULL;
    const struct sim_instance *instance;
    size_t cursor = 0;
    if (!read_request(call, known, &request) || !read_filter(&request, &ids))
        return false;
    struct json_object *root = json_object_new_object();
    struct json_object *list = json_object_new_array();
    while ((instance = world_next_instance(call->world, &call->caller, &cursor)) != NULL) {
        if (call->command_dir != NULL && is_asked_for(ids, instance->id))
            (void)json_object_array_add(list, information_of(call, instance->id));
    }
    (void)json_object_object_add(root, "InstanceInformationList", list);
    sim_json_write(call, root);
    return true;
}

/* ---- the service ---- */

static const struct sim_action actions[] = {
    {"SendCommand", send_command, false},
    {"GetCommandInvocation", get_command_invocation, false},
    {"CancelCommand", cancel_command, false},
    {"DescribeInstanceInformation", describe_instance_information, false},
    {0},
};

static bool run(struct sim_call *call)
{
    return sim_json_run(call, actions, TARGET);
}

static void write_error(struct sim_call *call)
{
    sim_json_write_error(call, "ThrottlingException", "InternalServerError");
}

const struct sim_service sim_ssm_service = {
    .name = "ssm",
    .auth_codes = sim_json_auth_codes,
    .run = run,
    .write_error = write_error,
};
