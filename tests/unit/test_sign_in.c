#include "unit.h"

#include "core/base64.h"
#include "integrity/sigstore/openid.h"
#include "net/loopback.h"
#include "net/oauth.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
#define ISSUER "https://issuer.example/auth"

static const struct oauth_secrets secrets = {
    .state = STATE,
    .nonce = "nonce",
    .verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", /* RFC 7636, B */
};
static const struct oauth_client client = {
    .id = "our client", .redirect = "http://localhost:1234" OAUTH_CALLBACK_PATH
};

/* ---- what is asked ---------------------------------------------------------------- */

static void test_base64url(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"",              ""        },
        { "f",            "Zg"      }, /* RFC 4648, 10, without padding */
        { "fo",           "Zm8"     },
        { "foo",          "Zm9v"    },
        { "foob",         "Zm9vYg"  },
        { "fooba",        "Zm9vYmE" },
        { "foobar",       "Zm9vYmFy"},
        { "\xfb\xff\xbf", "-_-_"    },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out;
        buffer_init(&out, 64);
        base64url_add(&out, span_of_text(rows[i][0]));
        assert_string_equal(out.text ? out.text : "", rows[i][1]);
        buffer_free(&out);
    }
}

static void test_challenge(void **state)
{
    (void)state;
    char challenge[OAUTH_WORD + 1];
    assert_true(oauth_challenge(secrets.verifier, challenge)); /* RFC 7636, B */
    assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

static void test_secrets_differ(void **state)
{
    (void)state;
    struct oauth_secrets a, b;
    struct error error;
    assert_true(oauth_secrets_make(&a, &error) && oauth_secrets_make(&b, &error));
    const char *const words[] = { a.state, a.nonce, a.verifier, b.state, b.nonce };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_int_equal(strlen(words[i]), OAUTH_WORD);
        assert_int_equal(strspn(words[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                          "abcdefghijklmnopqrstuvwxyz-_"),
                         OAUTH_WORD);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(words[i], words[k]);
    }
}

static void test_authorization_url(void **state)
{
    (void)state;
#define QUERY                                                                            \
    "response_type=code&client_id=our%20client&scope=openid%20email&redirect_uri="       \
    "http%3A%2F%2Flocalhost%3A1234%2Fauth%2Fcallback"                                    \
    "&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"                        \
    "&code_challenge_method=S256&state=" STATE "&nonce=nonce"
    static const char *const rows[][2] = {
        {"https://a.example/page",              "https://a.example/page?" QUERY    },
        { "https://a.example/page?a=b",         "https://a.example/page?a=b&" QUERY},
        { "https://[::1]:8/~a/p-._@%41?a=b,c+",
         "https://[::1]:8/~a/p-._@%41?a=b,c+&" QUERY                               },
        { "https://a.example/$(id)",            NULL                               },
        { "https://a.example/'",                NULL                               },
        { "https://a.example/;",                NULL                               },
        { "https://a.example/!",                NULL                               },
        { "https://a.example/*",                NULL                               },
    };
#undef QUERY
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer out;
        struct error error = { 0 };
        buffer_init(&out, 4096);
        bool ok = oauth_authorization_url(rows[i][0], &client, &secrets, &out, &error);
        assert_int_equal(ok, rows[i][1] != NULL);
        if (ok)
            assert_string_equal(out.text, rows[i][1]);
        else
            assert_int_equal(error.code, ERROR_NETWORK);
        buffer_free(&out);
    }
    struct buffer small;
    struct error error = { 0 };
    buffer_init(&small, 100);
    assert_false(oauth_authorization_url(rows[0][0], &client, &secrets, &small, &error));
    buffer_free(&small);
}

static void test_token_form(void **state)
{
    (void)state;
#define FORM                                                                             \
    "grant_type=authorization_code&code=a%2Fb%2B%26c&redirect_uri="                      \
    "http%3A%2F%2Flocalhost%3A1234%2Fauth%2Fcallback"                                    \
    "&code_verifier=dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    for (int named = 0; named < 2; named++) {
        struct buffer out;
        buffer_init(&out, 4096);
        oauth_token_form(&client, named, secrets.verifier, "a/b+&c", &out);
        assert_string_equal(out.text, named ? FORM "&client_id=our%20client" : FORM);
        buffer_free(&out);
    }
#undef FORM
}

/* ---- what the browser brings ------------------------------------------------------ */

static struct oauth_answer *answer_to(const char *request)
{
    static struct oauth_answer a;
    oauth_answer_read(span_of_text(request), STATE, ISSUER, &a);
    return &a;
}

