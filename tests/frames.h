/* frames.h - frames by hand, one for each way to TCP that the decoder knows: hexadecimal text put
 * together from headers. In each of them TCP goes from port 1234 to 80, with sequence number 1, and
 * carries "hello". */
#ifndef TCPTALE_TESTS_FRAMES_H
#define TCPTALE_TESTS_FRAMES_H

#include "tcptale/packet.h"

#define F_MAC                 "02000000000a 02000000000b "
#define F_V4(total, protocol) "4500 " total " 0001 4000 40 " protocol " 0000 0a000001 0a000002 "
#define F_V6(len, next)                                                                            \
  "60000000 " len " " next " 40 20010db8000000000000000000000001 "                                 \
  "20010db8000000000000000000000002 "
#define F_TCP           "04d2 0050 00000001 00000002 5018 2000 0000 0000 "
#define F_DATA          "68656c6c6f "
#define F_IP4           F_V4("002d", "06") F_TCP F_DATA /* 45 bytes */
#define F_IP6           F_V6("0019", "06") F_TCP F_DATA /* 65 bytes */
#define F_ETHER         F_MAC "0800 " F_IP4             /* 59 bytes */
#define F_SNAP          "aaaa03 000000 0800 "
#define F_WIFI(control) control " 0000 02000000000a 02000000000b 02000000000c 1000 "
#define F_ADDR4         "02000000000d "

struct frame_row {
  const char *name;
  uint32_t link_type;
  const char *hex;
  uint32_t layers; /* TCP itself left out */
  uint8_t tunnel_count;
  uint8_t vlan_count;
  uint32_t tunnel_id;
};

extern const struct frame_row frame_rows[];
extern const unsigned frame_row_count;

#endif
