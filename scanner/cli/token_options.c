#include "cli/token_options.h"

#include "cli/passphrase.h"

bool token_arguments_take(struct token_arguments *a, int option, const char *value)
{
    switch (option) {
    case TOKEN_URI:
        a->uri = value;
        break;
    case TOKEN_MODULE:
        a->module = value;
        break;
    case TOKEN_PIN_FILE:
        a->pin_file = value;
        break;
    default:
        return false;
    }
    a->any = true;
    return true;
}

static bool ask_pin(const void *self, const char *token, bool last,
                    char pin[TOKEN_PIN_MAX], struct error *error)
{
    const struct token_arguments *a = self;
    return passphrase_pin(token, last, a->pin_file, pin, TOKEN_PIN_MAX, error);
}

struct token_request token_arguments_request(const struct token_arguments *a)
{
    return (struct token_request){
        .uri = a->uri, .module = a->module, .ask_pin = ask_pin, .ask_self = a
    };
}
