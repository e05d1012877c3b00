/* peer_libtins.cpp - libtins' StreamFollower on a trace, one packet object a frame. It verifies no TCP checksums.
 *
 *   libtins trace=FILE [partial=on] [verify=on] [limit=N]
 *
 * partial: connections whose handshake was not captured are followed too. */
#include <chrono>
#include <tins/tins.h>
#include <tins/tcp_ip/stream_follower.h>

#include "tally.h"
#include "words.h"

using Tins::TCPIP::Stream;
using Tins::TCPIP::StreamFollower;

static struct tally tally;

static void hear(const Stream::payload_type &bytes, uint64_t &offset) {
  tally_bytes(&tally, bytes.data(), bytes.size(), offset);
  offset += bytes.size();
}

static void follow(Stream &stream) {
  tally_opened(&tally);
  stream.client_data_callback(
      [at = uint64_t(0)](Stream &s) mutable { hear(s.client_payload(), at); });
  stream.server_data_callback(
      [at = uint64_t(0)](Stream &s) mutable { hear(s.server_payload(), at); });
  stream.stream_closed_callback([](Stream &) { tally_closed(&tally); });
}

static void feed(StreamFollower &follower, const tcptale_frame &frame) {
  try {
    Tins::Packet packet(new Tins::EthernetII(frame.data, frame.cap_len),
                        Tins::Timestamp(std::chrono::microseconds(frame.ts_ns / 1000)),
                        Tins::Packet::own_pdu());
    follower.process_packet(packet);
  } catch (const std::exception &) {
    // A frame that it does not take; it shows in what was heard.
  }
}

static void work(void *user, const tcptale_frame *frames, size_t count) {
  StreamFollower &follower = *static_cast<StreamFollower *>(user);
  for (size_t i = 0; i < count; i++) {
    trace_fetch(&frames[i]);
    feed(follower, frames[i]);
  }
}

int main(int, char **argv) {
  words_check(argv, " trace partial verify limit ");
  struct trace trace = trace_open(needed(argv, "trace"), number_of(argv, "limit", 0));
  tally.verify = switch_of(argv, "verify");
  tally_begin(&tally);
  StreamFollower follower;
  follower.follow_partial_streams(switch_of(argv, "partial"));
  follower.new_stream_callback(follow);
  follower.stream_termination_callback(
      [](Stream &, StreamFollower::TerminationReason) { tally_closed(&tally); });
  tally_run(&tally, &trace, work, &follower);
  tally_print(&tally, "libtins", "");
  return 0;
}
