#include "reports/sarif_rule.h"

#include "reports/advice.h"
#include "reports/rule_help.h"

#include <string.h>

enum { DESCRIPTION_MAX = 1024, RULE_NAME_MAX = 255 }; /* what GitHub takes */

/* "A page's `text`" in one paragraph, with its line ends as blanks. */
static void description(struct json_out *j, const char *key, struct span text,
                        const char *otherwise)
{
    struct buffer line;
    buffer_init(&line, DESCRIPTION_MAX);
    for (size_t i = 0; i < text.len; i++)
        buffer_printf(&line, "%c", text.ptr[i] == '\n' ? ' ' : text.ptr[i]);
    json_out_object(j, key);
    if (line.len)
        json_out_bytes(j, "text", span_slice(buffer_span(&line), 0, DESCRIPTION_MAX));
    else
        json_out_text(j, "text", otherwise);
    json_out_end_object(j);
    buffer_free(&line);
}

const char *sarif_level(enum severity s)
{
    return s >= SEVERITY_HIGH ? "error" : s == SEVERITY_MEDIUM ? "warning" : "note";
}

/* GitHub: above 9 critical, 7 and more high, 4 and more medium. */
static const char *score_of(enum severity s)
{
    static const char *const scores[] = { [SEVERITY_INFO] = "0.0",
                                          [SEVERITY_LOW] = "3.0",
                                          [SEVERITY_MEDIUM] = "5.5",
                                          [SEVERITY_HIGH] = "8.0",
                                          [SEVERITY_CRITICAL] = "9.8" };
    return scores[s];
}

/* "pickle/dangerous-call" is PickleDangerousCall. */
static void write_name(struct json_out *j, const char *id)
{
    bool up = true;
    size_t n = 0;
    json_out_string_begin(j, "name");
    for (const char *c = id; *c && n < RULE_NAME_MAX; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z');
        bool digit = *c >= '0' && *c <= '9';
        if (letter || (digit && n > 0)) {
            fputc(up && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, j->file);
            n++;
        }
        up = !letter && !digit;
    }
    json_out_string_end(j);
}

static void write_tags(struct json_out *j, const struct rule *rule)
{
    char tag[64];
    json_out_list(j, "tags");
    json_out_text(j, NULL, "security");
    (void)snprintf(tag, sizeof tag, "%.*s", (int)strcspn(rule->id, "/"), rule->id);
    json_out_text(j, NULL, tag);
    if (rule->cwe) {
        (void)snprintf(tag, sizeof tag, "external/cwe/cwe-%03u", rule->cwe);
        json_out_text(j, NULL, tag);
    }
    json_out_end_list(j);
}

void sarif_rule(struct json_out *j, const struct rule *rule, const char *rules_dir)
{
    struct rule_help help;
    rule_help_read(rules_dir, rule->id, &help);
    const char *advice = report_advice(rule->id);
    json_out_object(j, NULL);
    json_out_text(j, "id", rule->id);
    write_name(j, rule->id);
    description(j, "shortDescription", span_of_text(rule->title), rule->id);
    description(j, "fullDescription", help.finds, rule->title);
    json_out_object(j, "help");
    if (help.body.len) {
        json_out_bytes(j, "text", help.to_do.len ? help.to_do : help.body);
        json_out_bytes(j, "markdown", help.body);
    } else {
        json_out_text(j, "text", advice ? advice : rule->title);
    }
    json_out_end_object(j);
    json_out_object(j, "defaultConfiguration");
    json_out_text(j, "level", sarif_level(rule->severity));
    json_out_end_object(j);
    json_out_object(j, "properties");
    write_tags(j, rule);
    json_out_text(j, "precision", "high");
    json_out_text(j, "problem.severity",
                  rule->severity >= SEVERITY_HIGH     ? "error"
                  : rule->severity == SEVERITY_MEDIUM ? "warning"
                                                      : "recommendation");
    json_out_text(j, "security-severity", score_of(rule->severity));
    json_out_end_object(j);
    json_out_end_object(j);
    rule_help_free(&help);
}
