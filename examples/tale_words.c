/* tale_words.c - marks and sentences, one row for each value. */
#include "tale_words.h"

#include <stddef.h>

#include "tcptale/names.h"
#include "tcptale/stream.h"
#include "tcptale/tracker.h"

static tale_word pick(const tale_word *table, size_t count, uint32_t value, const char *name) {
  tale_word word = {name, "", TALE_NOTICE};
  if (value < count && table[value].sentence != NULL) word = table[value];
  if (word.mark == NULL) word.mark = name;
  return word;
}

tale_word tale_word_verdict(uint32_t verdict) {
  static const tale_word words[] = {
      [TCPTALE_SEGMENT_IN_ORDER] = {"", "", TALE_QUIET},
      [TCPTALE_SEGMENT_OUT_OF_ORDER] = {"out of order",
                                        "This packet did not come in its turn: bytes before or "
                                        "after it were sent at another time. "
                                        "The receiver keeps it until the rest is there.",
                                        TALE_NOTICE},
      [TCPTALE_SEGMENT_RETRANSMISSION] = {"retransmission",
                                          "The sender sends this again: it got no acknowledgement "
                                          "of the first copy in time, or was told "
                                          "that it is missing.",
                                          TALE_NOTICE},
      [TCPTALE_SEGMENT_SPURIOUS_RETRANSMISSION] =
          {"spurious retransmission",
           "The sender sends this again although the receiver had acknowledged it already: the "
           "acknowledgement was lost or late.",
           TALE_NOTICE},
      [TCPTALE_SEGMENT_DUP_FRAME] = {"duplicate frame",
                                     "The very same packet, recorded twice: the capture saw it at "
                                     "two places. It was sent once.",
                                     TALE_QUIET},
      [TCPTALE_SEGMENT_KEEPALIVE] = {"keep-alive",
                                     "Only a question whether the other side is still there: the "
                                     "number lies one below the next, so "
                                     "nothing new is said and the other side has to answer.",
                                     TALE_QUIET},
      [TCPTALE_SEGMENT_ZWP] =
          {"zero-window probe",
           "The receiver had said 'win 0', no more room. The sender asks with one "
           "byte whether there is room again.",
           TALE_NOTICE},
      [TCPTALE_SEGMENT_ZERO_WINDOW] = {"zero window",
                                       "'win 0' means: I have no room for more, wait. The program "
                                       "on this side is not reading as fast "
                                       "as the bytes arrive.",
                                       TALE_NOTICE},
      [TCPTALE_SEGMENT_WINDOW_UPDATE] =
          {"window update",
           "Nothing new is acknowledged; this only says how much room (win) the receiver has now.",
           TALE_QUIET},
      [TCPTALE_SEGMENT_DUP_ACK] = {"duplicate ACK",
                                   "The same acknowledgement again: something came, but not what "
                                   "comes next. It asks for the "
                                   "missing bytes.",
                                   TALE_QUIET},
      [TCPTALE_SEGMENT_OUTSIDE] = {"not believed", "", TALE_ALARM},
  };
  return pick(words, sizeof words / sizeof *words, verdict, tcptale_verdict_name(verdict));
}

tale_word tale_word_gap(uint32_t why) {
  static const tale_word words[] = {
      [TCPTALE_GAP_ACKED] =
          {"acknowledged, but not in the capture",
           "The receiver acknowledged these bytes, so they arrived; it is the capture "
           "that missed them.",
           TALE_ALARM},
      [TCPTALE_GAP_TIMEOUT] =
          {"waited too long",
           "These bytes never came while the ones after them waited; the tale goes "
           "on without them.",
           TALE_ALARM},
      [TCPTALE_GAP_BUDGET] =
          {"too much was waiting",
           "More was waiting behind these bytes than may be kept; the tale goes on "
           "without them.",
           TALE_ALARM},
      [TCPTALE_GAP_SNAPLEN] = {"cut off by the capture",
                               "The capture recorded only the beginning of this packet.",
                               TALE_ALARM},
      [TCPTALE_GAP_END] = {"the connection ended first",
                           "These bytes had not come when the connection ended.", TALE_ALARM},
  };
  return pick(words, sizeof words / sizeof *words, why, tcptale_gap_name(why));
}