#define GET(query) "GET /auth/callback" query " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define OURS(rest) GET("?state=" STATE rest)

static void test_answers_that_are_not_ours(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "GET",
        "\r\n\r\n",
        GET(""),
        GET("?"),
        GET("?code=a"),
        GET("?code=a&state="),
        GET("?code=a&state"),
        GET("?code=a&state=" STATE "x"),
        GET("?code=a&state=0123456789abcdefghijklmnopqrstuvwxyzABCDEF"),
        GET("?code=a&state=1123456789abcdefghijklmnopqrstuvwxyzABCDEFG"),
        GET("?code=a&State=" STATE),
        GET("?code=a&state=" STATE "&state=" STATE),
        GET("?code=a&state=" STATE "%00"),
        GET("?code=a&state=" STATE "%"),
        GET("/?code=a&state=" STATE),
        GET("#code=a&state=" STATE),
        "get /auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "POST /auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "HEAD /auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET  /auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET //auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET /auth/callback?code=a&state=" STATE " HTTP/2\r\n\r\n",
        "GET /auth/callback?code=a&state=" STATE "\r\n\r\n",
        "GET /auth/callback?code=a b&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET /auth/callback?code=a\tb&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET /auth/callback?code=\xc3\xa9&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET http://localhost/auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nGET /auth/callback?code=a&state=" STATE " HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct oauth_answer *a = answer_to(rows[i]);
        if (a->kind != OAUTH_FOREIGN)
            print_message("row %zu\n", i);
        assert_int_equal(a->kind, OAUTH_FOREIGN);
        assert_string_equal(a->code, "");
    }
}

static void test_answers_with_a_code(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {OURS("&code=a"),                                                     "a"     },
        { GET("?code=a&state=" STATE),                                        "a"     },
        { OURS("&code=a%2Fb%2b=~"),                                           "a/b+=~"},
        { OURS("&&code=a&"),                                                  "a"     },
        { OURS("&code=a&scope=x&scope=y&x=%zz&error_description=z"),          "a"     },
        { OURS("&code=a&iss=https%3A%2F%2Fissuer.example%2Fauth"),            "a"     },
        { GET("?code=a&state=%30123456789abcdefghijklmnopqrstuvwxyzABCDEFG"), "a"     },
        { "GET /auth/callback?code=a&state=" STATE " HTTP/1.0\r\n\r\n",       "a"     },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(answer_to(rows[i][0])->kind, OAUTH_CODE);
        assert_string_equal(answer_to(rows[i][0])->code, rows[i][1]);
    }
}

static void test_answers_in_disorder(void **state)
{
    (void)state;
    static const char *const rows[] = {
        OURS(""),
        OURS("&code"),
        OURS("&code="),
        OURS("&Code=a"),
        OURS("&code=+"),
        OURS("&code=a+b"),
        OURS("&code=a%0ab"),
        OURS("&code=a%00b"),
        OURS("&code=a%"),
        OURS("&code=a%4"),
        OURS("&code=a%zz"),
        OURS("&code=a%c3%a9"),
        OURS("&code=a&code=a"),
        OURS("&code=a&code"),
        OURS("&code=a&error=b"),
        OURS("&error=b&error=b"),
        OURS("&code=a&iss="),
        OURS("&code=a&iss=https://issuer.example/auth/"),
        OURS("&code=a&iss=" ISSUER "&iss=" ISSUER),
        OURS("&error=b&iss=https://other.example"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct oauth_answer *a = answer_to(rows[i]);
        if (a->kind != OAUTH_BROKEN)
            print_message("row %zu\n", i);
        assert_int_equal(a->kind, OAUTH_BROKEN);
        assert_non_null(a->why);
        assert_string_equal(a->code, "");
    }
}

static void test_answers_that_refuse(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {OURS("&error=access_denied"),                              "access_denied"},
        { OURS("&error=access_denied&error_description=%1b[31m"),   "access_denied"},
        { OURS("&error="),                                          ""             },
        { OURS("&error=%1b[31m"),                                   ""             },
        { OURS("&error=Access"),                                    ""             },
        { OURS("&error=aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"),
         "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd"                                },
        { OURS("&error=aaaaaaaaaabbbbbbbbbbccccccccccdddddddddde"), ""             },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(answer_to(rows[i][0])->kind, OAUTH_REFUSED);
        assert_string_equal(answer_to(rows[i][0])->error, rows[i][1]);
    }
}

