/* aws.h: http_fetch() for AWS and whoever speaks its protocols: signed with a key.
 *
 * Region and service are read off the host ("models.s3.eu-west-1.amazonaws.com",
 * "api.sagemaker.us-east-1.amazonaws.com"); at another endpoint they are AWS_REGION or
 * AWS_DEFAULT_REGION, and what X-Amz-Target names, else s3. */
#ifndef AWS_H
#define AWS_H

#include "net/sigv4.h"

/* A request to another origin than the key's goes unsigned. */
bool aws_fetch(const struct sigv4_key *key, const struct web_origin *endpoint,
               const struct auth_place *place, bool plain_ok, struct http *h,
               const struct http_request *q, struct http_response *ret_response,
               struct error *error);

enum { AWS_WORD_MAX = 63 };
struct aws_target {
    char region[AWS_WORD_MAX + 1], service[AWS_WORD_MAX + 1];
};
void aws_target_of(const char *host, const char *const *headers,
                   const struct auth_place *place, struct aws_target *ret_target);

#endif
