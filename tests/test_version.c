/* The version is one fact, told as numbers and as text; sizes agree with the headers'. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tcptale/base.h"

Test(version, number_and_text_agree_with_the_header) {
  char text[32];
  uint32_t number = tcptale_version_number();

  cr_assert_eq(number >> 16, TCPTALE_VERSION_MAJOR);
  cr_assert_eq(number >> 8 & 0xff, TCPTALE_VERSION_MINOR);
  cr_assert_eq(number & 0xff, TCPTALE_VERSION_PATCH);
  snprintf(text, sizeof text, "%u.%u.%u", number >> 16, number >> 8 & 0xff, number & 0xff);
  cr_assert_str_eq(tcptale_version_string(), text);
}
