#include "unit.h"

#include "net/address.h"
#include "net/proxy.h"
#include "net/trail.h"
#include "net/url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static void expect_url(const char *text, const char *canonical)
{
    struct url url = { 0 };
    struct error error;
    bool ok = url_parse(text, &url, &error);
    assert_int_equal(ok, canonical != NULL);
    if (ok)
        assert_string_equal(url.text, canonical);
    url_free(&url);
}

static void test_urls_have_one_spelling(void **state)
{
    (void)state;
    expect_url("https://Hub.TEST", "https://hub.test/");
    expect_url("HTTPS://hub.test:443/a?b#c", "https://hub.test/a?b");
    expect_url("http://hub.test:80?x", "http://hub.test/?x");
    expect_url("https://hub.test:8443/", "https://hub.test:8443/");
    expect_url("https://[0:0:0:0:0:0:0:1]:1/", "https://[::1]:1/");
    expect_url("https://h/a/./b/../c/.", "https://h/a/c/");
    expect_url("https://h/../../a/..", "https://h/");
    expect_url("https://h/a?b/../c", "https://h/a?b/../c");
    expect_url("https://h/%2e%2E/%zz", "https://h/%2e%2E/%zz");
    expect_url("https://h/a b|\"<>\xc3\xa4", "https://h/a%20b%7C%22%3C%3E%C3%A4");
}

static void test_odd_urls_are_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "",
        "ftp://h/",
        "file:///etc/passwd",
        "https:/h",
        "https://",
        "https://user@h/",
        "https://good.test\\@evil.test/",
        "https://good.test@evil.test/",
        "https://h\t/",
        "https://h/\n",
        "https://h /",
        "https://h..t/",
        "https://.h/",
        "https://h./",
        "https://h:0/",
        "https://h:65536/",
        "https://h:1x/",
        "https://h:-1/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[fe80::1%25eth0]/",
        "https://1/",
        "https://2130706433/",
        "https://127.1/",
        "https://0x7f.0.0.1/",
        "https://0177.0.0.1/",
        "https://1.2.3.4.5/",
        "https://h\xc3\xa4/",
        "https://h%2ftest/",
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        expect_url(odd[i], NULL);
}

static void test_relative_references(void **state)
{
    (void)state;
    static const struct {
        const char *location, *result; /* RFC 3986, 5.4, from http://a/b/c/d;p?q */
    } rows[] = {
        {"g",               "http://a/b/c/g"    },
        { "./g/",           "http://a/b/c/g/"   },
        { "/g",             "http://a/g"        },
        { "//g",            "http://g/"         },
        { "?y",             "http://a/b/c/d;p?y"},
        { "g?y#s",          "http://a/b/c/g?y"  },
        { ";x",             "http://a/b/c/;x"   },
        { "",               "http://a/b/c/d;p?q"},
        { "#s",             "http://a/b/c/d;p?q"},
        { "..",             "http://a/b/"       },
        { "../../../g",     "http://a/g"        },
        { "/./g",           "http://a/g"        },
        { "g;x=1/../y",     "http://a/b/c/y"    },
        { "https://h/x",    "https://h/x"       },
        { "javascript:x()", NULL                },
        { "http:g",         NULL                },
    };
    struct url base, url;
    struct error error;
    assert_true(url_parse("http://a/b/c/d;p?q", &base, &error));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool ok = url_resolve(&base, rows[i].location, &url, &error);
        assert_int_equal(ok, rows[i].result != NULL);
        if (ok) {
            assert_string_equal(url.text, rows[i].result);
            url_free(&url);
        }
    }
    url_free(&base);
}

static bool same_origin(const char *a, const char *b)
{
    struct url x, y;
    struct error error;
    assert_true(url_parse(a, &x, &error) && url_parse(b, &y, &error));
    bool same = web_origin_equal(&x.origin, &y.origin);
    url_free(&x);
    url_free(&y);
    return same;
}