static void test_the_longest_code(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        char code[OAUTH_CODE_MAX + 2] = "";
        struct buffer request;
        memset(code, 'c', OAUTH_CODE_MAX + more);
        buffer_init(&request, 8192);
        buffer_printf(&request,
                      "GET /auth/callback?state=" STATE "&code=%s HTTP/1.1\r\n\r\n",
                      code);
        assert_int_equal(answer_to(request.text)->kind, more ? OAUTH_BROKEN : OAUTH_CODE);
        assert_string_equal(answer_to(request.text)->code, more ? "" : code);
        buffer_free(&request);
    }
}

/* ---- the listener ----------------------------------------------------------------- */

static int connect_to(const struct loopback *l, const char *address)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons(loopback_port(l)) };
    assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    (void)close(fd);
    return -1;
}

/* A connection that has sent this already. */
static int client_of(const struct loopback *l, const char *text)
{
    int fd = connect_to(l, "127.0.0.1");
    assert_true(fd >= 0);
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    return fd;
}

/* The first bytes that came back; closes. */
static const char *heard(int fd)
{
    static char text[4096];
    size_t len = 0;
    for (ssize_t n; (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0;)
        len += (size_t)n;
    text[len] = '\0';
    (void)close(fd);
    return text;
}

struct wanted {
    const char *head;
    unsigned seen;
};

static bool is_wanted(void *self, struct span head)
{
    struct wanted *w = self;
    w->seen++;
    assert_true(span_ends(head, "\r\n\r\n"));
    return span_is(head, w->head);
}

static void test_listens_on_127_0_0_1_only(void **state)
{
    (void)state;
    struct error error;
    struct loopback *l = loopback_open(&error);
    assert_non_null(l);
    assert_true(loopback_port(l) != 0);
    assert_int_equal(connect_to(l, "127.0.0.2"), -1);
    loopback_close(l);
    loopback_close(NULL);
}

static void test_waits_no_longer_than_it_may(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct wanted w = { .head = "" };
    struct loopback *l = loopback_open(&error);
    int idle = client_of(l, "GET /");
    assert_false(loopback_wait(l, 0, is_wanted, &w, &error));
    assert_int_equal(error.code, ERROR_NETWORK);
    assert_string_equal(error.message, "nobody has signed in within 0 seconds");
    assert_false(loopback_wait(l, 1, is_wanted, &w, &error));
    assert_int_equal(w.seen, 0);
    (void)close(idle);
    loopback_close(l);
}

static void test_takes_one_and_turns_others_away(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct wanted w = { .head = "GET /b HTTP/1.1\r\n\r\n" };
    struct loopback *l = loopback_open(&error);
    int gone = client_of(l, "GET /b HTTP");
    (void)close(gone);
    int other = client_of(l, "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\n");
    int taken = client_of(l, "GET /b HTTP/1.1\r\n\r\n");
    assert_true(loopback_wait(l, 60000, is_wanted, &w, &error));
    assert_int_equal(w.seen, 2);
    const char *page = heard(taken);
    assert_int_equal(strncmp(page, "HTTP/1.1 200 OK\r\n", 17), 0);
    assert_non_null(strstr(page, "default-src 'none'"));
    assert_null(strstr(page, "/b"));
    assert_int_equal(strncmp(heard(other), "HTTP/1.1 404 Not Found\r\n", 24), 0);
    loopback_close(l);
}

static void test_idle_connections_make_room(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct wanted w = { .head = "GET / HTTP/1.1\r\n\r\n" };
    struct loopback *l = loopback_open(&error);
    int idle[LOOPBACK_CONNECTIONS + 1];
    for (size_t i = 0; i < LOOPBACK_CONNECTIONS; i++)
        idle[i] = client_of(l, "GET / HTTP/1.1\r\n");
    assert_false(loopback_wait(l, 1, is_wanted, &w, &error)); /* some are let in */
    int taken = client_of(l, w.head);
    assert_true(loopback_wait(l, 60000, is_wanted, &w, &error));
    assert_int_equal(strncmp(heard(taken), "HTTP/1.1 200 OK\r\n", 17), 0);
    for (size_t i = 0; i < LOOPBACK_CONNECTIONS; i++)
        (void)close(idle[i]);
    loopback_close(l);
}

static void test_requests_that_do_not_end(void **state)
{
    (void)state;
    struct error error = { 0 };
    struct wanted w = { .head = "GET / HTTP/1.1\r\n\r\n" };
    struct loopback *l = loopback_open(&error);
    char *endless = malloc(LOOPBACK_REQUEST_MAX + 1);
    assert_non_null(endless);
    memset(endless, 'a', LOOPBACK_REQUEST_MAX);
    endless[LOOPBACK_REQUEST_MAX] = '\0';
    int cut = client_of(l, endless);
    char first;
    do
        assert_false(loopback_wait(l, 1, is_wanted, &w, &error));
    while (recv(cut, &first, 1, MSG_PEEK | MSG_DONTWAIT) < 0);
    assert_int_equal(strncmp(heard(cut), "HTTP/1.1 404 Not Found\r\n", 24), 0);
    assert_int_equal(w.seen, 0);
    free(endless);
    loopback_close(l);
}

/* ---- what the provider answers ---------------------------------------------------- */

static void test_provider(void **state)
{
    (void)state;
#define REST ",\"authorization_endpoint\":\"https://a\",\"token_endpoint\":\"https://t\"}"
    static const struct {
        const char *json, *issuer;
        bool good;
    } rows[] = {
        {"{\"issuer\":\"" ISSUER "\"" REST,                                       ISSUER,     true },
        { "{\"issuer\":\"" ISSUER "/\"" REST,                                     ISSUER,     true },
        { "{\"issuer\":\"" ISSUER "\"" REST,                                      ISSUER "/", true },
        { "{\"issuer\":\"" ISSUER "//\"" REST,                                    ISSUER,     false},
        { "{\"issuer\":\"https://issuer.example\"" REST,                          ISSUER,     false},
        { "{\"issuer\":\"HTTPS://issuer.example/auth\"" REST,                     ISSUER,     false},
        { "{\"issuer\":\"\"" REST,                                                ISSUER,     false},
        { "{\"issuer\":7" REST,                                                   ISSUER,     false},
        { "{\"x\":1" REST,                                                        ISSUER,     false},
        { "{\"issuer\":\"" ISSUER "\",\"issuer\":\"x\"" REST,                     ISSUER,     false},
        { "{\"issuer\":\"" ISSUER "\",\"authorization_endpoint\":\"https://a\"}", ISSUER,
         false                                                                                     },
        { "{\"issuer\":\"" ISSUER "\",\"token_endpoint\":\"https://a\"}",         ISSUER,     false},
        { "{\"issuer\":\"" ISSUER
          "\",\"authorization_endpoint\":[],\"token_endpoint\":\"\"}",   ISSUER,     false},
        { "[]",                                                                   ISSUER,     false},
        { "",                                                                     ISSUER,     false},
    };
#undef REST
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct openid_provider p;
        const char *why = NULL;
        bool good = openid_provider_read(arena, span_of_text(rows[i].json),
                                         rows[i].issuer, &p, &why);
        if (good != rows[i].good)
            print_message("row %zu: %s\n", i, why ? why : "good");
        assert_int_equal(good, rows[i].good);
        assert_int_equal(!why, good);
    }
    arena_free(arena);
}