tale_word tale_word_reset(uint32_t verdict) {
  static const tale_word words[] = {
      [TCPTALE_RESET_EXACT] = {"reset", "", TALE_ALARM},
      [TCPTALE_RESET_TENTATIVE] = {"reset, tentative",
                                   "This reset does not carry exactly the next number, so it may "
                                   "be a forgery or a leftover. What "
                                   "follows will tell.",
                                   TALE_ALARM},
      [TCPTALE_RESET_CONFIRMED] =
          {"reset confirmed", "The doubtful reset was meant: another one, or silence, confirms it.",
           TALE_ALARM},
      [TCPTALE_RESET_REFUTED] = {"reset refuted",
                                 "The reset is not believed any more: its apparent sender goes on "
                                 "talking, so somebody else may have sent it.",
                                 TALE_ALARM},
  };
  return pick(words, sizeof words / sizeof *words, verdict, tcptale_reset_name(verdict));
}

tale_word tale_word_after_reset(void) {
  return (tale_word){"after the reset",
                     "The reset came before this, so its receiver takes nothing of it, unless the "
                     "reset turns out to be false.",
                     TALE_NOTICE};
}

tale_word tale_word_lost_after_reset(void) {
  return (tale_word){tcptale_anomaly_name(TCPTALE_ANOMALY_DISCARDED),
                     "What came after the reset was thrown away: its receiver had given up the "
                     "connection.",
                     TALE_NOTICE};
}

const char *tale_word_close(uint32_t why) {
  static const char *const words[] = {
      [TCPTALE_CLOSE_FIN] = "closed by both sides",
      [TCPTALE_CLOSE_RST] = "broken off by a reset",
      [TCPTALE_CLOSE_REFUSED] = "refused",
      [TCPTALE_CLOSE_TIMEOUT] = "fell silent",
      [TCPTALE_CLOSE_EVICTED] = "no longer followed, memory is short",
      [TCPTALE_CLOSE_SUPERSEDED] = "replaced by a new connection",
      [TCPTALE_CLOSE_STOPPED] = "no longer followed",
      [TCPTALE_CLOSE_END] = "still open where the capture ends",
  };
  if (why < sizeof words / sizeof *words && words[why] != NULL) return words[why];
  return tcptale_close_name(why);
}