static void test_origins(void **state)
{
    (void)state;
    assert_true(same_origin("https://h/a", "https://H:443/b"));
    assert_true(same_origin("http://[::1]/", "http://[0::1]:80/"));
    assert_false(same_origin("https://h/", "http://h/"));
    assert_false(same_origin("https://h/", "http://h:443/"));
    assert_false(same_origin("https://h/", "https://h:8443/"));
    assert_false(same_origin("https://h/", "https://h.test/"));
    assert_false(same_origin("https://h/", "https://hh/"));

    struct web_origin o = { .tls = true, .host = "a.hub.test", .port = 443 };
    assert_true(web_origin_matches(&o, "*.hub.test"));
    assert_true(web_origin_matches(&o, "a.hub.test"));
    assert_false(web_origin_matches(&o, "hub.test"));
    assert_false(web_origin_matches(&o, "*.ub.test"));
    assert_false(web_origin_matches(&o, "*.a.hub.test"));
}

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum address_class class;
    } rows[] = {
        {"8.8.8.8",               ADDRESS_PUBLIC   },
        { "9.255.255.255",        ADDRESS_PUBLIC   },
        { "10.0.0.0",             ADDRESS_PRIVATE  },
        { "10.255.255.255",       ADDRESS_PRIVATE  },
        { "11.0.0.0",             ADDRESS_PUBLIC   },
        { "100.63.255.255",       ADDRESS_PUBLIC   },
        { "100.64.0.0",           ADDRESS_PRIVATE  },
        { "100.127.255.255",      ADDRESS_PRIVATE  },
        { "100.128.0.0",          ADDRESS_PUBLIC   },
        { "100.100.100.200",      ADDRESS_FORBIDDEN},
        { "127.0.0.1",            ADDRESS_LOOPBACK },
        { "127.255.255.255",      ADDRESS_LOOPBACK },
        { "128.0.0.0",            ADDRESS_PUBLIC   },
        { "0.0.0.0",              ADDRESS_FORBIDDEN},
        { "0.1.2.3",              ADDRESS_FORBIDDEN},
        { "169.253.255.255",      ADDRESS_PUBLIC   },
        { "169.254.169.254",      ADDRESS_FORBIDDEN},
        { "169.255.0.0",          ADDRESS_PUBLIC   },
        { "168.63.129.16",        ADDRESS_FORBIDDEN},
        { "168.63.129.17",        ADDRESS_PUBLIC   },
        { "172.15.255.255",       ADDRESS_PUBLIC   },
        { "172.16.0.0",           ADDRESS_PRIVATE  },
        { "172.31.255.255",       ADDRESS_PRIVATE  },
        { "172.32.0.0",           ADDRESS_PUBLIC   },
        { "192.0.0.192",          ADDRESS_FORBIDDEN},
        { "192.0.2.1",            ADDRESS_FORBIDDEN},
        { "192.167.255.255",      ADDRESS_PUBLIC   },
        { "192.168.0.1",          ADDRESS_PRIVATE  },
        { "192.169.0.0",          ADDRESS_PUBLIC   },
        { "198.17.255.255",       ADDRESS_PUBLIC   },
        { "198.19.255.255",       ADDRESS_PRIVATE  },
        { "198.20.0.0",           ADDRESS_PUBLIC   },
        { "203.0.113.9",          ADDRESS_FORBIDDEN},
        { "223.255.255.255",      ADDRESS_PUBLIC   },
        { "224.0.0.1",            ADDRESS_FORBIDDEN},
        { "240.0.0.1",            ADDRESS_FORBIDDEN},
        { "255.255.255.255",      ADDRESS_FORBIDDEN},
        { "2606:4700::1111",      ADDRESS_PUBLIC   },
        { "::",                   ADDRESS_FORBIDDEN},
        { "::1",                  ADDRESS_LOOPBACK },
        { "::ffff:127.0.0.1",     ADDRESS_LOOPBACK },
        { "::ffff:10.0.0.1",      ADDRESS_PRIVATE  },
        { "::ffff:8.8.8.8",       ADDRESS_PUBLIC   },
        { "::127.0.0.1",          ADDRESS_LOOPBACK },
        { "64:ff9b::a9fe:a9fe",   ADDRESS_FORBIDDEN},
        { "64:ff9b::808:808",     ADDRESS_PUBLIC   },
        { "64:ff9b:1::808:808",   ADDRESS_FORBIDDEN},
        { "2002:a00:1::",         ADDRESS_PRIVATE  },
        { "2002:7f00:1::",        ADDRESS_LOOPBACK },
        { "2001:0:1::1",          ADDRESS_FORBIDDEN},
        { "2001:db8::1",          ADDRESS_FORBIDDEN},
        { "2001:4860:4860::8888", ADDRESS_PUBLIC   },
        { "fc00::1",              ADDRESS_PRIVATE  },
        { "fdff::1",              ADDRESS_PRIVATE  },
        { "fd00:ec2::254",        ADDRESS_FORBIDDEN},
        { "fd20:ce::254",         ADDRESS_FORBIDDEN},
        { "fe80::1%eth0",         ADDRESS_FORBIDDEN},
        { "febf::1",              ADDRESS_FORBIDDEN},
        { "fec0::1",              ADDRESS_PRIVATE  },
        { "ff02::1",              ADDRESS_FORBIDDEN},
        { "100::1",               ADDRESS_FORBIDDEN},
        { "4000::1",              ADDRESS_FORBIDDEN},
    };
    enum address_class class;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(address_parse(rows[i].text, &class));
        if (class != rows[i].class)
            fail_msg("%s is %s", rows[i].text, address_class_name(class));
    }
    assert_false(address_parse("hub.test", &class));
    assert_false(address_parse("127.1", &class));
    assert_false(address_parse("", &class));

    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    struct sockaddr local = { .sa_family = AF_UNIX };
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &v4.sin_addr), 1);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &v6.sin6_addr), 1);
    assert_int_equal(address_class_of((struct sockaddr *)&v4), ADDRESS_PRIVATE);
    assert_int_equal(address_class_of((struct sockaddr *)&v6), ADDRESS_PRIVATE);
    assert_int_equal(address_class_of(&local), ADDRESS_FORBIDDEN);
}

