/* What anybody on this machine may send to a listener for a sign-in; behind the first
 * byte, which says whether the secret state is put in place of "STATE". */
#include "net/oauth.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

static void check(const struct oauth_answer *a, struct span head)
{
    bool ours = a->kind != OAUTH_FOREIGN;
    if (ours && !span_starts(head, "GET " OAUTH_CALLBACK_PATH "?"))
        abort();
    if ((a->kind == OAUTH_BROKEN) != (a->why != NULL))
        abort();
    if (a->kind == OAUTH_CODE ? !oauth_code_valid(span_of_text(a->code)) : a->code[0])
        abort();
    if (strlen(a->error) > OAUTH_ERROR_MAX || (a->kind != OAUTH_REFUSED && a->error[0]))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oauth_answer answer;
    struct buffer head;
    if (size == 0)
        return 0;
    struct span text = span_of(data + 1, size - 1);
    size_t at = data[0] % 2 ? span_find(text, "STATE", 0) : SIZE_MAX;
    buffer_init(&head, 1 << 20);
    buffer_add(&head, span_slice(text, 0, at));
    if (at != SIZE_MAX) {
        buffer_add_text(&head, SECRET);
        buffer_add(&head, span_slice(text, at + 5, text.len));
    }
    oauth_answer_read(buffer_span(&head), SECRET, "https://a.example", &answer);
    check(&answer, buffer_span(&head));
    buffer_free(&head);
    return 0;
}
