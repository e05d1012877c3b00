/* version.c - the version of the loaded library, from the numbers in base.h. Floor 1. */
#include "tcptale/base.h"

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

uint32_t tcptale_version_number(void) {
  return (uint32_t)TCPTALE_VERSION_MAJOR << 16 | (uint32_t)TCPTALE_VERSION_MINOR << 8 |
         (uint32_t)TCPTALE_VERSION_PATCH;
}

const char *tcptale_version_string(void) {
  return TEXT(TCPTALE_VERSION_MAJOR) "." TEXT(TCPTALE_VERSION_MINOR) "." TEXT(TCPTALE_VERSION_PATCH);
}
