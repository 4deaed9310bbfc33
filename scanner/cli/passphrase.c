#include "cli/passphrase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PEM_HEAD = 4096 };

static bool first_line(FILE *in, char *line, const char *name, struct error *error)
{
    if (!fgets(line, PASSPHRASE_MAX, in) && ferror(in))
        return error_errno(error, ERROR_IO, "%s", name);
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

static bool prompt(char *line, struct error *error)
{
    struct termios before, quiet;
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return error_set(error, ERROR_USAGE,
                         "the private key is encrypted: give its passphrase with "
                         "--password-file or in ASSAY_KEY_PASSWORD");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    (void)fputs("Passphrase of the private key: ", stderr);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    bool ok = first_line(stdin, line, "standard input", error);
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
    if (file) {
        FILE *in = fopen(file, "re");
        bool ok = in ? first_line(in, buffer, file, error)
                     : error_errno(error, ERROR_USAGE, "%s", file);
        if (in)
            (void)fclose(in);
        return ok;
    }
    if (from_environment) {
        *ret = from_environment;
        return true;
    }
    if (is_encrypted(key))
        return prompt(buffer, error);
    *ret = NULL;
    return true;
}
