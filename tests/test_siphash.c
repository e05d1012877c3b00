/* The keyed hash against the vectors of its authors (SipHash-2-4) and of the kernel's 1-3 (hsiphash
 * on 64-bit machines): message of n bytes 0, 1, 2 ... under the key 00 01 .. 0f. */
#include <criterion/criterion.h>

#include "siphash.h"

static const uint64_t two_four[] = {
    0x726fdb47dd0e0e31u, 0x74f839c593dc67fdu, 0x0d6c8009d9a94f5au, 0x85676696d7fb7e2du,
    0xcf2794e0277187b7u, 0x18765564cd99a68du, 0xcbc9466e58fee3ceu, 0xab0200f58b01d137u,
    0x93f5f5799a932462u, 0x9e0082df0ba9e4b0u, 0x7a5dbbc594ddb9f3u, 0xf4b32f46226bada7u,
    0x751e8fbc860ee5fbu, 0x14ea5627c0843d90u, 0xf723ca908e7af2eeu, 0xa129ca6149be45e5u};

static const uint64_t one_three[] = {0xabac0158050fc4dcu, 0xc9f49bf37d57ca93u, 0x82cb9b024dc7d44du,
                                     0x8bf80ab8e7ddf7fbu, 0xcf75576088d38328u, 0xdef9d52f49533b67u,
                                     0xc50d2b50c59f22a7u, 0xd3927d989bb11140u, 0x369095118d299a8eu};

static void count_up(uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++) bytes[i] = (uint8_t)i;
}

Test(siphash, published_vectors) {
  uint8_t key[16], message[16];
  count_up(key, sizeof key);
  count_up(message, sizeof message);
  for (size_t n = 0; n < sizeof two_four / sizeof two_four[0]; n++)
    cr_expect_eq(tcptale_siphash_any(key, message, n, 2, 4), two_four[n], "2-4 of %zu bytes", n);
  for (size_t n = 0; n < sizeof one_three / sizeof one_three[0]; n++)
    cr_expect_eq(tcptale_siphash13(key, message, n), one_three[n], "1-3 of %zu bytes", n);
}

Test(siphash, words_are_little_endian_bytes) {
  uint8_t key[16], message[64];
  count_up(key, sizeof key);
  count_up(message, sizeof message);
  for (size_t words = 0; words <= sizeof message / 8; words++) {
    struct tcptale_siphash s = tcptale_siphash_begin(key);
    for (size_t i = 0; i < words; i++) tcptale_siphash_word(&s, tcptale_le64(message + 8 * i));
    cr_expect_eq(tcptale_siphash_end(&s, words), tcptale_siphash13(key, message, 8 * words),
                 "%zu words", words);
  }
}

Test(siphash, every_bit_of_key_and_message_counts) {
  uint8_t key[16] = {0}, message[24] = {0};
  uint64_t plain = tcptale_siphash13(key, message, sizeof message);
  for (size_t bit = 0; bit < 8 * sizeof message; bit++) {
    message[bit / 8] ^= (uint8_t)(1u << bit % 8);
    cr_expect_neq(tcptale_siphash13(key, message, sizeof message), plain, "message bit %zu", bit);
    message[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  for (size_t bit = 0; bit < 8 * sizeof key; bit++) {
    key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    cr_expect_neq(tcptale_siphash13(key, message, sizeof message), plain, "key bit %zu", bit);
    key[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
}
