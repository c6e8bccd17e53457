#include <curl/curl.h>
#include <gsl/gsl_version.h>
#include <json-c/json_c_version.h>
#include <libpq-fe.h>
#include <libxml/xmlversion.h>
#include <openssl/opensslv.h>
#include <sqlite3.h>

#include "cli/cmd.h"
#include "cli/json_out.h"
#include "core/version.h"

enum error_code cmd_version(struct session *session, struct error *err)
{
    char libpq[16];
    int number = PQlibVersion();
    const struct {
        const char *name;
        const char *version;
    } libraries[] = {
        {"libcurl", curl_version_info(CURLVERSION_NOW)->version},
        {"openssl", OPENSSL_FULL_VERSION_STR},
        {"libxml2", LIBXML_DOTTED_VERSION},
        {"json-c", json_c_version()},
        {"libpq", libpq},
        {"gsl", gsl_version},
        {"sqlite", sqlite3_libversion()},
    };
    (void)err;
    (void)snprintf(libpq, sizeof(libpq), "%d.%d", number / 10000, number % 10000);
    if (!session->options.json) {
        (void)printf("ebshift %s\n", EBSHIFT_VERSION);
        for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
            (void)printf("  %-8s %s\n", libraries[i].name, libraries[i].version);
        return ERR_NONE;
    }
    struct json_out *document = json_out_new();
    json_out_text(document, "schema", "ebshift.version.1");
    json_out_text(document, "version", EBSHIFT_VERSION);
    struct json_out *object = json_out_object(document, "libraries");
    for (size_t i = 0; i < sizeof(libraries) / sizeof(libraries[0]); i++)
        json_out_text(object, libraries[i].name, libraries[i].version);
    json_out_print(document, stdout);
    return ERR_NONE;
}
