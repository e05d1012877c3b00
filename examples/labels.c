/* labels.c - addresses as RFC 5952 writes them, flags as tcpdump does. */
#define _POSIX_C_SOURCE 200809L
#include "labels.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

const char *label_address(const tcptale_endpoints *ends, unsigned end, char text[LABEL_ADDRESS]) {
  int family = ends->ip_version == 6 ? AF_INET6 : AF_INET;
  if (inet_ntop(family, ends->addr[end], text, LABEL_ADDRESS) == NULL) strcpy(text, "?");
  return text;
}

const char *label_flags(uint32_t tcp_flags, char text[LABEL_FLAGS]) {
  static const struct {
    uint32_t flag;
    char letter;
  } letters[] = {{TCPTALE_TCP_FIN, 'F'}, {TCPTALE_TCP_SYN, 'S'}, {TCPTALE_TCP_RST, 'R'},
                 {TCPTALE_TCP_PSH, 'P'}, {TCPTALE_TCP_ACK, '.'}, {TCPTALE_TCP_URG, 'U'},
                 {TCPTALE_TCP_ECE, 'E'}, {TCPTALE_TCP_CWR, 'W'}, {TCPTALE_TCP_AE, 'e'}};
  size_t len = 0;
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (tcp_flags & letters[i].flag) text[len++] = letters[i].letter;
  text[len] = '\0';
  if (len == 0) strcpy(text, "none");
  return text;
}