static void test_networks(void **state)
{
    (void)state;
    assert_true(address_within("10.1.2.3", "10.0.0.0/8"));
    assert_false(address_within("11.1.2.3", "10.0.0.0/8"));
    assert_true(address_within("10.1.2.3", "10.1.2.3"));
    assert_true(address_within("fd00::5", "fd00::/9"));
    assert_true(address_within("1.2.3.4", "0.0.0.0/0"));
    assert_false(address_within("10.1.2.3", "10.0.0.0/33"));
    assert_false(address_within("10.1.2.3", "10.0.0.0/"));
    assert_false(address_within("10.1.2.3", "10.0.0.0/8x"));
    assert_false(address_within("10.1.2.3", "fd00::/8"));
    assert_false(address_within("hub.test", "10.0.0.0/8"));
}

static const char *proxy(const char *no_proxy, const char *url_text)
{
    const struct http_options o = { .https_proxy = "tls",
                                    .http_proxy = "plain",
                                    .no_proxy = no_proxy };
    struct url url;
    struct error error;
    assert_true(url_parse(url_text, &url, &error));
    const char *p = proxy_for(&o, &url.origin);
    url_free(&url);
    return p ? p : "none";
}

static void test_proxies(void **state)
{
    (void)state;
    assert_string_equal(proxy(NULL, "https://hub.test/"), "tls");
    assert_string_equal(proxy("", "http://hub.test/"), "plain");
    assert_string_equal(proxy("hub.test", "https://hub.test/"), "none");
    assert_string_equal(proxy("x, .HUB.test", "https://a.hub.test/"), "none");
    assert_string_equal(proxy("*.hub.test,y", "https://a.hub.test/"), "none");
    assert_string_equal(proxy("ub.test", "https://hub.test/"), "tls");
    assert_string_equal(proxy("*", "https://hub.test/"), "none");
    assert_string_equal(proxy("10.0.0.0/8", "https://10.2.3.4/"), "none");
    assert_string_equal(proxy("10.0.0.0/8", "https://11.2.3.4/"), "tls");
    assert_string_equal(proxy(NULL, "https://localhost/"), "none");
    assert_string_equal(proxy(NULL, "https://[::1]/"), "none");
    const struct http_options none = { 0 };
    const struct web_origin o = { .tls = true, .host = "hub.test", .port = 443 };
    assert_null(proxy_for(&none, &o));
}

