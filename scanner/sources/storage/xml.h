/* xml.h: the XML that object stores list with, as texts with their paths.
 *
 * expat underneath; a document type is an error, so there are no entities; depth, length
 * of a text and number of elements are bounded. */
#ifndef XML_H
#define XML_H

#include "core/error.h"
#include "core/span.h"

enum { XML_DEPTH_MAX = 16, XML_TEXT_MAX = 64 << 10, XML_PATH_MAX = 512 };

/* The end of an element: "ListBucketResult/Contents/Key" (names without prefixes) and the
 * text right inside it, with white space.  False ends the walk. */
typedef bool xml_element(void *self, const char *path, struct span text);

/* False with an error when it is not well-formed, breaks a bound, or `end` said so (then
 * *error is what `end` made of it). */
bool xml_walk(struct span document, xml_element *end, void *self, struct error *error);

#endif
