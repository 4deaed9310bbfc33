/* decode.h: one instruction of a pickle, and the texts and numbers in it.
 *
 * CPython has two unpicklers, in C and in Python, that read some arguments
 * differently.  Whatever one of them accepts is accepted here (the union): numbers in
 * base 0 or cut at a NUL, a line that the end of the input cuts short, and so on. */
#ifndef PICKLE_DECODE_H
#define PICKLE_DECODE_H

#include "core/reader.h"

enum pickle_op {
#define OPCODE(code, name, argument, protocol) OP_##name = code,
#include "formats/pickle/opcodes.def"
#undef OPCODE
};

enum pickle_argument {
    ARGUMENT_NONE,
    ARGUMENT_U1, /* unsigned little-endian, of that many bytes */
    ARGUMENT_U2,
    ARGUMENT_U4,
    ARGUMENT_U8,
    ARGUMENT_I4,     /* signed */
    ARGUMENT_F8,     /* a double, big-endian */
    ARGUMENT_LINE,   /* text up to a newline */
    ARGUMENT_LINES,  /* two of them */
    ARGUMENT_BYTES1, /* a length of that many bytes, then the bytes */
    ARGUMENT_BYTES4,
    ARGUMENT_BYTES8
};

struct pickle_opcode {
    const char *name; /* NULL: no such opcode */
    enum pickle_argument argument;
    uint8_t protocol;
};
extern const struct pickle_opcode pickle_opcodes[256];

struct pickle_instruction {
    size_t offset; /* of the opcode, in the reader's window */
    uint8_t code;
    uint64_t number;    /* ARGUMENT_U*; two's complement for I4; the length of BYTES* */
    struct span text;   /* a line without its newline, or the bytes */
    struct span second; /* the second line */
};

enum pickle_decoded {
    DECODED,
    DECODED_END,      /* the input ends before the opcode */
    DECODED_INVALID,  /* no such opcode */
    DECODED_TRUNCATED /* the input ends inside the argument */
};

/* Where unpicklers disagree there are several ways to read a stream; 0 is that of most.
 */
enum pickle_reading {
    READING_FRAMED = 1, /* pickle_decode_framed() */
    READING_SPARSE = 2, /* places.h */
    READING_ALL = 3
};

enum pickle_decoded pickle_decode(struct reader *r, struct pickle_instruction *ret);

/* The C unpickler on a file that it cannot peek into (io.BytesIO, as torch.load uses)
 * reads a frame as a whole; when a read crosses its end, it drops what is left of the
 * frame and reads behind it.  *frame_end: SIZE_MAX when no frame is open.
 * *ret_crossed: bytes were dropped. */
enum pickle_decoded pickle_decode_framed(struct reader *r, size_t *frame_end,
                                         struct pickle_instruction *ret,
                                         bool *ret_crossed);

/* The texts of the two integer notations, base 0 for INT and LONG, 10 for GET and
 * PUT.  False when neither unpickler accepts them.  A value that does not fit is
 * accepted: *ret_fits is then false. */
bool pickle_integer(struct span line, unsigned base, int64_t *ret_value, bool *ret_fits);
bool pickle_float(struct span line);

/* The digits of an integer in base 10 without sign, blanks and leading zeros: the same
 * for every way to write the number, but for underscores. */
struct span pickle_significant(struct span line);

/* LONG1, LONG4: little-endian two's complement; false when it does not fit. */
bool pickle_long(struct span bytes, int64_t *ret_value);

/* Is it UTF-8, lone surrogates allowed (Python's "surrogatepass")? */
bool pickle_utf8(struct span bytes);

/* The content of a STRING line (quotes and escapes taken off), of a UNICODE line
 * (\uXXXX decoded, result in UTF-8).  False when no unpickler accepts it.  `ret` is
 * cleared first; what does not fit is cut. */
bool pickle_unquote(struct span line, struct buffer *ret);
bool pickle_raw_unicode(struct span line, struct buffer *ret);
bool pickle_quoted(struct span line); /* the check alone, without a buffer */
bool pickle_raw_unicode_valid(struct span line);

#endif
