/* banned.h: force-included in every file; calls that have no safe use here. */
#ifndef BANNED_H
#define BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BANNED(function) sorry_##function##_is_a_banned_function
#undef strcpy
#undef strcat
#undef strncpy
#undef strncat
#undef sprintf
#undef vsprintf
#undef gets
#undef system
#undef popen
#undef strtok
#undef atoi
#undef atol
#undef sscanf
#undef alloca
#define strcpy(d, s)     BANNED(strcpy)
#define strcat(d, s)     BANNED(strcat)
#define strncpy(d, s, n) BANNED(strncpy)
#define strncat(d, s, n) BANNED(strncat)
#define sprintf(...)     BANNED(sprintf)
#define vsprintf(...)    BANNED(vsprintf)
#define gets(s)          BANNED(gets)
#define system(c)        BANNED(system)
#define popen(c, m)      BANNED(popen)
#define strtok(s, d)     BANNED(strtok)
#define atoi(s)          BANNED(atoi)
#define atol(s)          BANNED(atol)
#define sscanf(...)      BANNED(sscanf)
#define alloca(n)        BANNED(alloca)

#endif
