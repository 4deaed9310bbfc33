/* The JSON report, assay-report/1 (docs/report.schema.json, docs/reports.md).  Complete
 * whatever --min-severity says: it is the record that other reports are made from. */
#include "reports/json/result.h"
#include "reports/stamp.h"

bool report_write_json(FILE *out, const struct result *r, const struct report_options *o)
{
    struct json_out j = json_out_to(out);
    bool ok = true;
    json_out_object(&j, NULL);
    json_out_text(&j, "schema", "assay-report/1");
    json_result_head(&j, r);
    json_result_verdict(&j, r);
    json_out_list(&j, "models");
    for (const struct model *m = r->models; m; m = m->next) {
        json_out_object(&j, NULL);
        ok &= json_result_model(&j, m);
        json_out_end_object(&j);
    }
    json_out_end_list(&j);
    json_out_list(&j, "errors");
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        json_out_object(&j, NULL);
        json_result_error(&j, e);
        json_out_end_object(&j);
    }
    json_out_end_list(&j);
    if (!o->reproducible)
        json_result_run(&j, r);
    json_out_end_object(&j);
    json_out_finish(&j);
    return ok;
}

/* The same as lines (docs/report-lines.schema.json), each an object with one key that
 * says what it is: a head, each model, each error, and the end with the verdict, without
 * which the file is not whole. */

static void begin_line(struct json_out *j, const char *record)
{
    json_out_object(j, NULL);
    json_out_object(j, record);
}

static void end_line(struct json_out *j)
{
    json_out_end_object(j);
    json_out_end_object(j);
    json_out_finish(j);
    j->filled = false;
}

bool report_write_jsonl(FILE *out, const struct result *r, const struct report_options *o)
{
    struct json_out j = json_out_compact_to(out);
    bool ok = true;
    begin_line(&j, "head");
    json_out_text(&j, "schema", "assay-report-lines/1");
    json_result_head(&j, r);
    end_line(&j);
    for (const struct model *m = r->models; m; m = m->next) {
        begin_line(&j, "model");
        ok &= json_result_model(&j, m);
        end_line(&j);
    }
    for (const struct scan_error *e = r->errors; e; e = e->next) {
        begin_line(&j, "error");
        json_result_error(&j, e);
        end_line(&j);
    }
    begin_line(&j, "end");
    json_result_verdict(&j, r);
    if (!o->reproducible)
        json_result_run(&j, r);
    end_line(&j);
    return ok;
}