/* Where one may come from how near: rows of the policy that http.c obeys. */
static void test_what_a_hop_may_reach(void **state)
{
    (void)state;
    struct trail t;
    struct error error;
    enum http_failure failure;
    struct http_request q = { .url = "https://hub.test/" };
    assert_true(trail_start(&t, &q, &failure, &error));
    assert_true(trail_admits(&t, ADDRESS_PUBLIC));
    assert_false(trail_admits(&t, ADDRESS_PRIVATE));
    assert_false(trail_admits(&t, ADDRESS_FORBIDDEN));
    trail_end(&t);

    q.private_ok = true;
    assert_true(trail_start(&t, &q, &failure, &error));
    assert_true(trail_admits(&t, ADDRESS_LOOPBACK));
    assert_false(trail_admits(&t, ADDRESS_FORBIDDEN));
    assert_true(trail_follow(&t, 302, "https://other.test/", ADDRESS_PRIVATE, &error));
    assert_true(t.strayed);
    assert_true(trail_admits(&t, ADDRESS_PRIVATE)); /* a neighbour of the first */
    assert_false(trail_admits(&t, ADDRESS_LOOPBACK));
    assert_true(trail_follow(&t, 302, "https://hub.test/2", ADDRESS_PUBLIC, &error));
    assert_true(t.strayed); /* for good */
    assert_false(trail_admits(&t, ADDRESS_PRIVATE));
    assert_true(trail_sends(&t, "Accept: x"));
    assert_true(trail_sends(&t, "if-range: x"));
    assert_false(trail_sends(&t, "Authorization: x"));
    assert_false(trail_sends(&t, "X-Anything: x"));
    trail_end(&t);

    q = (struct http_request){ .url = "https://hub.test/", .anchored = true };
    assert_true(trail_start(&t, &q, &failure, &error));
    assert_true(trail_follow(&t, 302, "/2", ADDRESS_PUBLIC, &error));
    assert_false(
        trail_follow(&t, 302, "https://hub.test:8443/3", ADDRESS_PUBLIC, &error));
    assert_non_null(strstr(error.message, "another server"));
    trail_end(&t);
}

static void test_who_may_answer_in_place_of_an_anchor(void **state)
{
    static const char *const hosts[] = { "registry.test", "www.registry.test", NULL };
    static const char *const others[] = {
        "https://evil.test/1",          "https://registry.test:8443/1",
        "https://x.registry.test/1",    "https://registry.test.evil/1",
        "https://registry.test@evil/1", "http://registry.test/1",
    };
    const struct http_request q = { .url = "https://hub.test/",
                                    .anchored = true,
                                    .deputies = hosts,
                                    .otherwise = "set HUB to it" };
    enum http_failure failure;
    struct error error;
    struct trail t;
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(trail_start(&t, &q, &failure, &error));
        assert_false(trail_follow(&t, 307, others[i], ADDRESS_PUBLIC, &error));
        if (i == 0)
            assert_string_equal(error.message,
                                "https://hub.test: redirects to another server, "
                                "https://evil.test: set HUB to it");
        trail_end(&t);
    }
    assert_true(trail_start(&t, &q, &failure, &error));
    assert_true(trail_follow(&t, 307, "https://Registry.test/1", ADDRESS_PUBLIC, &error));
    assert_false(trail_sends(&t, "Authorization: x"));
    assert_false(trail_follow(&t, 307, "https://hub.test/2", ADDRESS_PUBLIC, &error));
    trail_end(&t);

    struct http_request post = q;
    post.method = HTTP_POST;
    assert_true(trail_start(&t, &post, &failure, &error));
    assert_false(
        trail_follow(&t, 307, "https://registry.test/1", ADDRESS_PUBLIC, &error));
    trail_end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls_have_one_spelling),
        cmocka_unit_test(test_odd_urls_are_refused),
        cmocka_unit_test(test_relative_references),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_proxies),
        cmocka_unit_test(test_what_a_hop_may_reach),
        cmocka_unit_test(test_who_may_answer_in_place_of_an_anchor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