static void test_tokens(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"{\"id_token\":\"a.b.c\",\"access_token\":\"x\"}", "a.b.c"},
        { "{\"id_token\":\"\"}",                            NULL   },
        { "{\"id_token\":null,\"access_token\":\"a.b.c\"}", NULL   },
        { "{\"id_token\":{}}",                              NULL   },
        { "{\"id_token\":\"a\",\"id_token\":\"b\"}",        NULL   },
        { "{\"error\":\"invalid_grant\"}",                  NULL   },
        { "\"a.b.c\"",                                      NULL   },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *token = NULL;
        const char *why = NULL;
        bool good = openid_token_read(span_of_text(rows[i][0]), &token, &why);
        assert_int_equal(good, rows[i][1] != NULL);
        if (good)
            assert_string_equal(token, rows[i][1]);
        else
            assert_non_null(why);
        free(token);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_secrets_differ),
        cmocka_unit_test(test_authorization_url),
        cmocka_unit_test(test_token_form),
        cmocka_unit_test(test_answers_that_are_not_ours),
        cmocka_unit_test(test_answers_with_a_code),
        cmocka_unit_test(test_answers_in_disorder),
        cmocka_unit_test(test_answers_that_refuse),
        cmocka_unit_test(test_the_longest_code),
        cmocka_unit_test(test_listens_on_127_0_0_1_only),
        cmocka_unit_test(test_waits_no_longer_than_it_may),
        cmocka_unit_test(test_takes_one_and_turns_others_away),
        cmocka_unit_test(test_idle_connections_make_room),
        cmocka_unit_test(test_requests_that_do_not_end),
        cmocka_unit_test(test_provider),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
