/* reset.h - is this RST believable? RFC 9293 3.10.7.4 and 5961 3 as a bystander can check them,
 * plus the older rules that some hosts still follow (rule R16). Pure. Floor 7. */
#ifndef TCPTALE_LIB_RESET_H
#define TCPTALE_LIB_RESET_H

#include "record.h"

/* The verdict on a RST in a connection that is past its handshake: TCPTALE_RESET_EXACT,
 * _TENTATIVE, or 0: outside; then, or where it counts although it is not exact, seg->anomaly
 * says why. seg->offset is placed. */
uint32_t tcptale_reset_judge(const struct tcptale_conn_env *env, const struct tcptale_conn *conn,
                             struct tcptale_arrival *seg);

#endif
