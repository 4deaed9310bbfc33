#include "cli/passphrase.h"

#include "reports/escape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PEM_HEAD = 4096 };

/* Unbuffered, so that no copy of a secret stays behind. */
static bool first_line(FILE *in, char *line, size_t size, const char *name,
                       struct error *error)
{
    (void)setvbuf(in, NULL, _IONBF, 0);
    line[0] = '\0';
    if (!fgets(line, (int)size, in) && ferror(in))
        return error_errno(error, ERROR_IO, "%s", name);
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool first_line_of(const char *file, char *line, size_t size, struct error *error)
{
    FILE *in = fopen(file, "re");
    if (!in)
        return error_errno(error, ERROR_USAGE, "%s", file);
    bool ok = first_line(in, line, size, file, error);
    (void)fclose(in);
    return ok;
}

/* `otherwise` says what to do where nobody can be asked. */
static bool prompt(const char *question, const char *otherwise, char *line, size_t size,
                   struct error *error)
{
    struct termios before, quiet;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return error_set(error, ERROR_USAGE, "%s", otherwise);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet); /* what is typed ahead is lost */
    (void)fputs(question, stderr);
    bool ok = first_line(stdin, line, size, "standard input", error);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
    (void)fputs("\n", stderr);
    return ok;
}

static bool is_encrypted(const char *path)
{
    char head[PEM_HEAD + 1];
    FILE *in = fopen(path, "re");
    size_t n = in ? fread(head, 1, PEM_HEAD, in) : 0;
    if (in)
        (void)fclose(in);
    head[n] = '\0';
    return strstr(head, "ENCRYPTED") != NULL;
}

bool passphrase_find(const char *key, const char *given, const char *file,
                     char buffer[PASSPHRASE_MAX], const char **ret, struct error *error)
{
    const char *from_environment = getenv("ASSAY_KEY_PASSWORD");
    if (given) {
        *ret = given;
        return true;
    }
    *ret = buffer;
    if (file)
        return first_line_of(file, buffer, PASSPHRASE_MAX, error);
    if (from_environment) {
        *ret = from_environment;
        return true;
    }
    if (is_encrypted(key))
        return prompt("Passphrase of the private key: ",
                      "the private key is encrypted: give its passphrase with "
                      "--password-file or in ASSAY_KEY_PASSWORD",
                      buffer, PASSPHRASE_MAX, error);
    *ret = NULL;
    return true;
}

static bool ask_for_pin(const char *token, bool last, char *pin, size_t size,
                        struct error *error)
{
    struct buffer question;
    buffer_init(&question, 1024);
    buffer_add_text(&question, "PIN of the token ");
    escape_terminal(&question, span_of_text(token));
    buffer_add_text(&question, last ? " (the last try before it locks): " : ": ");
    bool ok = prompt(question.text ? question.text : "PIN: ",
                     "the token wants a PIN: give it with --pin-file or in "
                     "ASSAY_PKCS11_PIN",
                     pin, size, error);
    buffer_free(&question);
    return ok;
}

bool passphrase_pin(const char *token, bool last, const char *file, char *pin,
                    size_t size, struct error *error)
{
    const char *from_environment = getenv("ASSAY_PKCS11_PIN");
    bool ok = true;
    if (file)
        ok = first_line_of(file, pin, size, error);
    else if (from_environment)
        (void)snprintf(pin, size, "%s", from_environment);
    else
        ok = ask_for_pin(token, last, pin, size, error);
    size_t len = ok ? strlen(pin) : 0;
    return ok && ((len > 0 && len + 1 < size) ||
                  error_set(error, ERROR_USAGE, "the PIN is empty, or too long for one"));
}
