/* aws_env.h: the environment variables that AWS's own tools honour, read once.
 *
 * The only place of this folder that calls getenv(); everything else takes the struct, and a test
 * writes one down. */
#ifndef CORE_AWS_AWS_ENV_H
#define CORE_AWS_AWS_ENV_H

/* Every variable: member, name. */
#define AWS_ENV_TABLE(ROW)                                                                         \
    ROW(access_key_id, "AWS_ACCESS_KEY_ID")                                                        \
    ROW(secret_access_key, "AWS_SECRET_ACCESS_KEY")                                                \
    ROW(session_token, "AWS_SESSION_TOKEN")                                                        \
    ROW(security_token, "AWS_SECURITY_TOKEN") /* the old name of the session token */              \
    ROW(credential_expiration, "AWS_CREDENTIAL_EXPIRATION")                                        \
    ROW(role_arn, "AWS_ROLE_ARN")                                                                  \
    ROW(role_session_name, "AWS_ROLE_SESSION_NAME")                                                \
    ROW(web_identity_token_file, "AWS_WEB_IDENTITY_TOKEN_FILE")                                    \
    ROW(container_relative_uri, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")                          \
    ROW(container_full_uri, "AWS_CONTAINER_CREDENTIALS_FULL_URI")                                  \
    ROW(container_token, "AWS_CONTAINER_AUTHORIZATION_TOKEN")                                      \
    ROW(container_token_file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")                            \
    ROW(metadata_disabled, "AWS_EC2_METADATA_DISABLED")                                            \
    ROW(metadata_endpoint, "AWS_EC2_METADATA_SERVICE_ENDPOINT")                                    \
    ROW(metadata_endpoint_mode, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")                          \
    ROW(metadata_timeout, "AWS_METADATA_SERVICE_TIMEOUT")                                          \
    ROW(metadata_attempts, "AWS_METADATA_SERVICE_NUM_ATTEMPTS")                                    \
    ROW(region, "AWS_REGION")                                                                      \
    ROW(default_region, "AWS_DEFAULT_REGION")                                                      \
    ROW(profile, "AWS_PROFILE")                                                                    \
    ROW(default_profile, "AWS_DEFAULT_PROFILE")                                                    \
    ROW(credentials_file, "AWS_SHARED_CREDENTIALS_FILE")                                           \
    ROW(config_file, "AWS_CONFIG_FILE")                                                            \
    ROW(home, "HOME")                                                                              \
    ROW(endpoint_url, "AWS_ENDPOINT_URL")                                                          \
    ROW(endpoint_url_ec2, "AWS_ENDPOINT_URL_EC2")                                                  \
    ROW(endpoint_url_ebs, "AWS_ENDPOINT_URL_EBS")                                                  \
    ROW(endpoint_url_sts, "AWS_ENDPOINT_URL_STS")                                                  \
    ROW(endpoint_url_cloudwatch, "AWS_ENDPOINT_URL_CLOUDWATCH")                                    \
    ROW(endpoint_url_kms, "AWS_ENDPOINT_URL_KMS")                                                  \
    ROW(endpoint_url_ssm, "AWS_ENDPOINT_URL_SSM")                                                  \
    ROW(endpoint_url_service_quotas, "AWS_ENDPOINT_URL_SERVICE_QUOTAS")                            \
    ROW(ignore_endpoint_urls, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")                               \
    ROW(ca_bundle, "AWS_CA_BUNDLE")

/* NULL where a variable is unset or empty. */
struct aws_env {
#define AWS_ENV_MEMBER(member, name) const char *member;
    AWS_ENV_TABLE(AWS_ENV_MEMBER)
#undef AWS_ENV_MEMBER
};

/* Reads the environment; the strings borrow from it. */
struct aws_env aws_env_read(void);

#endif
