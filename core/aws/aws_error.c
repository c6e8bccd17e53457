#include "core/aws/aws_error.h"

#include <stddef.h>
#include <string.h>

/* Sources: EC2 API reference, "Error codes"; references of EBS direct APIs and KMS; STS and
 * CloudWatch references, "Common errors". JSON services name the same things with the ending "Exception",
 * which is dropped before the search. */
static const struct aws_error_row table[] = {
    {"RequestLimitExceeded", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"Throttling", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"Throttled", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"RequestThrottled", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"EC2Throttled", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"TooManyRequests", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"SlowDown", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"BandwidthLimitExceeded", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"PriorRequestNotComplete", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"ProvisionedThroughputExceeded", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"TransactionInProgress", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"LimitExceeded", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"ConcurrentLimitExceeded", ERR_THROTTLED, AWS_HEAL_NONE, ""},
    {"SnapshotCreationPerVolumeRateExceeded", ERR_THROTTLED, AWS_HEAL_NONE,
     "15 s must pass between two snapshots of a volume"},

    {"InternalError", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"InternalFailure", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"InternalServerError", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"InternalServer", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"InternalServiceFault", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"InternalServiceError", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"ServerInternal", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"ServiceUnavailable", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"Unavailable", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"RetryableError", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"Service", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"KMSInternal", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"DependencyTimeout", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"RequestTimeout", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"ConcurrentTagAccess", ERR_TRANSIENT, AWS_HEAL_NONE, ""},
    {"IDPCommunicationError", ERR_TRANSIENT, AWS_HEAL_NONE, ""},

    {"ConcurrentSnapshotLimitExceeded", ERR_LIMIT, AWS_HEAL_NONE,
     "five snapshots of a volume may be pending; wait for one, or delete those in error"},
    {"PendingSnapshotLimitExceeded", ERR_LIMIT, AWS_HEAL_NONE, ""},
    {"SnapshotLimitExceeded", ERR_LIMIT, AWS_HEAL_NONE, "delete snapshots or raise the quota"},
    {"ResourceLimitExceeded", ERR_LIMIT, AWS_HEAL_NONE,
     "twenty copies to a region may be in progress"},
    {"ServiceQuotaExceeded", ERR_LIMIT, AWS_HEAL_NONE, ""},
    {"InsufficientVolumeCapacity", ERR_LIMIT, AWS_HEAL_NONE, "try another zone or volume type"},
    {"InsufficientCapacity", ERR_LIMIT, AWS_HEAL_NONE, "try another zone or volume type"},
    {"VolumeLimitExceeded", ERR_CLOUD, AWS_HEAL_NONE, "raise the quota of volume storage"},
    {"MaxIOPSLimitExceeded", ERR_CLOUD, AWS_HEAL_NONE, "raise the quota of IOPS"},
    {"AttachmentLimitExceeded", ERR_CLOUD, AWS_HEAL_NONE, "detach a volume first"},
    {"TagLimitExceeded", ERR_CLOUD, AWS_HEAL_NONE, "50 tags are the most"},

    {"IncorrectState", ERR_STATE, AWS_HEAL_NONE, ""},
    {"IncorrectModificationState", ERR_STATE, AWS_HEAL_NONE, ""},
    {"IncorrectInstanceState", ERR_STATE, AWS_HEAL_NONE, ""},
    {"InvalidState", ERR_STATE, AWS_HEAL_NONE, ""},
    {"VolumeInUse", ERR_STATE, AWS_HEAL_NONE, "detach the volume first"},
    {"InvalidSnapshot.InUse", ERR_STATE, AWS_HEAL_NONE, "deregister the image that uses it first"},
    {"SnapshotLocked", ERR_STATE, AWS_HEAL_NONE, "unlock the snapshot first"},
    {"Disabled", ERR_STATE, AWS_HEAL_NONE, "enable the key"},
    {"KMSInvalidState", ERR_STATE, AWS_HEAL_NONE, "the key must be enabled"},
    {"Conflict", ERR_STATE, AWS_HEAL_NONE, ""},

    {"InvalidSnapshot.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidVolume.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidInstanceID.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidAttachment.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidZone.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidGrantId", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidKmsKey.NotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, "the key must live in this region"},
    {"ResourceNotFound", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"NoSuchResource", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},

    {"InvalidSnapshotID.Malformed", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidVolumeID.Malformed", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidInstanceID.Malformed", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidInstanceId", ERR_INVALID, AWS_HEAL_NONE,
     "the agent of SSM must run there, under a role that lets it (AmazonSSMManagedInstanceCore)"},
    {"InvocationDoesNotExist", ERR_NOT_FOUND, AWS_HEAL_NONE, ""},
    {"InvalidArn", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidUserID.Malformed", ERR_INVALID, AWS_HEAL_NONE, "an account id has 12 digits"},
    {"InvalidParameter", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidParameterValue", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidParameterCombination", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidPaginationToken", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidNextToken", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidMaxResults", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"MissingParameter", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"UnknownParameter", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"UnknownVolumeType", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"Validation", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"ValidationError", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"MalformedQueryString", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"IdempotentParameterMismatch", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidClientToken", ERR_INVALID, AWS_HEAL_NONE, ""},
    {"InvalidVolume.ZoneMismatch", ERR_INVALID, AWS_HEAL_NONE,
     "volume and instance must be in one zone"},

    {"AuthFailure", ERR_ACCESS, AWS_HEAL_BOTH, "check the access key and its account"},
    {"InvalidClientTokenId", ERR_ACCESS, AWS_HEAL_KEYS, "the access key does not exist"},
    {"UnrecognizedClient", ERR_ACCESS, AWS_HEAL_KEYS, "the access key does not exist"},
    {"SignatureDoesNotMatch", ERR_ACCESS, AWS_HEAL_BOTH,
     "check the secret access key, the clock and any proxy that changes requests"},
    {"InvalidSignature", ERR_ACCESS, AWS_HEAL_BOTH, "check the secret access key and the clock"},
    {"IncompleteSignature", ERR_ACCESS, AWS_HEAL_NONE, ""},
    {"MissingAuthenticationToken", ERR_ACCESS, AWS_HEAL_NONE, ""},
    {"RequestExpired", ERR_ACCESS, AWS_HEAL_BOTH, "renew the credentials, or set the clock"},
    {"RequestTimeTooSkewed", ERR_ACCESS, AWS_HEAL_CLOCK, "set the clock of this host"},
    {"InvalidSecurity.RequestHasExpired", ERR_ACCESS, AWS_HEAL_BOTH, "set the clock of this host"},
    {"ExpiredToken", ERR_ACCESS, AWS_HEAL_KEYS, "log in again: the session has ended"},
    {"UnauthorizedOperation", ERR_ACCESS, AWS_HEAL_NONE, "the policy does not allow this action"},
    {"AccessDenied", ERR_ACCESS, AWS_HEAL_NONE, "the policy does not allow this action"},
    {"OptInRequired", ERR_ACCESS, AWS_HEAL_NONE, "enable the region or the service first"},
    {"RegionDisabled", ERR_ACCESS, AWS_HEAL_NONE, "enable the region first"},
    {"Blocked", ERR_ACCESS, AWS_HEAL_NONE, "the account is blocked; ask AWS support"},
    {"PendingVerification", ERR_ACCESS, AWS_HEAL_NONE, "the account is still being verified"},

    {"DryRunOperation", ERR_ASKED, AWS_HEAL_NONE, "only asked: nothing was done"},
    {"TagPolicyViolation", ERR_CLOUD, AWS_HEAL_NONE, "the organisation's tag policy forbids this"},
    {"OperationNotPermitted", ERR_CLOUD, AWS_HEAL_NONE, ""},
    {"UnsupportedOperation", ERR_CLOUD, AWS_HEAL_NONE, ""},
    {"EncryptedVolumesNotSupported", ERR_CLOUD, AWS_HEAL_NONE, ""},
    {"CustomerKeyHasBeenRevoked", ERR_CLOUD, AWS_HEAL_NONE, "restore access to the key"},
    {"SnapshotCopyUnsupported.InterRegion", ERR_CLOUD, AWS_HEAL_NONE, ""},
    {"VolumeTypeNotAvailableInZone", ERR_CLOUD, AWS_HEAL_NONE, "try another zone or volume type"},
};

/* The part of a code that the table holds: "a.b#ThrottlingException:http://x" -> "Throttling". */
static size_t plain_code(const char **code)
{
    const char *hash = strchr(*code, '#');
    if (hash != NULL)
        *code = hash + 1;
    static const char ending[] = "Exception";
    size_t length = strcspn(*code, ":");
    size_t ending_length = sizeof(ending) - 1;
    bool has_ending = length > ending_length &&
                      strncmp(*code + length - ending_length, ending, ending_length) == 0;
    return has_ending ? length - ending_length : length;
}

const struct aws_error_row *aws_error_find(const char *service_code)
{
    size_t length = plain_code(&service_code);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const char *code = table[i].service_code;
        if (strlen(code) == length && strncmp(code, service_code, length) == 0)
            return &table[i];
    }
    return NULL;
}

