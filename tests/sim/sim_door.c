#include "tests/sim/sim_door.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "model/instant.h"

static const struct sim_service *const services[] = {
    &sim_ec2_service, &sim_ebs_service, &sim_sts_service,    &sim_cloudwatch_service,
    &sim_kms_service, &sim_ssm_service, &sim_quotas_service, &sim_iam_service};

static const struct {
    const char *code;
    unsigned status;
} statuses[] = {
    {"AuthFailure", 401},
    {"UnauthorizedOperation", 403},
    {"AccessDenied", 403},
    {"AccessDeniedException", 403},
    {"MissingAuthenticationToken", 403},
    {"MissingAuthenticationTokenException", 403},
    {"InvalidClientTokenId", 403},
    {"SignatureDoesNotMatch", 403},
    {"ExpiredToken", 403},
    {"ExpiredTokenException", 403},
    {"InvalidSignatureException", 403},
    {"UnrecognizedClientException", 403},
    {"ResourceNotFoundException", 404},
    {"ServiceQuotaExceededException", 402},
    {"ConflictException", 409},
    {"UnknownOperationException", 404},
    {"DryRunOperation", 412},
    {"InternalError", 500},
    {"InternalFailure", 500},
    {"InternalServiceFault", 500},
    {"InternalServerException", 500},
    {"RequestLimitExceeded", 503},
    {"Unavailable", 503},
    {"ServiceUnavailable", 503},
};

unsigned sim_status_of(const char *code)
{
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (strcmp(statuses[i].code, code) == 0)
            return statuses[i].status;
    }
    return 400;
}

/* An unsigned request names no service; its shape does. */
static const struct sim_service *service_by_shape(const struct sim_request *request)
{
    if (strncmp(request->path, "/snapshots", 10) == 0)
        return &sim_ebs_service;
    if (strstr(request->body, "Version=2011-06-15") != NULL)
        return &sim_sts_service;
    const char *target = sim_request_header(request, "x-amz-target");
    if (target != NULL && strncmp(target, "TrentService.", 13) == 0)
        return &sim_kms_service;
    if (target != NULL && strncmp(target, "AmazonSSM.", 10) == 0)
        return &sim_ssm_service;
    if (target != NULL && strncmp(target, "ServiceQuotasV20190624.", 23) == 0)
        return &sim_quotas_service;
    if (strstr(request->body, "Version=2010-08-01") != NULL || target != NULL)
        return &sim_cloudwatch_service;
    return &sim_ec2_service;
}

static const struct sim_service *service_of(const struct sim_request *request,
                                            const struct sim_claim *claim)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (strcmp(services[i]->name, claim->service) == 0)
            return services[i];
    }
    return service_by_shape(request);
}

/* AssumeRoleWithWebIdentity is not signed: what it brings is its own proof. */
static bool may_be_unsigned(const struct sim_request *request, const struct sim_service *service)
{
    static const char action[] = "Action=AssumeRoleWithWebIdentity&";
    const char *found = strstr(request->body, action);
    return service == &sim_sts_service && found != NULL &&
           (found == request->body || found[-1] == '&');
}

static void add_date(struct sim_reply *reply, int64_t now_ms)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    char text[64];
    struct civil at = instant_to_civil(now_ms);
    snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[at.weekday], at.day,
             months[at.month - 1], at.year, at.hour, at.minute, at.second);
    sim_reply_header(reply, "Date", text);
}

static void make_request_id(struct world *world, char id[40])
{
    char hex[33];
    world_random_hex(world, hex, sizeof(hex));
    snprintf(id, 40, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void answer_error(struct sim_call *call, const struct sim_service *service)
{
    strbuf_clear(call->out);
    call->reply->status = sim_status_of(call->refusal.code);
    service->write_error(call);
}

static void answer_call(struct sim_call *call, const struct sim_service *service)
{
    call->reply->status = 200;
    if (!service->run(call))
        answer_error(call, service);
    if (call->changes)
        world_save(call->world);
}

void sim_door_answer(void *self, const struct sim_request *request, struct sim_reply *reply)
{
    const struct sim_door *door = self;
    struct sim_claim claim;
    struct sim_call call = {
        .world = door->world, .request = request, .reply = reply, .out = &reply->body};

    world_lock(door->world);
    world_advance(door->world);
    call.now_ms = world_now_ms(door->world);
    call.real_ms = clock_now_ms(door->real);
    call.command_dir = door->command_dir;
    make_request_id(door->world, call.request_id);
    add_date(reply, call.now_ms);

    enum sim_auth_fault fault =
        sim_auth_check(door->world, call.real_ms, request, &claim, &call.who);
    const struct sim_service *service = service_of(request, &claim);
    call.service = service->name;
    if (fault == SIM_AUTH_OK) {
        snprintf(call.caller.account, sizeof(call.caller.account), "%s", call.who->account);
        snprintf(call.caller.arn, sizeof(call.caller.arn), "%s", call.who->arn);
        snprintf(call.caller.region, sizeof(call.caller.region), "%.*s", SIM_REGION_SIZE - 1,
                 claim.region);
        answer_call(&call, service);
    } else if (fault == SIM_AUTH_MISSING && may_be_unsigned(request, service)) {
        answer_call(&call, service);
    } else {
        refuse(&call.refusal, service->auth_codes[fault], "%s", sim_auth_text(fault));
        answer_error(&call, service);
    }
    world_unlock(door->world);
    sim_query_done(&call.query);
}