/* Each row: the code's name is the mark. */
static const tale_word anomalies[] = {
    [TCPTALE_ANOMALY_BAD_IP_CSUM] = {NULL,
                                     "The IP header's checksum is wrong: the packet was damaged on "
                                     "its way (or made so), and its receiver drops it.",
                                     TALE_ALARM},
    [TCPTALE_ANOMALY_BAD_TCP_CSUM] = {NULL,
                                      "The checksum is wrong: the packet was damaged on its way "
                                      "(or made so), and its receiver drops it.",
                                      TALE_ALARM},
    [TCPTALE_ANOMALY_CSUM_OFFLOAD] = {NULL,
                                      "The checksum was not filled in yet when this was recorded: "
                                      "the sender's network card does that. Nothing is wrong.",
                                      TALE_QUIET},
    [TCPTALE_ANOMALY_TRUNCATED] = {NULL, "The capture ends inside this packet's headers.",
                                   TALE_ALARM},
    [TCPTALE_ANOMALY_MALFORMED] = {NULL,
                                   "A header contradicts itself; no receiver can make sense of it.",
                                   TALE_ALARM},
    [TCPTALE_ANOMALY_TOO_MANY_LAYERS] =
        {NULL, "More headers are wrapped around this packet than are followed.", TALE_ALARM},
    [TCPTALE_ANOMALY_BAD_FLAGS] = {NULL,
                                   "These flags make no sense together; scanners and attackers "
                                   "send them to see what happens.",
                                   TALE_ALARM},
    [TCPTALE_ANOMALY_NO_ACK_FLAG] = {NULL,
                                     "Every packet after the first must carry an acknowledgement; "
                                     "this one does not, so its receiver drops it.",
                                     TALE_ALARM},
    [TCPTALE_ANOMALY_LAND] = {NULL,
                              "Sender and receiver are the same address and port: an old attack.",
                              TALE_ALARM},
    [TCPTALE_ANOMALY_OPT_MALFORMED] = {NULL, "One of the options has an impossible length.",
                                       TALE_NOTICE},
    [TCPTALE_ANOMALY_OPT_DUP] = {NULL, "An option stands twice; the first one counts.",
                                 TALE_NOTICE},
    [TCPTALE_ANOMALY_WSCALE_RANGE] =
        {NULL, "The window scale is larger than 14, the most that is allowed; 14 is taken.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_IP_OPT_ROUTE] = {NULL,
                                      "The packet prescribes its own route, so the address that it "
                                      "shows may not be its real destination.",
                                      TALE_ALARM},
    [TCPTALE_ANOMALY_IP_OPT_MALFORMED] = {NULL,
                                          "An option of the IP header has an impossible length.",
                                          TALE_NOTICE},
    [TCPTALE_ANOMALY_MPTCP] = {NULL,
                               "This is one path of a Multipath TCP connection: its bytes are a "
                               "slice of a larger stream.",
                               TALE_QUIET},
    [TCPTALE_ANOMALY_RST_DATA] = {NULL,
                                  "A reset with bytes in it: they may explain the reason, but are "
                                  "not part of what was sent.",
                                  TALE_NOTICE},
    [TCPTALE_ANOMALY_SYN_DATA] =
        {NULL,
         "Data comes with the very first packet, before the other side has agreed to anything.",
         TALE_QUIET},
    [TCPTALE_ANOMALY_SYN_DATA_IGNORED] = {NULL,
                                          "The server did not take the data that came with the "
                                          "first packet; it has to be sent again.",
                                          TALE_NOTICE},
    [TCPTALE_ANOMALY_DATA_BEFORE_EST] =
        {NULL,
         "The server sends data before the handshake is complete; this can be a forged answer.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_SYN_FLOOD_FLOW] =
        {NULL,
         "The same call comes again and again with other numbers; not all of them are remembered.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_SYNACK_BAD_ACK] = {NULL, "This answer acknowledges a call that nobody made.",
                                        TALE_ALARM},
    [TCPTALE_ANOMALY_SYNACK_DIFF_SEQ] =
        {NULL,
         "A second answer with another first number; the client's acknowledgement will choose one.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_SYNACK_WRONG_DIR] = {NULL,
                                          "The answer to a call came from the side that made it.",
                                          TALE_ALARM},
    [TCPTALE_ANOMALY_SPLIT_HANDSHAKE] =
        {NULL,
         "The server answers the call with a call of its own, so the handshake takes more than "
         "three packets; some do that to confuse watchers.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_SIMULTANEOUS_OPEN] = {NULL,
                                           "Both sides called each other at the same time; TCP "
                                           "allows that, and it gives one connection.",
                                           TALE_NOTICE},
    [TCPTALE_ANOMALY_TS_MISSING] =
        {NULL, "Both sides had agreed on timestamps, this packet carries none.", TALE_NOTICE},
    [TCPTALE_ANOMALY_MD5_UNEXPECTED] =
        {NULL, "The packet is signed although the handshake was not; many receivers drop it.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_SYN_IN_ESTABLISHED] =
        {NULL,
         "A new call on a connection that is already in use: a leftover, a restart, or a forgery. "
         "It changes nothing yet.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_SYN_AFTER_CLOSE] =
        {NULL, "A call on ports that were in use a moment ago; it may be a leftover.", TALE_NOTICE},
    [TCPTALE_ANOMALY_PORT_REUSE] =
        {NULL, "A new connection uses the same addresses and ports as an earlier one.", TALE_QUIET},
    [TCPTALE_ANOMALY_SEQ_IMPLAUSIBLE] =
        {NULL, "The number is further away than anything that could have been sent.", TALE_ALARM},
    [TCPTALE_ANOMALY_OUT_OF_WINDOW] = {NULL,
                                       "These numbers lie outside of what the receiver had offered "
                                       "to take (win), so it drops them, unless it had "
                                       "offered more and the capture missed that.",
                                       TALE_ALARM},
    [TCPTALE_ANOMALY_ACK_UNSEEN] = {NULL,
                                    "This acknowledges bytes that the capture does not hold: they "
                                    "were lost to the capture, or are recorded later.",
                                    TALE_NOTICE},
    [TCPTALE_ANOMALY_ACK_IMPLAUSIBLE] =
        {NULL, "This acknowledges far more than was ever sent, so it is not believed.", TALE_ALARM},
    [TCPTALE_ANOMALY_ACK_OLD] =
        {NULL, "The acknowledgement is so old that no receiver accepts the packet.", TALE_ALARM},
    [TCPTALE_ANOMALY_BROKEN_ACK] =
        {NULL, "There is an acknowledgement number, but the flag that makes it valid is missing.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_WINDOW_SHRINK] = {NULL,
                                       "The receiver takes back room that it had offered before.",
                                       TALE_NOTICE},
    [TCPTALE_ANOMALY_WINDOW_TOO_LARGE] = {NULL, "More room is offered than is plausible.",
                                          TALE_NOTICE},
    [TCPTALE_ANOMALY_WINDOW_BAD] = {NULL,
                                    "A change of the window in a packet that is not believed.",
                                    TALE_NOTICE},
    [TCPTALE_ANOMALY_PAWS] = {NULL,
                              "The timestamp is older than one already seen: an old copy from the "
                              "network, or a forgery. The receiver drops it.",
                              TALE_ALARM},
    [TCPTALE_ANOMALY_OVERLAP_CONFLICT] =
        {NULL,
         "The same bytes were sent twice with different content. An honest sender never does that.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_OVERLAP_LIMIT] = {NULL, "More packets overlap than a sender has a reason for.",
                                       TALE_ALARM},
    [TCPTALE_ANOMALY_LATE_AFTER_GAP] =
        {NULL,
         "Bytes that were already given up as missing have come after all; they are not put back.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_HOLE_LIMIT] =
        {NULL, "So much is waiting behind missing bytes that these are given up.", TALE_ALARM},
    [TCPTALE_ANOMALY_SEG_LIMIT] =
        {NULL, "Too many packets are waiting for missing bytes; these are given up.", TALE_ALARM},
    [TCPTALE_ANOMALY_BYTE_LIMIT] =
        {NULL, "Too many bytes are waiting for missing ones; these are given up.", TALE_ALARM},
    [TCPTALE_ANOMALY_SMALL_SEGMENTS] =
        {NULL, "A long run of tiny packets: wasteful, or meant to slip past watchers.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_URGENT] = {NULL,
                                "The packet marks a byte as urgent. Receivers treat that byte "
                                "differently, so watchers can be misled.",
                                TALE_NOTICE},
    [TCPTALE_ANOMALY_URGENT_LIMIT] = {NULL, "More urgent bytes than are told apart.", TALE_ALARM},
    [TCPTALE_ANOMALY_DISCARDED] =
        {NULL,
         "Bytes were waiting when the connection ended, for missing ones or for their "
         "acknowledgement; they never counted.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_FIN_MOVED] = {NULL,
                                   "A second end of the stream, at another place than the first.",
                                   TALE_ALARM},
    [TCPTALE_ANOMALY_DATA_AFTER_FIN] =
        {NULL, "Data from a side that had said that it was finished; it is not taken.", TALE_ALARM},
    [TCPTALE_ANOMALY_FIN_OUT_OF_WINDOW] =
        {NULL, "This end of the stream lies where its receiver does not accept it.", TALE_ALARM},
    [TCPTALE_ANOMALY_RST_OUT_OF_WINDOW] =
        {NULL,
         "A reset whose number does not fit: its receiver ignores it. Somebody may be guessing.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_RST_IN_WINDOW] =
        {NULL, "A reset whose number nearly fits: its receiver asks back instead of obeying.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_RST_IGNORED] =
        {NULL, "The connection goes on in spite of the reset, so the reset did not count.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_RST_SUSPECT_INJECTION] = {NULL,
                                               "The side that seemed to send the reset goes on "
                                               "talking: somebody else may have forged it.",
                                               TALE_ALARM},
    [TCPTALE_ANOMALY_RST_BAD_ACK] = {NULL, "This refusal does not answer the call that was made.",
                                     TALE_ALARM},
    [TCPTALE_ANOMALY_DATA_AFTER_RST] = {NULL, "Data after the connection was broken off.",
                                        TALE_NOTICE},
    [TCPTALE_ANOMALY_MAC_CHANGE] =
        {NULL, "The sender's hardware address changed: another path, or another machine.",
         TALE_NOTICE},
    [TCPTALE_ANOMALY_TTL_JUMP] = {NULL,
                                  "The packet travelled a path of another length than those before "
                                  "it: another route, or another machine.",
                                  TALE_NOTICE},
    [TCPTALE_ANOMALY_FRAG_OVERLAP] =
        {NULL, "The pieces of this packet overlap; honest senders do not cut like that.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_FRAG_CONFLICT] =
        {NULL, "Overlapping pieces of this packet differ: what counts depends on the receiver.",
         TALE_ALARM},
    [TCPTALE_ANOMALY_FRAG_TINY] = {NULL,
                                   "The first piece of the packet is too small to hold the TCP "
                                   "header, which hides it from simple filters.",
                                   TALE_ALARM},
    [TCPTALE_ANOMALY_FRAG_INCONSISTENT] = {NULL,
                                           "The pieces of the packet disagree on where it ends.",
                                           TALE_ALARM},
    [TCPTALE_ANOMALY_FRAG_LIMIT] =
        {NULL, "Too many pieces of packets are waiting; the oldest were dropped.", TALE_ALARM},
    [TCPTALE_ANOMALY_FRAG_TIMEOUT] = {NULL,
                                      "A packet was never completed: one of its pieces is missing.",
                                      TALE_NOTICE},
    [TCPTALE_ANOMALY_EVICTED] = {NULL, "This connection had to make room for others.", TALE_ALARM},
    [TCPTALE_ANOMALY_NOMEM] = {NULL, "There was no memory to follow this packet.", TALE_ALARM},
};

tale_word tale_word_anomaly(uint32_t code) {
  return pick(anomalies, sizeof anomalies / sizeof *anomalies, code, tcptale_anomaly_name(code));
}