static enum error_code code_of_status(int status)
{
    if (status >= 500)
        return ERR_TRANSIENT;
    switch (status) {
    case 401:
    case 403:
        return ERR_ACCESS;
    case 404:
        return ERR_NOT_FOUND;
    case 408:
        return ERR_TRANSIENT;
    case 429:
        return ERR_THROTTLED;
    default:
        return ERR_CLOUD;
    }
}

static enum error_code code_of(const struct aws_refusal *refusal)
{
    const struct aws_error_row *row = aws_error_find(refusal->service_code);
    return row != NULL ? row->code : code_of_status(refusal->status);
}

enum error_code aws_error_set(const struct aws_refusal *refusal, struct error *err)
{
    const struct aws_error_row *row = aws_error_find(refusal->service_code);
    const char *remedy = row == NULL ? "" : row->remedy;
    const char *service_code = refusal->service_code;
    size_t code_length = strlen(service_code);
    const char *hash = strchr(service_code, '#');
    if (hash != NULL)
        service_code = hash + 1;
    return error_set(err, code_of(refusal), "%s refused%s%.150s%s (%.60s%sHTTP %d%s%.60s)%s%s",
                     refusal->action, refusal->message[0] != '\0' ? ": '" : "", refusal->message,
                     refusal->message[0] != '\0' ? "'" : "", service_code,
                     code_length > 0 ? ", " : "", refusal->status,
                     refusal->request_id[0] != '\0' ? ", request " : "", refusal->request_id,
                     remedy[0] != '\0' ? "; " : "", remedy);
}

bool aws_error_is_definite(const struct aws_refusal *refusal)
{
    enum error_code code = code_of(refusal);
    return refusal->status < 500 || (code != ERR_TRANSIENT && refusal->service_code[0] != '\0');
}
