/* Three raw packets go in, the tale of their connection comes out. */
#include <inttypes.h>
#include <stdio.h>
#include <tcptale.h>

static const char syn[] =
    "\x45\x00\x00\x28\x00\x00\x00\x00\x40\x06\x66\xce\x0a\x00\x00\x01\x0a\x00\x00\x02"
    "\x9c\x40\x00\x50\x00\x00\x00\x64\x00\x00\x00\x00\x50\x02\x20\x00\xde\xeb\x00\x00";
static const char ack[] =
    "\x45\x00\x00\x28\x00\x00\x00\x00\x40\x06\x66\xce\x0a\x00\x00\x02\x0a\x00\x00\x01"
    "\x00\x50\x9c\x40\x00\x00\x02\xbc\x00\x00\x00\x65\x50\x12\x20\x00\xdc\x1e\x00\x00";
static const char fin[] =
    "\x45\x00\x00\x2d\x00\x00\x00\x00\x40\x06\x66\xc9\x0a\x00\x00\x01\x0a\x00\x00\x02"
    "\x9c\x40\x00\x50\x00\x00\x00\x65\x00\x00\x02\xbd\x50\x19\x20\x00\x98\x3f\x00\x00hello";

static void on_open(tcptale_conn *conn, const tcptale_open_event *event, void *user) {
  fprintf(user, "%" PRIu64 " open %s\n", tcptale_conn_id(conn), tcptale_how_name(event->how));
}
static void on_data(tcptale_conn *conn, const tcptale_data_event *event, void *user) {
  fprintf(user, "%" PRIu64 " %s: %.*s\n", tcptale_conn_id(conn),
          tcptale_direction_name(event->direction), (int)event->len, (const char *)event->data);
}
static void on_close(tcptale_conn *conn, const tcptale_close_event *event, void *user) {
  fprintf(user, "%" PRIu64 " close %s\n", tcptale_conn_id(conn), tcptale_close_name(event->why));
}
int main(void) {
  tcptale_callbacks calls = {sizeof calls, .on_open = on_open, .on_data = on_data,
                             .on_close = on_close};
  tcptale_frame frames[3] = {
      {sizeof *frames, TCPTALE_LINK_RAW, 40, 40, 0, 1, 0, (const uint8_t *)syn},
      {sizeof *frames, TCPTALE_LINK_RAW, 40, 40, 1000, 2, 0, (const uint8_t *)ack},
      {sizeof *frames, TCPTALE_LINK_RAW, 45, 45, 2000, 3, 0, (const uint8_t *)fin}};
  tcptale_tracker *tracker;
  if (tcptale_tracker_new(&tracker, NULL, &calls, stdout) != TCPTALE_OK) return 1;
  tcptale_tracker_feed(tracker, frames, 3, NULL);
  return tcptale_tracker_free(tracker) != TCPTALE_OK;
}
